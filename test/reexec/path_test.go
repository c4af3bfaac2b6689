package reexec

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"virtlock/client/api"
	"virtlock/test/bed"
)

// A daemon can be told to become a program at another path, which is its own from
// then on.
func TestReexecToAnotherPath(t *testing.T) {
	t.Parallel()
	r := startQuick(t)
	r.Owner("owner", r.guest().PID()).MustAcquire(bed.Direct(r.image()))
	other := filepath.Join(bed.Dir(t), "other")
	copyFile(t, r.program, other)

	var result api.ReexecResult
	r.control.Must(api.DaemonReexec, api.ReexecParams{Program: other}, &result)
	if result.Program != other || result.PID != r.daemon.PID() || result.Locks != 1 {
		t.Errorf("daemon.reexec says %+v", result)
	}
	if first := strings.Split(r.commandLine(), "\x00")[0]; first != other {
		t.Errorf("it runs as %q", first)
	}
	check(t, os.Remove(r.program))
	if result := r.reexec(); result.Program != other {
		t.Errorf("then it is %+v", result)
	}

	// What cannot take over changes nothing, the path neither.
	err := r.control.Call(api.DaemonReexec, api.ReexecParams{Program: "/bin/true"}, nil)
	if err == nil || err.Data.Code != api.CodeRefused || !strings.Contains(err.Message, `"/bin/true" is no lock daemon`) {
		t.Errorf("as /bin/true: %+v", err)
	}
	err = r.control.Call(api.DaemonReexec, api.ReexecParams{Program: "other"}, nil)
	if err == nil || err.Data.Code != api.CodeInvalid {
		t.Errorf("with a relative path: %+v", err)
	}
	if result := r.reexec(); result.Program != other || result.Locks != 1 {
		t.Errorf("in the end it is %+v", result)
	}
}

// commandLine is that of the daemon, as in proc(5).
func (r *rig) commandLine() string {
	r.t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(r.daemon.PID()) + "/cmdline")
	check(r.t, err)
	return string(b)
}
