package crash

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/test/bed"
)

const (
	signalReexec      = unix.SIGUSR1
	failpointVariable = "VIRTLOCKD_FAILPOINT"
)

// scene is a host with two guests: one that holds a lock from the beginning, and
// one that is at it when the daemon ends.
type scene struct {
	t            *testing.T
	host         *bed.Host
	holder, busy *bed.Process
	held         api.Resource   // the holder's
	wanted       []api.Resource // the busy one's: an image, and a lease that is made for it
	first        *bed.Process   // daemon
}

func newScene(t *testing.T, locks int) *scene {
	s := &scene{t: t, host: bed.NewHost(t, bed.WithFailpoints(t))}
	dir := bed.Dir(t)
	s.held = bed.Direct(bed.Image(t, dir, "a.img"))
	space := filepath.Join(dir, "leases")
	s.wanted = []api.Resource{
		bed.Direct(bed.Image(t, dir, "b.img")),
		{Lockspace: space, Name: "b", Autocreate: true},
	}[:locks]
	s.holder, s.busy = s.host.Start(sleeper()), s.host.Start(sleeper())
	s.first = s.host.StartVirtlockd()
	a := s.host.Owner("a", s.holder.PID())
	a.Must(api.LockspaceCreate, api.LockspaceParams{Path: space}, nil)
	a.MustAcquire(s.held)
	return s
}

func sleeper() *exec.Cmd { return exec.Command("sleep", "infinity") }

func pathOf(r api.Resource) string { return filepath.Join(r.Lockspace, r.Name) }

// locked reports whether the kernel has a lock on a resource's file.
func (s *scene) locked(r api.Resource) bool {
	file, err := os.OpenFile(pathOf(r), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer file.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK, Len: 1}
	if err := unix.FcntlFlock(file.Fd(), unix.F_OFD_GETLK, &lock); err != nil {
		s.t.Fatal(err)
	}
	return lock.Type != unix.F_UNLCK
}

// findings is what is found after the end of a daemon, one line of the table.
type findings struct {
	point
	protocol, answer, kernel, listed string
	looks                            int
}

var (
	table   []findings
	tableMu sync.Mutex // guards table
)

// TestCrashAtEachFailpoint is the crash matrix: the daemon is killed at a place,
// and the next one has to make good what that one had promised.
func TestCrashAtEachFailpoint(t *testing.T) {
	t.Cleanup(func() { printTable(t) })
	t.Run("points", func(t *testing.T) {
		for _, p := range points {
			for _, c := range protocols {
				t.Run(fmt.Sprintf("%v/%s/%s", p.operation, p.name, c.name), func(t *testing.T) {
					t.Parallel()
					s := newScene(t, c.locks)
					f := findings{point: p, protocol: c.name}
					s.run(&f, c.dial)
					tableMu.Lock()
					defer tableMu.Unlock()
					table = append(table, f)
				})
			}
		}
	})
}

func printTable(t *testing.T) {
	order := func(f findings) int { return 2*slices.Index(points, f.point) + len(f.protocol)/5 }
	slices.SortFunc(table, func(a, b findings) int { return order(a) - order(b) })
	var b strings.Builder
	fmt.Fprintf(&b, "%-8s %-22s %-8s %-9s %-14s %-16s %s\n", "call", "killed", "protocol", "answer", "kernel after", "next start", "looks at A")
	for _, f := range table {
		fmt.Fprintf(&b, "%-8v %-22s %-8s %-9s %-14s %-16s %d, never free\n",
			f.operation, f.name, f.protocol, f.answer, f.kernel, f.listed, f.looks)
	}
	t.Logf("%d crashes:\n%s", len(table), b.String())
}

// run is one case.
func (s *scene) run(f *findings, dial func(*testing.T, *bed.Host) caller) {
	endWitness := watch(s.t, pathOf(s.held))
	if f.operation == start {
		s.must(dial(s.t, s.host), caller.acquire)
	}
	s.stop()
	err := s.crash(f, dial)
	f.answer = "none"
	if answered(err) {
		f.answer = "granted"
		if f.operation == release {
			f.answer = "released"
		}
	}
	kept := s.heldAfter(f)
	s.host.StartVirtlockd()
	listed := s.check(f, err, kept)
	f.looks = endWitness()
	s.finish(listed)
}

// must has the busy guest registered, and its locks taken.
func (s *scene) must(c caller, do func(caller, []api.Resource) error) {
	s.t.Helper()
	if err := c.register(s.busy.PID()); err != nil {
		s.t.Fatal(err)
	}
	if err := do(c, s.wanted); err != nil {
		s.t.Fatal(err)
	}
}

// stop stops the first daemon, so that the next one is armed from its start.
func (s *scene) stop() {
	s.t.Helper()
	if how := s.first.Stop(unix.SIGTERM); how != "exit status 0" {
		s.t.Fatalf("the first daemon ended with %s", how)
	}
}

// crash makes the next daemon end at the failpoint, and gives what the call that
// came by it has answered.
func (s *scene) crash(f *findings, dial func(*testing.T, *bed.Host) caller) (err error) {
	s.t.Helper()
	arm := failpointVariable + "=" + f.name + f.times
	var lockd *bed.Process
	if f.operation == start {
		cmd := exec.Command(s.host.Lockd.Path(s.t))
		cmd.Env = append(os.Environ(), arm)
		lockd, err = s.host.Start(cmd), fmt.Errorf("nobody has asked")
	} else {
		lockd = s.host.StartVirtlockdWith(arm)
		c := dial(s.t, s.host)
		switch f.operation {
		case acquire:
			if err := c.register(s.busy.PID()); err != nil {
				s.t.Fatal(err)
			}
			err = c.acquire(s.wanted)
		case release:
			s.must(c, caller.acquire)
			err = c.release(s.wanted)
		case reexec:
			s.must(c, caller.acquire)
			err = c.reexec(lockd)
		}
	}
	if how := lockd.Wait(); how != "signal: killed" {
		s.t.Fatalf("the daemon ended with %q, and not at the failpoint", how)
	}
	if answered(err) && err != nil {
		s.t.Fatalf("refused: %v", err)
	}
	return err
}

