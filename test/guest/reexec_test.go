package guest

import (
	"strings"
	"testing"

	"virtlock/client/api"
	"virtlock/test/bed"
)

// An upgrade, and a downgrade, is a new program in the place of the old one and
// SIGUSR1. A re-exec without a new program is the same.
func TestGuestsLiveThroughReexec(t *testing.T) {
	onFleets(t, bed.Ours, func(t *testing.T, f *fleet) {
		f.Replace(f.lockd, bed.Ours)
		f.check("re-exec")

		f.Replace(f.lockd, bed.Next)
		out, err := f.Run(bed.Binary(t, "virtlock-admin"), "status")
		if err != nil || !strings.Contains(out, bed.NextVersion) {
			t.Errorf("virtlock-admin status, %v:\n%s", err, out)
		}
		f.check("upgrade")

		f.Install(bed.Ours)
		c := f.Connect()
		var result api.ReexecResult
		c.Must(api.DaemonReexec, api.Empty{}, &result)
		if result.PID != f.lockd.PID() || result.Version == bed.NextVersion || result.Locks != 5 {
			t.Errorf("daemon.reexec says %+v", result)
		}
		c.Close()
		f.check("downgrade by daemon.reexec")
	})
}
