package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/daemon/internal/handover"
)

// Image is the program that the daemon runs as, for a re-exec.
type Image struct {
	// Path is the file to run again, and Args its command line. Who is asked to run
	// another file tells the next program by Inherited.Program.
	Path string
	Args []string
	// Files and Notes are what the program around the daemon wants to find again
	// in Inherited.
	Files map[string]*os.File
	Notes map[string]string
	// LibvirtState is where libvirt's daemon looks for what is left to it.
	LibvirtState string
	// Around does a re-exec, and tells others before and, if it failed, after it.
	// nil does it and no more.
	Around func(reexec func() error) error
	// Before is called when the point of no return is near: signals must do
	// nothing that ends the process, which will be our program again or libvirt's
	// daemon. Its error is the reason not to. After is called when it was nil, and
	// the re-exec failed all the same.
	Before func(ours bool) error
	After  func()
}

// RefusedError says that a re-exec was not done, and that nothing has changed.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return "not re-executed: " + e.Err.Error() }

// Unwrap gives the reason.
func (e *RefusedError) Unwrap() error { return e.Err }

// reexecTime is how long a re-exec waits for calls that are under way to end, all
// tries together, and holdStill how long clients may have to wait for one try. A
// call to storage that hangs does not end, and must not hold up the others.
const (
	reexecTime = 10 * time.Second
	holdStill  = 100 * time.Millisecond
	pauseTime  = 50 * time.Millisecond
)

// Reexec makes the program of the daemon's own file take its place, in the same
// process, with all locks and connections. It returns only when that was refused,
// with a *RefusedError, and then nothing has changed: the program is tried first,
// on the very state that it will get. A call while another one is under way does
// nothing.
func (d *Daemon) Reexec() error {
	<-d.ready // a signal may come before
	image := d.config.Image
	if first, err := d.reexecution.begin(image, nil); !first {
		return err
	}
	return d.reexec(image)
}

// reexec is Reexec for who has begun it, with the program to become.
func (d *Daemon) reexec(image *Image) error {
	defer d.reexecution.running.Done()
	refused := &RefusedError{image.around(func() error { return d.tryReexec(image) })}
	// Inside, so that no other re-exec takes place before those who wait are answered.
	d.gate.enter()
	defer d.gate.leave()
	d.log.Error("not re-executed, and goes on as before", "error", refused.Err)
	callers := d.reexecution.end()
	var by *api.Caller
	if len(callers) > 0 {
		by = callers[0].conn.caller()
	}
	d.events.publish(api.EventDaemonReexecFailed, by, func(e *api.Event) { e.Message = refused.Err.Error() })
	for _, c := range callers {
		d.gate.bring(&d.reexecution.running, func() { c.conn.reply(c.request, nil, refused) })
	}
	return refused
}

func (i *Image) around(reexec func() error) error {
	if i == nil || i.Around == nil {
		return reexec()
	}
	return i.Around(reexec)
}

// as is the image with another program.
func (i *Image) as(program string) *Image {
	if i == nil || program == "" || program == i.Path {
		return i
	}
	other := *i
	other.Path, other.Args = program, append([]string{program}, i.Args[min(1, len(i.Args)):]...)
	return &other
}

func (i *Image) path() string {
	if i == nil {
		return ""
	}
	return i.Path
}

func (d *Daemon) tryReexec(image *Image) error {
	if image == nil {
		return errors.New("this daemon is part of another program")
	}
	next, err := handover.Examine(context.Background(), image.Path)
	if err != nil {
		return err
	}
	if next.Libvirt {
		return d.handBack(image, next)
	}
	check, err := next.StartCheck()
	if err != nil {
		return err
	}
	defer check.End()
	// First while everybody is served: a program that hangs delays nobody.
	b, err := d.checkState(check)
	if err != nil {
		return err
	}
	return d.heldStill(func() error { return d.become(image, check, b[:0]) })
}