// heldAfter is what the kernel still has of what is wanted.
func (s *scene) heldAfter(f *findings) []bool {
	s.t.Helper()
	if !s.locked(s.held) {
		s.t.Error("after the crash the holder's lock is gone")
	}
	held := make([]bool, len(s.wanted))
	for i, r := range s.wanted {
		held[i] = s.locked(r)
	}
	f.kernel = inWords(held, "held", "free")
	return held
}

func inWords(flags []bool, yes, no string) string {
	words := make([]string, len(flags))
	for i, flag := range flags {
		words[i] = no
		if flag {
			words[i] = yes
		}
	}
	if len(words) == 2 && words[0] == words[1] {
		words = []string{"both", words[0]}
	}
	return strings.Join(words, " ")
}

// check looks what the next daemon has found. It has nothing that was not kept
// until then.
func (s *scene) check(f *findings, err error, kept []bool) (listed []bool) {
	s.t.Helper()
	c := s.host.Connect()
	locks := c.Locks()
	s.wantListed(locks, s.held, s.holder, true)
	listed = make([]bool, len(s.wanted))
	for i, r := range s.wanted {
		listed[i] = indexOf(locks, r) >= 0
		s.wantListed(locks, r, s.busy, s.locked(r))
		if listed[i] && !kept[i] {
			s.t.Errorf("%s was free for a while", pathOf(r))
		}
	}
	f.listed = inWords(listed, "listed", "absent")
	if extra := len(locks) - 1; extra > len(s.wanted) {
		s.t.Errorf("%d locks listed that nobody asked for", extra-len(s.wanted))
	}
	s.wantPromise(f, err, listed)
	s.wantKept(c)
	return listed
}

func indexOf(locks []api.Lock, r api.Resource) int {
	return slices.IndexFunc(locks, func(l api.Lock) bool { return l.Lockspace == r.Lockspace && l.Name == r.Name })
}

// wantListed fails the test unless a lock is listed with its owner, or not at all.
func (s *scene) wantListed(locks []api.Lock, r api.Resource, guest *bed.Process, want bool) {
	s.t.Helper()
	i := indexOf(locks, r)
	switch {
	case (i >= 0) != want:
		s.t.Errorf("%s is listed: %v, and the kernel has it: %v", pathOf(r), i >= 0, want)
	case want && (len(locks[i].Holders) != 1 || locks[i].Holders[0].Owner.PID != guest.PID()):
		s.t.Errorf("%s is held by %+v, want process %d alone", pathOf(r), locks[i].Holders, guest.PID())
	case want && !s.locked(r):
		s.t.Errorf("%s is listed, and not locked", pathOf(r))
	}
}

// wantPromise compares what is there with what was answered. A call without an
// answer is done, or not, and not by half. The old protocol has no call for several
// locks: there a guest releases one after another.
func (s *scene) wantPromise(f *findings, err error, listed []bool) {
	s.t.Helper()
	all, none := !slices.Contains(listed, false), !slices.Contains(listed, true)
	switch {
	case f.operation == acquire && answered(err), f.operation == reexec, f.operation == start:
		if !all {
			s.t.Error("what was granted is lost")
		}
	case f.operation == release && answered(err):
		if !none {
			s.t.Error("what was released is held")
		}
	case !all && !none:
		s.t.Error("half of a call was done")
	}
}

// wantKept fails the test unless a keeper has all that is held, and nothing is
// missing.
func (s *scene) wantKept(c *bed.Conn) {
	s.t.Helper()
	var status api.Status
	bed.Eventually(s.t, "the keeper keeps all", func() bool {
		status = api.Status{}
		c.Must(api.DaemonStatus, api.Empty{}, &status)
		return status.Keeper != nil && status.Keeper.Complete
	})
	if len(status.Missing) > 0 {
		s.t.Errorf("missing: %+v", status.Missing)
	}
}

// finish has everything released by its owners, what was not granted after it was
// taken, and looks that nobody else can have it until then.
func (s *scene) finish(listed []bool) {
	s.t.Helper()
	for _, guest := range []*bed.Process{s.holder, s.busy} {
		if !guest.Running() {
			s.t.Error("a guest is dead")
		}
	}
	a, b := s.host.Owner("a", s.holder.PID()), s.host.Owner("b", s.busy.PID())
	for i, r := range s.wanted {
		if listed[i] {
			s.wantBusy(a, r)
		} else {
			b.MustAcquire(r)
		}
		b.MustRelease(r)
	}
	s.wantBusy(b, s.held)
	a.MustRelease(s.held)
	for _, r := range append(s.wanted, s.held) {
		if s.locked(r) {
			s.t.Errorf("%s is locked after its release", pathOf(r))
		}
		if _, err := os.Stat(pathOf(r)); r.Autocreate && err == nil {
			s.t.Errorf("%s is there after its release", pathOf(r))
		}
	}
}

func (s *scene) wantBusy(c *bed.Conn, r api.Resource) {
	s.t.Helper()
	if err := c.Acquire(r); err == nil || err.Data == nil || err.Data.Code != api.CodeBusy {
		s.t.Errorf("%s is to be busy: %+v", pathOf(r), err)
	}
}
