package reexec

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"virtlock/client/api"
	"virtlock/test/bed"
)

// script answers --version as ours does, and --dry-run by what it is.
func script(dryRun string) string {
	return "#!/bin/sh\ncase $1 in --version) echo 'virtlockd (virtlock) 0.2';; *) " + dryRun + ";; esac\n"
}

// broken are programs that cannot take over, and a part of what is said of each.
// REAL is a program that can.
var broken = []struct{ name, make, want string }{
	{"absent", "rm PROGRAM", "no such file or directory"},
	{"not executable", "chmod a-x PROGRAM", "permission denied"},
	{"a directory", "rm PROGRAM; mkdir PROGRAM", "permission denied"},
	{"no program", "echo text >PROGRAM", "exec format error"},
	{"for another processor", `printf '\363' | dd of=PROGRAM bs=1 seek=18 conv=notrunc`, "exec format error"},
	{"without its interpreter", "echo '#!/no/such/shell' >PROGRAM", "no such file or directory"},
	{"another one", "cp /bin/true PROGRAM", `is no lock daemon: its version is "true (GNU coreutils)`},
	{"fails", "echo '#!/bin/sh\necho broken >&2\nexit 1' >PROGRAM", `exit status 1: "broken"`},
	{"crashes", "echo '#!/bin/sh\nkill -SEGV $$' >PROGRAM", "signal: segmentation fault"},
	{"hangs", "echo '#!/bin/sh\nsleep 1000' >PROGRAM", "it did not end in time"},
	{"fails at the check", script("head -c 8 >/dev/null; echo broken >&2; exit 3"), `exit status 3: "broken"`},
	{"crashes at the check", script("kill -SEGV $$"), "signal: segmentation fault"},
	{"ends at the check", script(":"), "it ended without an answer"},
	{"hangs at the check", script("sleep 1000"), "it did not end in time"},
	{"hangs at the last check", script("REAL --dry-run | { read l; echo $l; sleep 1000; }"), "it did not end in time"},
	{"answers without an end", script("yes | tr -d '\\n'"), "its answer has no end"},
	{"counts otherwise", script("echo 'lockspaces 0, locks 0, clients 0, waiting 0, sockets 0'; sleep 1000"), `instead of "lockspaces 0, locks 1, clients`},
	{"too old for the state", script("echo 'read state: the state has format 2, and this program reads up to format 1' >&2; exit 1"), "reads up to format 1"},
	{"ours of before re-execs", script(`echo "virtlockd: unrecognized option '--dry-run'" >&2; exit 1`), "unrecognized option"},
}

// longestWait is what any client may have to wait for its answer meanwhile: the last
// check may take two seconds, while nobody is served.
const longestWait = 2500 * time.Millisecond

// TestBrokenPrograms replaces the program by such as cannot take over. The daemon
// goes on, and says why.
func TestBrokenPrograms(t *testing.T) {
	t.Parallel()
	for _, c := range broken {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := startQuick(t)
			disk := r.image()
			r.Owner("owner", r.guest().PID()).MustAcquire(bed.Direct(disk))
			watch := r.lines()
			watch.must(1, api.EventSubscribe, api.SubscribeParams{Types: []string{"daemon.*"}})
			working := filepath.Join(bed.Dir(t), "working")
			copyFile(t, r.program, working)
			r.breakProgram(c.make)
			waited := r.probe(func() {
				err := r.control.Call(api.DaemonReexec, api.Empty{}, nil)
				if err == nil || err.Data == nil || err.Data.Code != api.CodeRefused || !strings.Contains(err.Message, c.want) {
					t.Fatalf("got %+v, want %q", err, c.want)
				}
				t.Logf("%s -> %s", c.name, strings.ReplaceAll(err.Message, r.program, "PROGRAM"))
				e := watch.next().Params
				if e.Type != api.EventDaemonReexecFailed || !strings.HasSuffix(err.Message, e.Message) {
					t.Errorf("got %+v", e)
				}
			})
			if waited > longestWait {
				t.Errorf("a client waited %v", waited)
			}
			bed.Eventually(t, "an error in the log", func() bool {
				return strings.Contains(r.daemon.Log(), "error : daemon : not re-executed, and goes on as before")
			})
			r.newClient()
			if s := r.status(); s.PID != r.daemon.PID() || s.Locks != 1 || !isLocked(disk) {
				t.Errorf("%+v", s)
			}
			// Once the program is mended all is as if nothing had been.
			os.RemoveAll(r.program)
			r.replace(working)
			r.reexec()
			if s := r.status(); s.Locks != 1 || !isLocked(disk) {
				t.Errorf("%+v", s)
			}
		})
	}
}

// breakProgram puts a script in the place of the program, or runs a command that
// does worse.
func (r *rig) breakProgram(how string) {
	r.t.Helper()
	how = strings.ReplaceAll(how, "REAL", quickBinary(r.t))
	if strings.HasPrefix(how, "#!") {
		copyText(r.t, how, r.program)
		return
	}
	own := filepath.Join(bed.Dir(r.t), "own") // the file is shared with other tests
	copyFile(r.t, r.program, own)
	r.replace(own)
	if out, err := r.Run("sh", "-c", strings.ReplaceAll(how, "PROGRAM", r.program)); err != nil {
		r.t.Fatalf("%s: %v: %s", how, err, out)
	}
}

func copyText(t testing.TB, text, to string) {
	t.Helper()
	next := to + ".next"
	check(t, os.WriteFile(next, []byte(text), 0o755))
	check(t, os.Rename(next, to))
}

// probe does something while a client asks all the time, and gives the longest that
// it had to wait.
func (r *rig) probe(do func()) time.Duration {
	r.t.Helper()
	l := r.lines()
	var stop atomic.Bool
	waited := make(chan time.Duration)
	go func() {
		longest := time.Duration(0)
		for i := 1; !stop.Load(); i++ {
			begin := time.Now()
			if _, err := fmt.Fprintf(l, `{"id":%d,"method":"lockspace.list"}`+"\n", i); err != nil {
				r.t.Error(err)
			}
			if read, err := l.read(); err != nil || read.ID != i {
				r.t.Errorf("got %+v, %v", read, err)
				break
			}
			longest = max(longest, time.Since(begin))
			time.Sleep(100 * time.Microsecond)
		}
		waited <- longest
	}()
	do()
	stop.Store(true)
	return <-waited
}
