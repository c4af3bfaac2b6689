package reexec

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/test/bed"
)

// virtAdmin runs a command of the real virt-admin.
func (r *rig) virtAdmin(args ...string) string {
	r.t.Helper()
	out, err := r.Run("virt-admin", append([]string{"-q", "-c", "virtlockd:///system"}, args...)...)
	if err != nil {
		r.t.Fatalf("virt-admin %q: %v: %s", args, err, out)
	}
	return out
}

// TestSettingsOfVirtAdmin stay as they were set while the daemon ran.
func TestSettingsOfVirtAdmin(t *testing.T) {
	t.Parallel()
	r := start(t)
	log := bed.Dir(t) + "/other.log"
	r.virtAdmin("srv-clients-set", "virtlockd", "--max-unauth-clients", "33")
	r.virtAdmin("srv-clients-set", "virtlockd", "--max-clients", "77")
	r.virtAdmin("srv-clients-set", "admin", "--max-clients", "5555")
	r.virtAdmin("daemon-log-filters", "2:daemon")
	r.virtAdmin("daemon-log-outputs", "2:file:"+log)
	r.virtAdmin("daemon-timeout", "--timeout", "1")
	queries := []string{"daemon-log-filters", "daemon-log-outputs", "srv-clients-info virtlockd", "srv-clients-info admin"}
	ask := func() (said string) {
		for _, q := range queries {
			said += r.virtAdmin(strings.Fields(q)...)
		}
		return said
	}
	before := ask()
	for _, want := range []string{"2:*daemon*", log, "77", "33", "5555"} {
		if !strings.Contains(before, want) {
			t.Fatalf("%q is not set: %s", want, before)
		}
	}
	r.reexec()
	r.reexec()
	if after := ask(); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
	if s := r.status(); s.MaxClients != 77 || s.AdminMaxClients != 5555 {
		t.Errorf("%+v", s)
	}
	if text := r.Read(log); strings.Count(text, "was re-executed") != 2 {
		t.Errorf("the log says %s", text)
	}
	r.control.Close()
	if how := r.daemon.Wait(); how != "exit status 0" {
		t.Errorf("after its timeout the daemon ended with %s", how)
	}
}

// TestReloadsAreNotLost reloads at any time of a re-exec: one program or the other
// does it, but for a moment between them. It never does harm.
func TestReloadsAreNotLost(t *testing.T) {
	t.Parallel()
	r := startQuick(t)
	const times = 30
	spread, lost := r.spread(), 0
	for i := range times {
		limit := 100 + i
		r.Write("/etc/libvirt/virtlockd.conf", fmt.Sprintf("max_clients = %d\n", limit))
		r.daemon.Signal(unix.SIGUSR1)
		time.Sleep(spread(i, times))
		r.daemon.Signal(unix.SIGHUP)
		r.reexec()
		for begin := time.Now(); r.status().MaxClients != limit; {
			if time.Since(begin) > time.Second {
				lost++
				r.daemon.Signal(unix.SIGHUP)
				bed.Eventually(t, "the new limit", func() bool { return r.status().MaxClients == limit })
			}
		}
	}
	t.Logf("%d of %d reloads were lost", lost, times)
	if lost > times/2 {
		t.Error("that is too many")
	}
}

// spread gives times that are spread over the time that a re-exec takes here.
func (r *rig) spread() func(i, of int) time.Duration {
	r.t.Helper()
	begin := time.Now()
	r.reexec()
	whole := time.Since(begin) * 5 / 4
	return func(i, of int) time.Duration { return whole * time.Duration(i) / time.Duration(of) }
}

// TestTheEndIsNotLost ends the daemon at any time of a re-exec. Between the two
// programs it ends at once, and otherwise in order.
func TestTheEndIsNotLost(t *testing.T) {
	t.Parallel()
	const times = 16
	for i := range times {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			r := startQuick(t)
			wait := r.spread()(i, times)
			r.daemon.Signal(unix.SIGUSR1)
			time.Sleep(wait)
			r.daemon.Signal(unix.SIGTERM)
			if how := r.daemon.Wait(); how != "exit status 0" && how != "signal: terminated" {
				t.Errorf("the daemon ended with %s", how)
			}
		})
	}
}
