package crash

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/test/bed"
)

// fill fills the file system of a host's directory to the last byte.
func fill(t *testing.T, h *bed.Host, path string) {
	t.Helper()
	err := h.Do(func() error {
		file, err := os.Create(path)
		if err != nil {
			return err
		}
		defer file.Close()
		for err == nil {
			_, err = file.Write(make([]byte, 4096))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// smallRun makes a host whose run directory has next to no room.
func smallRun(t *testing.T) *bed.Host {
	t.Helper()
	h := bed.NewHost(t, bed.WithFailpoints(t))
	err := h.Do(func() error {
		if err := os.Mkdir("/run/libvirt", 0o755); err != nil {
			return err
		}
		return unix.Mount("tmpfs", "/run/libvirt", "tmpfs", 0, "size=64k")
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// What cannot be noted down is not granted, and what is given back is given back
// all the same.
func TestRunDirectoryIsFull(t *testing.T) {
	t.Parallel()
	h := smallRun(t)
	lockd := h.StartVirtlockd()
	guest := h.Start(sleeper())
	c := h.Owner("web01", guest.PID())
	dir := bed.Dir(t)
	held := bed.Direct(bed.Image(t, dir, "held.img"))
	c.MustAcquire(held)
	fill(t, h, "/run/libvirt/ballast")

	// The last page of the journal has room left: for some of a long call, too.
	many := imagesIn(t, dir, 100)
	refusals := 0
	for range 20 {
		err := c.Call(api.LockAcquire, api.AcquireParams{Resources: many}, nil)
		if err == nil {
			t.Fatal("granted what cannot be noted down")
		}
		wantNoRoom(t, err)
		refusals++
	}
	one := bed.Direct(bed.Image(t, dir, "one.img"))
	var granted []api.Resource
	for i := range 40 { // single notes may fit still
		r := bed.Direct(bed.Image(t, dir, fmt.Sprintf("single%d.img", i)))
		err := c.Acquire(r)
		if err == nil {
			granted = append(granted, r)
			continue
		}
		wantNoRoom(t, err)
		refusals++
	}
	if err := c.Acquire(one); err == nil {
		t.Fatal("the journal has room without end")
	}
	if n := len(c.Locks()); n != 1+len(granted) {
		t.Errorf("%d locks listed, want %d", n, 1+len(granted))
	}
	s := &scene{t: t, host: h}
	for _, r := range append(many, one) {
		if s.locked(r) {
			t.Errorf("%s is locked though it was refused", r.Name)
		}
	}
	for _, r := range granted {
		c.MustRelease(r)
	}
	if granted != nil && s.locked(granted[0]) {
		t.Error("a release without room does nothing")
	}

	// Nothing of what was refused comes back, and what was released neither.
	h2 := *s
	h2.first, h2.held = lockd, held
	h2.killBoth()
	if err := h.Do(func() error { return os.Remove("/run/libvirt/ballast") }); err != nil {
		t.Fatal(err)
	}
	h.StartVirtlockd()
	c = h.Owner("web01", guest.PID())
	for _, l := range c.Locks() {
		if strings.Contains(l.Name, "many") || l.Name == one.Name {
			t.Errorf("%s was refused, and is held after the restart", l.Name)
		}
	}
	t.Logf("%d refusals for want of room, %d grants that fitted; after a crash of both %d locks",
		refusals, len(granted), len(c.Locks()))
	if err := c.Call(api.LockAcquire, api.AcquireParams{Resources: many}, nil); err != nil {
		t.Errorf("with room again: %s", err.Message)
	}
	c.MustRelease(held)
}

// The same daemon works again when there is room.
func TestRunDirectoryHasRoomAgain(t *testing.T) {
	t.Parallel()
	h := smallRun(t)
	h.StartVirtlockd()
	guest := h.Start(sleeper())
	c := h.Owner("web01", guest.PID())
	dir := bed.Dir(t)
	held := bed.Direct(bed.Image(t, dir, "held.img"))
	c.MustAcquire(held)
	fill(t, h, "/run/libvirt/ballast")
	many := imagesIn(t, dir, 100)
	acquireMany := func() *api.Error {
		return c.Call(api.LockAcquire, api.AcquireParams{Resources: many}, nil)
	}
	wantNoRoom(t, acquireMany())
	c.MustRelease(held)
	if err := h.Do(func() error { return os.Remove("/run/libvirt/ballast") }); err != nil {
		t.Fatal(err)
	}
	if err := acquireMany(); err != nil {
		t.Errorf("with room again: %s", err.Message)
	}
	c.MustAcquire(held)
}

func imagesIn(t *testing.T, dir string, n int) (list []api.Resource) {
	for i := range n {
		list = append(list, bed.Direct(bed.Image(t, dir, fmt.Sprintf("many%d.img", i))))
	}
	return list
}

func wantNoRoom(t *testing.T, err *api.Error) {
	t.Helper()
	switch {
	case err == nil:
		t.Error("granted what cannot be noted down")
	case err.Data == nil || err.Data.Code != api.CodeIO:
		t.Errorf("error is %+v", err)
	case !strings.Contains(err.Message, "no space left") && !strings.Contains(err.Message, "disk is full"):
		t.Errorf("the error does not say why: %s", err.Message)
	}
}
