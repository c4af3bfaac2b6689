package daemon_test

import (
	"net"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/virnet"
)

var wireCases = slices.Concat(wireGeneric, wireOwners, wireSpaces, wireResources, wireLocks)

// Why ours answers otherwise.
const (
	noProcess = "an owner is a process, and its exit ends its locks: one that is not there has none"
	absolute  = "a path does not depend on the daemon's working directory"
	noSpace   = "a lockspace has a directory; without one libvirt's daemon ends with a fault later"
	confined  = "a name stays in its lockspace, and a file has one name there"
	printable = "a name can be shown to a person as it is"
	onlyEmpty = "a file with something in it is somebody's data, and is never unlinked"
	noFile    = "only what can be locked is opened, as to open some devices is to act on them"
	oneFile   = "one file is one lock, whatever its name"
)

// wireOwners are about REGISTER and RESTRICT, and about what needs them.
var wireOwners = []wireCase{
	{name: "not registered", run: func(s *script) {
		c := s.dial()
		for _, call := range s.allButRegister() {
			c.call(call.procedure, call.args)
		}
	}},
	{name: "flags come first", run: func(s *script) {
		c := s.dial()
		for range 2 {
			for _, flags := range []uint32{1, 4, 0x80000000, 0xffffffff} {
				a := registration(s.guest)
				a.ID, a.Flags = 0, flags
				c.call(virnet.ProcRegister, a)
				c.call(virnet.ProcRestrict, virnet.FlagsArgs{Flags: flags})
				c.call(virnet.ProcNew, virnet.New{Flags: flags})
				for procedure := virnet.ProcCreateResource; procedure <= virnet.ProcRelease; procedure++ {
					c.call(procedure, virnet.Resource{Path: "/none", Name: "a", Flags: flags})
				}
			}
			c.call(virnet.ProcRegister, registration(s.guest))
			c.call(virnet.ProcRestrict, virnet.FlagsArgs{})
		}
	}},
	{name: "register", run: func(s *script) {
		c := s.dial()
		a := registration(s.guest)
		a.ID = 0
		c.call(virnet.ProcRegister, a)
		c.call(virnet.ProcAcquire, virnet.Resource{Name: s.path("none")})
		for _, name := range []string{"vm", "", "two\nlines", "\xff\xfe", strings.Repeat("n", 300), "a\x00b"} {
			a := registration(s.guest)
			a.Name = name
			c.call(virnet.ProcRegister, a)
		}
		a = registration(s.guest)
		a.UUID, a.ID = [16]byte{}, 0xffffffff
		c.call(virnet.ProcRegister, a)
	}},
	{name: "register for nobody who lives", run: func(s *script) {
		c := s.dial()
		c.call(virnet.ProcRegister, registration(0))
		c.call(virnet.ProcRegister, registration(-1))
		c.call(virnet.ProcRegister, registration(1<<30))
	}, wanted: []difference{
		{noProcess, "ok", "55/7 find process 0: no such process"},
		{noProcess, "ok", "55/7 find process 4294967295: no such process"},
		{noProcess, "ok", "55/7 find process 1073741824: no such process"},
	}},
	{name: "register again", run: func(s *script) {
		disk := s.file("a.img")
		c := s.registered()
		c.call(virnet.ProcAcquire, virnet.Resource{Name: disk})
		c.call(virnet.ProcRegister, registration(s.other))
		c.call(virnet.ProcRelease, virnet.Resource{Name: disk})
		c.call(virnet.ProcRegister, registration(s.guest))
		c.call(virnet.ProcRelease, virnet.Resource{Name: disk})
	}},
	{name: "restricted", run: func(s *script) {
		c := s.registered()
		c.call(virnet.ProcRestrict, virnet.FlagsArgs{})
		c.call(virnet.ProcRegister, registration(s.guest))
		for _, call := range s.allButRegister() {
			c.call(call.procedure, call.args)
		}
		c.header(lockCall(99))
		c.header(lockCall(virnet.ProcAcquire))
	}},
	{name: "the end of a libvirtd's connection frees nothing", run: func(s *script) {
		disk := s.file("a.img")
		c := s.registered()
		c.call(virnet.ProcAcquire, virnet.Resource{Name: disk})
		s.must(c.Close())
		s.registeredFor(s.other).call(virnet.ProcAcquire, virnet.Resource{Name: disk})
		c = s.registered() // another one, for the same guest
		c.call(virnet.ProcRelease, virnet.Resource{Name: disk})
	}},
}

