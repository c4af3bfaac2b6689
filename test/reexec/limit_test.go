package reexec

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/test/bed"
)

// The limits of open files that systemd gives to a service: programs that do not know
// better stay below the soft one, and ours raises it.
const softLimit, hardLimit = "200", "4000"

// startLimited starts a daemon with these limits.
func startLimited(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, bed.Binary(t, "virtlockd"))
	r.daemon = r.Start(exec.Command("prlimit", "--nofile="+softLimit+":"+hardLimit, r.program))
	bed.Eventually(t, "the daemon answers", func() bool {
		c, err := r.Dial(bed.Socket)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	r.control = r.Connect()
	return r
}

var openFiles = regexp.MustCompile(`Max open files +(\S+) +(\S+)`)

// libvirtsAs is a script that says it is libvirt's daemon, and then does something.
func libvirtsAs(whenAsked, asDaemon string) string {
	return "#!/bin/sh\ncase $1 in --version) echo 'virtlockd (libvirt) 9.0.0'; " + whenAsked + ";; *) " + asDaemon + ";; esac\n"
}

// libvirt's daemon does not raise the limit: with the soft one it could not even open
// the file with the state beside thousands of locks, and end with all of them.
func TestLibvirtsDaemonGetsTheRaisedLimit(t *testing.T) {
	t.Parallel()
	r := startLimited(t)
	said := filepath.Join(bed.Dir(t), "limits")
	r.breakProgram(libvirtsAs(":", fmt.Sprintf("cat /proc/self/limits >%s.new; mv %[1]s.new %[1]s", said)))
	r.daemon.Signal(unix.SIGUSR1)
	bed.Eventually(t, "the next program runs", func() bool { return fileExists(said) })
	text, err := os.ReadFile(said)
	check(t, err)
	wantRaised(t, string(text))
}

// The limit that ours has raised stays raised when the next program was checked, and
// could not be executed all the same.
func TestFailedExecLeavesTheLimit(t *testing.T) {
	t.Parallel()
	r := startLimited(t)
	watch := r.lines()
	watch.must(1, api.EventSubscribe, api.SubscribeParams{Types: []string{"daemon.*"}})
	working := filepath.Join(bed.Dir(t), "working")
	copyFile(t, r.program, working)
	r.breakProgram(libvirtsAs("rm $0", ":"))
	r.daemon.Signal(unix.SIGUSR1)
	if e := watch.next().Params; e.Type != api.EventDaemonReexecFailed || !strings.Contains(e.Message, "execve") {
		t.Fatalf("got %+v", e)
	}
	wantRaised(t, r.Read(fmt.Sprintf("/proc/%d/limits", r.daemon.PID())))
}

func wantRaised(t *testing.T, limits string) {
	t.Helper()
	if found := openFiles.FindStringSubmatch(limits); found == nil || found[1] != hardLimit || found[2] != hardLimit {
		t.Errorf("the limit of open files is %q", found)
	}
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
