package daemon_test

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/daemon"
	"virtlock/daemon/daemontest"
)

// BenchmarkAudit is what a lock that is taken and given back costs in CPU, the
// client's part included, with a history and without.
func BenchmarkAudit(b *testing.B) {
	for _, name := range []string{"off", "on"} {
		b.Run(name, func(b *testing.B) {
			d := daemontest.StartWith(b, func(c *daemon.Config) {
				if name == "on" {
					c.Settings.AuditFile = filepath.Join(b.TempDir(), "audit")
				}
			})
			disk := newFile(b, b.TempDir(), "a.img")
			c := dialRPC(b, d.Socket)
			if err := c.register(newGuest(b).PID); err != nil {
				b.Fatal(err)
			}
			before := cpuTime(b)
			for b.Loop() {
				if err := c.acquire("", disk); err != nil {
					b.Fatal(err)
				}
				if err := c.release("", disk); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// cpuTime is how long this process has computed, in nanoseconds.
func cpuTime(t testing.TB) int64 {
	t.Helper()
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}
