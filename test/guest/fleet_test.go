package guest

import (
	"fmt"
	"path/filepath"
	"testing"

	"virtlock/test/bed"
)

// fleet is a host with guests that must not notice what happens to its daemon:
//
//	db             two disks
//	web01, web02   one shareable disk
//	spare          destroyed and started again by each check
//	victim         killed and started again by each check
//	idle           paused since its start, so without its lock
//
// Another process tries to lock the disks of the first three all the time.
type fleet struct {
	*bed.Host
	t               *testing.T
	lockd, libvirtd *bed.Process
	dir             string // of the images
	leases          string // the folder of the leases; empty when the images are locked
	prober          *bed.Prober
	// connected are the guests with a connection to the daemon: those that were
	// started since a daemon ended without a successor.
	connected map[string]bool
}

// guests are all of a fleet. spare and victim come and go.
var guests = []string{"db", "web01", "web02", "spare", "victim", "idle"}

// onFleets runs a test on a fleet whose images are locked, and on one that has
// leases in a folder.
func onFleets(t *testing.T, d bed.Daemon, test func(t *testing.T, f *fleet)) {
	t.Parallel()
	for _, kind := range []string{"image", "lockspace"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, d, kind == "lockspace")
			test(t, f)
			f.end()
		})
	}
}

func newFleet(t *testing.T, d bed.Daemon, leases bool) *fleet {
	t.Helper()
	f := &fleet{Host: bed.NewHost(t, d), t: t, dir: bed.Dir(t), connected: make(map[string]bool)}
	if leases {
		f.leases = filepath.Join(f.dir, "leases")
		f.Leases(fmt.Sprintf("file_lockspace_dir = %q\n", f.leases))
	}
	f.Install(d)
	f.lockd = f.StartVirtlockd()
	f.libvirtd = f.StartLibvirtd()
	for _, name := range []string{"db-1", "db-2", "shared", "spare", "victim", "idle", "data", "new"} {
		bed.Image(t, f.dir, name+".img")
	}
	for _, name := range guests {
		f.start(name)
	}
	f.prober = bed.Probe(t, f.locked("db-1"), f.locked("db-2"), f.locked("shared"))
	return f
}

// end is the end of the test: nobody may have got a lock that a guest had.
func (f *fleet) end() {
	f.t.Helper()
	seen := f.prober.Stop()
	f.t.Logf("the prober tried %d times and got %d locks", seen.Tries, len(seen.Won))
	if seen.Tries == 0 || len(seen.Won) > 0 {
		f.t.Errorf("the prober got locks of guests: %q", seen.Won)
	}
}

// start starts a guest of the fleet.
func (f *fleet) start(name string) {
	f.t.Helper()
	g := bed.Guest{Name: name}
	var options []string
	switch name {
	case "db":
		g.Disks = []bed.Disk{{Path: f.image("db-1")}, {Path: f.image("db-2")}}
	case "web01", "web02":
		g.Disks = []bed.Disk{{Path: f.image("shared"), Shareable: true}}
	default:
		g.Disks = []bed.Disk{{Path: f.image(name)}}
	}
	if name == "idle" {
		options = append(options, "--paused")
	}
	must(f.t, f.Create(g, options...))
	f.connected[name] = true
}

// image is the path of an image.
func (f *fleet) image(name string) string { return filepath.Join(f.dir, name+".img") }

// locked is the path of the file that is locked for an image.
func (f *fleet) locked(name string) string {
	if f.leases != "" {
		return leaseFile(f.leases, f.image(name))
	}
	return f.image(name)
}