type wireCall struct {
	procedure int32
	args      virnet.Payload
}

// allButRegister are calls of all other procedures.
func (s *script) allButRegister() []wireCall {
	return []wireCall{
		{virnet.ProcRestrict, virnet.FlagsArgs{}},
		{virnet.ProcNew, virnet.New{Path: s.path("new")}},
		{virnet.ProcNew, virnet.New{}},
		{virnet.ProcCreateResource, virnet.Resource{Path: "/none", Name: "a"}},
		{virnet.ProcDeleteResource, virnet.Resource{Path: "/none", Name: "a"}},
		{virnet.ProcAcquire, virnet.Resource{Path: "/none", Name: "a"}},
		{virnet.ProcRelease, virnet.Resource{Path: "/none", Name: "a"}},
		{virnet.ProcRestrict, virnet.FlagsArgs{}},
		{virnet.ProcCreateLockspace, virnet.CreateLockspace{Path: s.path("created")}},
	}
}

// wireSpaces are about NEW and CREATE_LOCKSPACE.
var wireSpaces = []wireCase{
	{name: "new lockspace", run: func(s *script) {
		c := s.registered()
		c.call(virnet.ProcNew, virnet.New{})
		c.call(virnet.ProcNew, virnet.New{Path: s.path("new")})
		c.call(virnet.ProcNew, virnet.New{Path: s.path("new")})
		c.call(virnet.ProcNew, virnet.New{Path: s.mkdir("there")})
		c.call(virnet.ProcNew, virnet.New{Path: s.path("with/its/parents")})
		c.call(virnet.ProcCreateLockspace, virnet.CreateLockspace{Path: s.path("new")})
		c.call(virnet.ProcAcquire, virnet.Resource{Path: s.path("with/its/parents"), Name: "a", Flags: virnet.AcquireAutocreate})
	}},
	{name: "create lockspace", run: func(s *script) {
		c := s.dial()
		c.call(virnet.ProcCreateLockspace, virnet.CreateLockspace{})
		c.call(virnet.ProcCreateLockspace, virnet.CreateLockspace{Path: s.path("new")})
		c.call(virnet.ProcCreateLockspace, virnet.CreateLockspace{Path: s.path("new")})
		c.call(virnet.ProcCreateLockspace, virnet.CreateLockspace{Path: s.path("with/its/parents")})
		c.call(virnet.ProcCreateLockspace, virnet.CreateLockspace{Path: s.path("new/")})
		c = s.registered()
		c.call(virnet.ProcNew, virnet.New{Path: s.path("new")})
	}},
	{name: "lockspace that is a file", run: func(s *script) {
		s.dial().call(virnet.ProcCreateLockspace, virnet.CreateLockspace{Path: s.file("f")})
		c := s.registered()
		c.call(virnet.ProcAcquire, virnet.Resource{Path: s.path("f"), Name: "a"})
	}},
	{name: "lockspace below a file", run: func(s *script) {
		s.dial().call(virnet.ProcCreateLockspace, virnet.CreateLockspace{Path: s.file("f") + "/below"})
	}},
	{name: "lockspace where none can be made", run: func(s *script) {
		s.dial().call(virnet.ProcCreateLockspace, virnet.CreateLockspace{Path: "/proc/none"})
	}},
	{name: "lockspace that is a link to a directory", run: func(s *script) {
		s.must(os.Symlink(s.mkdir("real"), s.path("link")))
		s.dial().call(virnet.ProcCreateLockspace, virnet.CreateLockspace{Path: s.path("link")})
	}},
	{name: "lockspace with a relative path", run: func(s *script) {
		s.dial().call(virnet.ProcCreateLockspace, virnet.CreateLockspace{Path: "."})
	}, wanted: []difference{
		{absolute, "ok", `8/51 lockspace path "." is not an absolute path`},
	}},
}

