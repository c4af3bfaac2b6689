package guest

import (
	"testing"

	"virtlock/client/api"
	"virtlock/test/bed"
)

// Each daemon takes the other's place under running guests, there and back and
// there and back.
func TestGuestsLiveThroughTakeoverAndHandBack(t *testing.T) {
	onFleets(t, bed.Libvirts, func(t *testing.T, f *fleet) {
		f.checkClients()
		f.Replace(f.lockd, bed.Ours)
		f.check("takeover")
		f.Replace(f.lockd, bed.Libvirts)
		f.check("hand-back")
		f.Replace(f.lockd, bed.Ours)
		f.check("second takeover")

		f.Install(bed.Libvirts)
		c := f.Connect()
		var result api.ReexecResult
		c.Must(api.DaemonReexec, api.Empty{}, &result)
		if result.PID != f.lockd.PID() || result.Locks == 0 {
			t.Errorf("daemon.reexec says %+v", result)
		}
		<-c.Closed() // libvirt's daemon does not speak JSON
		f.WaitReplaced(f.lockd)
		f.check("second hand-back, by daemon.reexec")
	})
}