// checkTime is how long a program may look at a state while everybody is served,
// and while nobody is.
const (
	checkTime      = 10 * time.Second
	checkTimeStill = 2 * time.Second
)

// checkState asks whether the next program could take over what there is now, and
// gives that.
func (d *Daemon) checkState(check *handover.Check) ([]byte, error) {
	var state *handover.State
	var b []byte
	err := d.heldStill(func() error {
		state = d.export()
		b = state.Append(nil)
		return nil
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	return b, check.Ask(ctx, state, b)
}

// become is the point of no return. The gate is shut. It makes the state in b, which
// has room for it.
func (d *Daemon) become(image *Image, check *handover.Check, b []byte) error {
	state := d.export()
	state.Callers = d.reexecution.exportCallers()
	state.Notes = append(state.Notes, handover.Note{Name: programNote, Value: image.Path},
		handover.Note{Name: childNote, Value: strconv.Itoa(check.PID())})
	b = state.Append(b)
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeStill)
	defer cancel()
	// The check goes on beside what is to be prepared.
	answer := make(chan error, 1)
	var asking sync.WaitGroup
	defer asking.Wait()
	asking.Go(func() { answer <- check.Ask(ctx, state, b) })
	last := func() error { return <-answer }
	return d.exec(image, descriptors(state), true, last, func(i *handover.Image) error { return i.Exec(b) })
}

// The names of what one daemon notes for the next.
const (
	programNote = "program" // its file
	childNote   = "child"   // the process that has checked the state
)

// reapChild waits for the process that has checked the state for the former
// program: it is a child of this one now.
func (d *Daemon) reapChild(left *Inherited) {
	pid, err := strconv.Atoi(left.Note(childNote))
	if err != nil || pid <= 1 {
		return
	}
	d.reexecution.running.Go(func() {
		for {
			// It ends by itself: its standard input was this process's.
			if _, err := unix.Wait4(pid, nil, 0, nil); err != unix.EINTR {
				return
			}
		}
	})
}

// flushTime is how long what was logged may take to be written.
const flushTime = 100 * time.Millisecond

// exec becomes the next program, unless last fails, which is called when all is
// prepared.
func (d *Daemon) exec(image *Image, keep []int, ours bool, last func() error, exec func(*handover.Image) error) error {
	held := false
	err := exec(&handover.Image{Path: image.Path, Args: image.Args, Keep: keep, Last: func() error {
		if err := last(); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), flushTime)
		defer cancel()
		d.config.Log.flush(ctx)
		d.history.Flush(ctx)
		if err := image.Before(ours); err != nil {
			return err
		}
		held = true
		// What asks for the end is left to the next program from now on. What came
		// earlier has its effect in this one.
		if d.isEnding() {
			return errLeaving
		}
		return nil
	}})
	if held {
		image.After()
	}
	return err
}

// heldStill does something while nobody is served and nothing is under way.
func (d *Daemon) heldStill(do func() error) error {
	for deadline := time.Now().Add(reexecTime); ; time.Sleep(pauseTime) {
		ctx, cancel := context.WithTimeout(context.Background(), holdStill)
		err := d.gate.shut(ctx)
		cancel()
		if err == nil {
			defer d.gate.open()
			if d.isEnding() {
				return errLeaving
			}
			return do()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("calls are under way that do not end within %v: storage hangs, or a client does not read", reexecTime)
		}
	}
}

// isEnding reports whether Serve has been told to end.
func (d *Daemon) isEnding() bool {
	select {
	case <-d.ended:
		return true
	default:
		return false
	}
}

var errLeaving = errors.New("the daemon ends")

// reexecResult is the answer to daemon.reexec.
func (d *Daemon) reexecResult(clients int) api.ReexecResult {
	r := api.ReexecResult{Version: d.config.Version, PID: os.Getpid(), Locks: d.table.Totals().Locks, Clients: clients}
	r.Program = d.config.Image.path()
	return r
}