// wireDamages are lockspaces that libvirt's daemon says it has made, and has not:
// it ends with a fault when it works with them later.
var wireDamages = []wireCase{
	{name: "new lockspace where none can be made", run: func(s *script) {
		c := s.registered()
		c.call(virnet.ProcNew, virnet.New{Path: "/proc/none"})
		c.call(virnet.ProcNew, virnet.New{Path: "/proc/none"})
		c.call(virnet.ProcAcquire, virnet.Resource{Path: "/proc/none", Name: "a"})
	}, wanted: []difference{
		{noSpace, "ok", "38/51 errno 2 Unable to create lockspace /proc/none: No such file or directory"},
		{noSpace, "ok", "38/51 errno 2 Unable to create lockspace /proc/none: No such file or directory"},
	}},
	{name: "new lockspace that is a file", run: func(s *script) {
		c := s.registered()
		c.call(virnet.ProcNew, virnet.New{Path: s.file("f")})
		c.call(virnet.ProcAcquire, virnet.Resource{Path: s.path("f"), Name: "a"})
	}, wanted: []difference{
		{noSpace, "ok", "1/51 Lockspace location DIR/f exists, but is not a directory"},
	}},
}

// wireResources are about CREATE_RESOURCE and DELETE_RESOURCE.
var wireResources = []wireCase{
	{name: "create resource", run: func(s *script) {
		c, space := s.withSpace()
		for _, name := range []string{"a", "a", "sub/b", "none/c"} {
			c.call(virnet.ProcCreateResource, virnet.Resource{Path: space, Name: name})
		}
		s.mkdir("space/d")
		c.call(virnet.ProcCreateResource, virnet.Resource{Path: space, Name: "d"})
		c.call(virnet.ProcCreateResource, virnet.Resource{Path: "/none", Name: "a"})
		c.call(virnet.ProcAcquire, virnet.Resource{Path: space, Name: "a"})
		c.call(virnet.ProcCreateResource, virnet.Resource{Path: space, Name: "a"})
	}},
	{name: "create resource in the direct lockspace", run: func(s *script) {
		c := s.registered()
		c.call(virnet.ProcCreateResource, virnet.Resource{Name: s.path("new.img")})
		c.call(virnet.ProcCreateResource, virnet.Resource{Name: s.file("there.img")})
	}},
	{name: "delete resource", run: func(s *script) {
		c, space := s.withSpace()
		c.call(virnet.ProcDeleteResource, virnet.Resource{Path: space, Name: "missing"})
		c.call(virnet.ProcCreateResource, virnet.Resource{Path: space, Name: "a"})
		c.call(virnet.ProcAcquire, virnet.Resource{Path: space, Name: "a"})
		c.call(virnet.ProcDeleteResource, virnet.Resource{Path: space, Name: "a"})
		c.call(virnet.ProcRelease, virnet.Resource{Path: space, Name: "a"})
		c.call(virnet.ProcDeleteResource, virnet.Resource{Path: space, Name: "a"})
		c.call(virnet.ProcDeleteResource, virnet.Resource{Path: "/none", Name: "a"})
		c.call(virnet.ProcDeleteResource, virnet.Resource{Path: space, Name: "sub"})
		c.call(virnet.ProcDeleteResource, virnet.Resource{Path: space, Name: "none/a"})
	}},
	{name: "delete a disk", run: func(s *script) {
		c, space := s.withSpace()
		s.file("space/disk.img")
		c.call(virnet.ProcDeleteResource, virnet.Resource{Path: space, Name: "disk.img"})
	}, wanted: []difference{
		{onlyEmpty, "ok", "55/51 DIR/space/disk.img is not empty, so it is no lock file"},
		{onlyEmpty, "", "left DIR/space/disk.img -rw------- 4"},
	}},
	{name: "names that leave the lockspace", run: func(s *script) {
		c, space := s.withSpace()
		for _, procedure := range []int32{virnet.ProcCreateResource, virnet.ProcAcquire, virnet.ProcRelease, virnet.ProcDeleteResource} {
			c.call(procedure, virnet.Resource{Path: space, Name: "../outside"})
		}
	}, wanted: []difference{
		{confined, "ok", `8/51 resource name "../outside" is empty, absolute, or has an empty, "." or ".." element`},
		{confined, "ok", `8/51 resource name "../outside" is empty, absolute, or has an empty, "." or ".." element`},
		{confined, "ok", "87/51 Lockspace resource '../outside' is not locked"},
		{confined, "ok", `8/51 resource name "../outside" is empty, absolute, or has an empty, "." or ".." element`},
	}},
	{name: "links that leave the lockspace", run: func(s *script) {
		c, space := s.withSpace()
		s.file("disk.img")
		s.must(os.Symlink("../disk.img", space+"/link"))
		c.call(virnet.ProcAcquire, virnet.Resource{Path: space, Name: "link"})
	}, wanted: []difference{
		{confined, "ok", "38/51 errno 40 Unable to open resource DIR/space/link: Too many levels of symbolic links"},
	}},
	{name: "names with strange bytes", run: func(s *script) {
		c, space := s.withSpace()
		for _, name := range []string{"a\nb", "a\x00b", "\xff"} {
			c.call(virnet.ProcCreateResource, virnet.Resource{Path: space, Name: name})
		}
	}, wanted: []difference{
		{printable, "ok", `8/51 resource name "a\nb" has a control character`},
		{printable, "ok", `8/51 resource name "a\x00b" has a control character`},
		{printable, "ok", `8/51 resource name "\xff" is not valid UTF-8`},
		{printable, "left DIR/space/a -rw------- 0", ""},
		{printable, "left DIR/space/a\nb -rw------- 0", ""},
		{printable, "left DIR/space/\xff -rw------- 0", ""},
	}},
}

