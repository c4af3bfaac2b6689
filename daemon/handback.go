package daemon

import (
	"fmt"
	"os"
	"strings"
	"time"

	"virtlock/daemon/internal/handover"
)

// handBack makes libvirt's daemon take this one's place. What it cannot hold is
// settled first: connections are closed where that harms nobody, and otherwise it
// is refused with a list.
func (d *Daemon) handBack(image *Image, next *handover.Successor) error {
	var fit handover.LibvirtFit
	for deadline := time.Now().Add(reexecTime); ; time.Sleep(pauseTime) {
		err := d.heldStill(func() error {
			state := d.export()
			if fit = handover.FitLibvirt(state); len(fit.Objections) > 0 {
				return nil
			}
			return d.becomeLibvirt(image, next, without(state, fit.Closing))
		})
		if err != nil {
			return err
		}
		// What was half read or written a moment ago may be whole by now.
		if !fit.Passing || time.Now().After(deadline) {
			return fmt.Errorf("libvirt's daemon cannot hold all: %s", strings.Join(fit.Objections, "; "))
		}
	}
}

// without leaves connections out.
func without(s *handover.State, closing []uint64) *handover.State {
	gone := make(map[uint64]bool, len(closing))
	for _, id := range closing {
		gone[id] = true
	}
	var kept []handover.Client
	for _, c := range s.Clients {
		if !gone[c.ID] {
			kept = append(kept, c)
		}
	}
	s.Clients, s.Waits, s.Files, s.Notes = kept, nil, nil, nil
	return s
}

// becomeLibvirt is the point of no return. The gate is shut.
func (d *Daemon) becomeLibvirt(image *Image, next *handover.Successor, s *handover.State) error {
	path := image.LibvirtState
	if err := handover.WriteLibvirt(path, s, os.Getpid()); err != nil {
		return err
	}
	// From here on the locks are held by the descriptors of this process alone.
	err := d.recorder.giveUp()
	if err == nil {
		d.answerForLibvirt(next, s)
		nothing := func() error { return nil }
		err = d.exec(image, descriptors(s), false, nothing, (*handover.Image).ExecPlain)
	}
	os.Remove(path)
	d.recorder.takeUp()
	return err
}

// answerForLibvirt answers those who asked for the hand-back: the next program,
// which speaks no JSON, cannot.
func (d *Daemon) answerForLibvirt(next *handover.Successor, s *handover.State) {
	result := d.reexecResult(len(s.Clients))
	_, version, _ := strings.Cut(next.Version, "(libvirt) ")
	result.Program, result.Version = next.Path, "libvirt "+version
	for _, c := range d.reexecution.take() {
		c.conn.reply(c.request, result, nil)
	}
}
