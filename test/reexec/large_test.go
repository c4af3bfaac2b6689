package reexec

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/test/bed"
)

// footprint is what a daemon takes of the system.
type footprint struct{ files, threads, children, kilobytes int }

func (r *rig) footprint() (f footprint) {
	r.t.Helper()
	proc := fmt.Sprintf("/proc/%d/", r.daemon.PID())
	names, err := os.ReadDir(proc + "fd")
	check(r.t, err)
	f.files = len(names)
	text, err := os.ReadFile(proc + "status")
	check(r.t, err)
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		switch words[0] {
		case "Threads:":
			f.threads, _ = strconv.Atoi(words[1])
		case "VmRSS:":
			f.kilobytes, _ = strconv.Atoi(words[1])
		}
	}
	children, err := os.ReadFile(fmt.Sprintf("%stask/%d/children", proc, r.daemon.PID()))
	check(r.t, err)
	f.children = len(strings.Fields(string(children)))
	return f
}

// TestNothingGrows re-executes a thousand times.
func TestNothingGrows(t *testing.T) {
	t.Parallel()
	r := startQuick(t)
	owner := r.Owner("owner", r.guest().PID())
	for range 50 {
		owner.MustAcquire(bed.Direct(r.image()))
	}
	for range 10 {
		r.reexec()
	}
	before := r.footprint()
	for range 1000 {
		r.reexec()
	}
	var after footprint
	defer func() { t.Logf("before %+v, after %+v", before, after) }()
	bed.Eventually(t, "the last child is waited for", func() bool {
		after = r.footprint()
		return after.children <= before.children && after.files < before.files+10 // one more each time would be 1000
	})
	if after.threads > before.threads+8 || after.kilobytes > before.kilobytes*3/2+4096 {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if s := r.status(); s.Locks != 50 {
		t.Errorf("%+v", s)
	}
}

// TestALargeState is six times as large as one that libvirt's daemon gets over, and
// takes nearly all descriptors that there may be.
func TestALargeState(t *testing.T) {
	t.Parallel()
	var limit unix.Rlimit
	check(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	locks, clients := int(limit.Max*3/4), int(limit.Max/5)
	if limit.Max > 20000 {
		locks, clients = 15000, 4000
	}
	r := startQuick(t)
	r.virtAdmin("srv-clients-set", "virtlockd", "--max-clients", "20000")
	owner := r.Owner("owner", r.guest().PID())
	dir := longDir(t)
	for i := 0; i < locks; i += 100 {
		var params api.AcquireParams
		for j := range 100 {
			path := fmt.Sprintf("%s/%05d.img", dir, i+j)
			file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
			check(t, err)
			file.Close()
			params.Resources = append(params.Resources, bed.Direct(path))
		}
		owner.Must(api.LockAcquire, params, nil)
	}
	for range clients {
		r.rpc() // the daemon hears nothing of it
	}
	bed.Eventually(t, "all are connected", func() bool { return r.status().Clients >= clients })
	b := r.startBusy(1)
	for range 2 {
		if got := r.reexec(); got.Locks < locks || got.Clients < clients {
			t.Errorf("%+v", got)
		}
	}
	b.end()
	s := r.status()
	t.Logf("%d locks and %d clients, %d of %d descriptors", s.Locks, s.Clients, s.OpenFiles, s.MaxOpenFiles)
	if s.Locks != locks || s.Keeper == nil || !s.Keeper.Complete {
		t.Errorf("%+v, keeper %+v", s, s.Keeper)
	}
	if !isLocked(fmt.Sprintf("%s/%05d.img", dir, locks-1)) {
		t.Error("the kernel has no lock")
	}
}

// longDir is a directory whose path is nearly as long as names of locks may be here.
func longDir(t testing.TB) string {
	t.Helper()
	dir := bed.Dir(t) + strings.Repeat("/"+strings.Repeat("d", 199), 19)
	check(t, os.MkdirAll(dir, 0o700))
	return dir
}