// withSpace gives a registered connection and a lockspace with a directory in it.
func (s *script) withSpace() (*wireConn, string) {
	c := s.registered()
	space := s.mkdir("space")
	s.mkdir("space/sub")
	c.call(virnet.ProcCreateLockspace, virnet.CreateLockspace{Path: space})
	return c, space
}

// wireLocks are about ACQUIRE_RESOURCE and RELEASE_RESOURCE.
var wireLocks = []wireCase{
	{name: "exclusive", run: func(s *script) {
		disk := s.file("a.img")
		a, b := s.registered(), s.registeredFor(s.other)
		a.call(virnet.ProcAcquire, virnet.Resource{Name: disk})
		a.call(virnet.ProcAcquire, virnet.Resource{Name: disk})
		b.call(virnet.ProcAcquire, virnet.Resource{Name: disk})
		b.call(virnet.ProcAcquire, virnet.Resource{Name: disk, Flags: virnet.AcquireShared})
		b.call(virnet.ProcRelease, virnet.Resource{Name: disk})
		a.call(virnet.ProcRelease, virnet.Resource{Name: disk})
		a.call(virnet.ProcRelease, virnet.Resource{Name: disk})
		b.call(virnet.ProcAcquire, virnet.Resource{Name: disk})
		b.call(virnet.ProcRelease, virnet.Resource{Name: disk})
	}},
	{name: "shared", run: func(s *script) {
		disk := s.file("a.img")
		shared := virnet.Resource{Name: disk, Flags: virnet.AcquireShared}
		a, b := s.registered(), s.registeredFor(s.other)
		a.call(virnet.ProcAcquire, shared)
		a.call(virnet.ProcAcquire, shared)
		b.call(virnet.ProcAcquire, shared)
		b.call(virnet.ProcAcquire, virnet.Resource{Name: disk})
		a.call(virnet.ProcRelease, virnet.Resource{Name: disk})
		a.call(virnet.ProcRelease, virnet.Resource{Name: disk})
		a.call(virnet.ProcRelease, virnet.Resource{Name: disk})
		b.call(virnet.ProcRelease, virnet.Resource{Name: disk})
		a.call(virnet.ProcAcquire, virnet.Resource{Name: disk})
	}},
	{name: "two connections of one guest", run: func(s *script) {
		disk := s.file("a.img")
		a, b := s.registered(), s.registered()
		a.call(virnet.ProcAcquire, virnet.Resource{Name: disk})
		b.call(virnet.ProcAcquire, virnet.Resource{Name: disk})
		b.call(virnet.ProcRelease, virnet.Resource{Name: disk})
		a.call(virnet.ProcRelease, virnet.Resource{Name: disk})
	}},
	{name: "autocreate", run: func(s *script) {
		c, space := s.withSpace()
		for _, flags := range []uint32{virnet.AcquireAutocreate, virnet.AcquireAutocreate | virnet.AcquireShared} {
			r := virnet.Resource{Path: space, Name: "a", Flags: flags}
			c.call(virnet.ProcAcquire, r)
			s.listFiles()
			c.call(virnet.ProcRelease, virnet.Resource{Path: space, Name: "a"})
			s.listFiles()
		}
		c.call(virnet.ProcAcquire, virnet.Resource{Path: space, Name: "none/a", Flags: virnet.AcquireAutocreate})
		c.call(virnet.ProcAcquire, virnet.Resource{Path: space, Name: "sub", Flags: virnet.AcquireAutocreate})
	}},
	{name: "autocreate, shared by two", run: func(s *script) {
		a, space := s.withSpace()
		b := s.registeredFor(s.other)
		r := virnet.Resource{Path: space, Name: "a", Flags: virnet.AcquireAutocreate | virnet.AcquireShared}
		a.call(virnet.ProcAcquire, r)
		b.call(virnet.ProcAcquire, r)
		a.call(virnet.ProcRelease, virnet.Resource{Path: space, Name: "a"})
		s.listFiles()
		b.call(virnet.ProcRelease, virnet.Resource{Path: space, Name: "a"})
	}},
	{name: "autocreate in the direct lockspace", run: func(s *script) {
		c := s.registered()
		c.call(virnet.ProcAcquire, virnet.Resource{Name: s.path("new.img"), Flags: virnet.AcquireAutocreate})
		s.listFiles()
		c.call(virnet.ProcRelease, virnet.Resource{Name: s.path("new.img")})
	}},
	{name: "autocreate of a disk that is there", run: func(s *script) {
		c := s.registered()
		disk := s.file("a.img")
		c.call(virnet.ProcAcquire, virnet.Resource{Name: disk, Flags: virnet.AcquireAutocreate})
		c.call(virnet.ProcRelease, virnet.Resource{Name: disk})
	}, wanted: []difference{
		{onlyEmpty, "", "left DIR/a.img -rw------- 4"},
	}},
	{name: "what cannot be opened", run: func(s *script) {
		c, space := s.withSpace()
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: s.path("space/s"), Net: "unix"})
		s.must(err)
		defer l.Close()
		s.must(os.Symlink("loop", s.path("space/loop")))
		for _, name := range []string{"missing", "sub", "s", "loop", "missing/below", "sub/"} {
			c.call(virnet.ProcAcquire, virnet.Resource{Name: s.path("space/" + name)})
			c.call(virnet.ProcAcquire, virnet.Resource{Path: space, Name: name})
			c.call(virnet.ProcAcquire, virnet.Resource{Name: s.path("space/" + name), Flags: virnet.AcquireAutocreate})
		}
		c.call(virnet.ProcAcquire, virnet.Resource{Name: s.file("f") + "/below"})
		c.call(virnet.ProcAcquire, virnet.Resource{Name: "/" + strings.Repeat("n", 256)})
	}, wanted: []difference{
		{confined, "38/51 errno 21 Unable to open resource DIR/space/sub/: Is a directory", `8/51 resource name "sub/" is empty, absolute, or has an empty, "." or ".." element`},
	}},
	{name: "what is no file", run: func(s *script) {
		c := s.registered()
		s.must(unix.Mkfifo(s.path("fifo"), 0o600))
		c.call(virnet.ProcAcquire, virnet.Resource{Name: s.path("fifo")})
		c.call(virnet.ProcAcquire, virnet.Resource{Name: "/dev/null"})
	}, wanted: []difference{
		{noFile, "ok", "8/51 Unable to open resource DIR/fifo: not a regular file or block device"},
		{noFile, "ok", "8/51 Unable to open resource /dev/null: not a regular file or block device"},
	}},
	{name: "relative names", run: func(s *script) {
		c, space := s.withSpace()
		s.file("space/a")
		for _, name := range []string{"", ".", "a/..", "sub/../a", "/a", "a/", "./a", "sub//a"} {
			c.call(virnet.ProcAcquire, virnet.Resource{Path: space, Name: name})
			c.call(virnet.ProcRelease, virnet.Resource{Path: space, Name: name})
		}
		c.call(virnet.ProcAcquire, virnet.Resource{})
		c.call(virnet.ProcAcquire, virnet.Resource{Name: "no-such-file"})
	}, wanted: []difference{
		{confined, "38/51 errno 21 Unable to open resource DIR/space/: Is a directory", `8/51 resource name "" is empty, absolute, or has an empty, "." or ".." element`},
		{confined, "38/51 errno 21 Unable to open resource DIR/space/.: Is a directory", `8/51 resource name "." is empty, absolute, or has an empty, "." or ".." element`},
		{confined, "38/51 errno 20 Unable to open resource DIR/space/a/..: Not a directory", `8/51 resource name "a/.." is empty, absolute, or has an empty, "." or ".." element`},
		{confined, "ok", `8/51 resource name "sub/../a" is empty, absolute, or has an empty, "." or ".." element`},
		{confined, "ok", "87/51 Lockspace resource 'sub/../a' is not locked"},
		{confined, "ok", `8/51 resource name "/a" is empty, absolute, or has an empty, "." or ".." element`},
		{confined, "ok", "87/51 Lockspace resource '/a' is not locked"},
		{confined, "38/51 errno 20 Unable to open resource DIR/space/a/: Not a directory", `8/51 resource name "a/" is empty, absolute, or has an empty, "." or ".." element`},
		{confined, "ok", `8/51 resource name "./a" is empty, absolute, or has an empty, "." or ".." element`},
		{confined, "ok", "87/51 Lockspace resource './a' is not locked"},
		{confined, "38/51 errno 2 Unable to open resource DIR/space/sub//a: No such file or directory", `8/51 resource name "sub//a" is empty, absolute, or has an empty, "." or ".." element`},
		{absolute, "38/51 errno 2 Unable to open resource : No such file or directory", `8/51 resource name "" is not an absolute path`},
		{absolute, "38/51 errno 2 Unable to open resource no-such-file: No such file or directory", `8/51 resource name "no-such-file" is not an absolute path`},
	}},
	{name: "unknown lockspace", run: func(s *script) {
		c := s.registered()
		disk := s.file("a")
		for procedure := virnet.ProcCreateResource; procedure <= virnet.ProcRelease; procedure++ {
			c.call(procedure, virnet.Resource{Path: s.dir, Name: "a"})
			c.call(procedure, virnet.Resource{Path: "relative", Name: disk})
		}
	}},
	{name: "one file by two names", run: func(s *script) {
		disk := s.file("a.img")
		s.must(os.Link(disk, s.path("hard.img")))
		s.must(os.Symlink(disk, s.path("soft.img")))
		a, b := s.registered(), s.registeredFor(s.other)
		a.call(virnet.ProcAcquire, virnet.Resource{Name: disk})
		for _, name := range []string{"hard.img", "soft.img", "../dir/a.img"} {
			b.call(virnet.ProcAcquire, virnet.Resource{Name: s.path(name)})
		}
	}, wanted: []difference{
		{oneFile, "ok", "87/51 Lockspace resource 'DIR/hard.img' is locked"},
		{oneFile, "ok", "87/51 Lockspace resource 'DIR/soft.img' is locked"},
		{oneFile, "ok", "87/51 Lockspace resource 'DIR/../dir/a.img' is locked"},
	}},
	{name: "locked by a stranger", run: func(s *script) {
		c := s.registered()
		for _, kind := range []int{unix.F_OFD_SETLK, unix.F_SETLK} {
			s.lockedByStranger(kind, func(disk string) {
				c.call(virnet.ProcAcquire, virnet.Resource{Name: disk})
				c.call(virnet.ProcAcquire, virnet.Resource{Name: disk, Flags: virnet.AcquireShared})
			})
		}
	}},
}

// lockedByStranger calls f while this process holds a lock on a disk.
func (s *script) lockedByStranger(kind int, f func(disk string)) {
	disk := s.file("strange.img")
	file, err := os.OpenFile(disk, os.O_RDWR, 0)
	s.must(err)
	defer file.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK, Len: 1}
	s.must(unix.FcntlFlock(file.Fd(), kind, &lock))
	f(disk)
}
