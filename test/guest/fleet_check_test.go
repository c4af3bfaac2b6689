package guest

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
	"virtlock/client/api"
	"virtlock/test/bed"
)

// check fails the test unless all is as if nothing had happened to the daemon, and
// the daemon does all that it is there for. what happened is for the log.
func (f *fleet) check(happened string) {
	f.t.Helper()
	f.t.Logf("check after: %s", happened)
	f.checkGuests()
	f.checkRefusal()
	f.checkPause()
	f.checkHotplug()
	f.checkDestroy()
	f.checkKill()
	f.checkList()
	f.checkClients()
	if f.t.Failed() {
		f.t.FailNow()
	}
}

// checkGuests looks whether the guests run and their disks are locked.
func (f *fleet) checkGuests() {
	f.t.Helper()
	for _, name := range guests {
		if name != "idle" {
			runs(f.t, f.Host, name)
		}
	}
	if state := f.State("idle"); state != "paused" {
		f.t.Errorf("guest idle is %s, want paused", state)
	}
	f.wantLocked("WRITE", "db-1", "db-2", "spare", "victim")
	f.wantLocked("READ", "shared")
	f.wantLocked("", "idle", "data")
}

// wantLocked fails the test unless the kernel has one lock on each of the files, in
// a mode, or with an empty mode none. What an inherited lock is follows from who
// took it, so its kind does not matter.
func (f *fleet) wantLocked(mode string, images ...string) {
	f.t.Helper()
	for _, name := range images {
		if got := f.lockModes(name); got != mode {
			f.t.Errorf("kernel has %q on %s, want %q", got, name, mode)
		}
	}
}

func (f *fleet) lockModes(image string) string {
	f.t.Helper()
	path := f.locked(image)
	if _, err := os.Stat(path); os.IsNotExist(err) {
		return ""
	}
	var modes []string
	for _, lock := range bed.KernelLocks(f.t, path) {
		modes = append(modes, strings.Fields(lock)[1])
	}
	return strings.Join(modes, " ")
}

// waitFree waits until the disk is not locked any more.
func (f *fleet) waitFree(image string) {
	f.t.Helper()
	bed.Eventually(f.t, image+" is free", func() bool { return f.lockModes(image) == "" })
}

// checkRefusal tries to start other guests with disks that are locked.
func (f *fleet) checkRefusal() {
	f.t.Helper()
	refused(f.t, f.Host, f.Create(bed.WithDisk("thief", f.image("db-2"))), `guest "db"`,
		fmt.Sprintf("pid %d", f.GuestPID("db")))
}

// checkPause runs the guest that is paused and pauses it again.
func (f *fleet) checkPause() {
	f.t.Helper()
	f.MustVirsh("resume", "idle")
	runs(f.t, f.Host, "idle")
	f.wantLocked("WRITE", "idle")
	f.MustVirsh("suspend", "idle")
	f.wantLocked("", "idle")
}

// checkHotplug gives a running guest a disk and takes it away again.
func (f *fleet) checkHotplug() {
	f.t.Helper()
	must(f.t, f.Attach("db", "sdc", bed.Disk{Path: f.image("data")}))
	f.wantLocked("WRITE", "data")
	refused(f.t, f.Host, f.Attach("web01", "sdc", bed.Disk{Path: f.image("data")}), `guest "db"`)
	f.MustVirsh("detach-disk", "db", "sdc")
	f.wantLocked("", "data")
}

// checkDestroy ends a guest that lived through what happened: another one gets its
// disk.
func (f *fleet) checkDestroy() {
	f.t.Helper()
	f.MustVirsh("destroy", "spare")
	f.waitFree("spare")
	f.start("spare")
	f.wantLocked("WRITE", "spare")
}

// checkKill is the same for one that nobody expected to end.
func (f *fleet) checkKill() {
	f.t.Helper()
	must(f.t, unix.Kill(f.GuestPID("victim"), unix.SIGKILL))
	f.waitFree("victim")
	bed.Eventually(f.t, "libvirt sees that the guest is gone", func() bool { return f.State("victim") == "absent" })
	f.start("victim")
	f.wantLocked("WRITE", "victim")
}

// checkList compares what our daemon says with what is true.
func (f *fleet) checkList() {
	f.t.Helper()
	if f.Lockd == bed.Libvirts {
		return
	}
	c := f.Connect()
	defer c.Close()
	var status api.Status
	c.Must(api.DaemonStatus, api.Empty{}, &status)
	if status.PID != f.lockd.PID() {
		f.t.Errorf("the daemon is process %d, was %d", status.PID, f.lockd.PID())
	}
	if len(status.Missing) > 0 || status.Keeper == nil || !status.Keeper.Complete {
		f.t.Errorf("locks are missing: %+v; the keeper is %+v", status.Missing, status.Keeper)
	}
	var got []string
	for _, lock := range c.Locks() {
		for _, h := range lock.Holders {
			got = append(got, fmt.Sprintf("%s %s %s %d", lock.Path, lock.Mode, h.Owner.Name, h.Owner.PID))
		}
	}
	want := f.wantList()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		f.t.Errorf("the daemon has the locks\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (f *fleet) wantList() []string {
	f.t.Helper()
	var want []string
	for _, w := range []struct {
		image, guest string
		mode         api.Mode
	}{
		{"db-1", "db", api.Exclusive},
		{"db-2", "db", api.Exclusive},
		{"shared", "web01", api.Shared},
		{"shared", "web02", api.Shared},
		{"spare", "spare", api.Exclusive},
		{"victim", "victim", api.Exclusive},
	} {
		want = append(want, fmt.Sprintf("%s %s %s %d", f.locked(w.image), w.mode, w.guest, f.GuestPID(w.guest)))
	}
	slices.Sort(want)
	return want
}

// checkClients looks whether virt-admin shows the guests' connections and no others.
// It comes last: libvirt's daemon ends if it is executed again while somebody is
// connected who has not registered.
func (f *fleet) checkClients() {
	f.t.Helper()
	var want []int
	for name := range f.connected {
		want = append(want, f.GuestPID(name))
	}
	slices.Sort(want)
	bed.Eventually(f.t, fmt.Sprintf("virt-admin shows the processes %v as clients", want), func() bool {
		clients, err := f.Clients()
		if err != nil || len(clients) != len(want) {
			return false
		}
		if f.Lockd == bed.Libvirts {
			// Once it has been executed again it does not know who a client is
			// that says nothing, as guests do, whichever daemon was there before.
			return true
		}
		got, err := f.ClientPIDs(clients)
		return err == nil && slices.Equal(got, want)
	})
}
