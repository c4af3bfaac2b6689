package reexec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"virtlock/client/api"
	"virtlock/test/bed"
)

// TestRequestsInTwoParts sends requests half before and half after a re-exec: one
// of libvirt's split at every byte, one of JSON at some.
func TestRequestsInTwoParts(t *testing.T) {
	t.Parallel()
	r := start(t)
	guest := r.guest().PID()
	disk := r.image()
	probe := (&rpc{}).message(procAcquire, resourceArgs("", disk, 1))
	var clients []*rpc
	for i := range len(probe) {
		c := r.guestRPC("vm", guest)
		m := c.message(procAcquire, resourceArgs("", disk, 1))
		_, err := c.Write(m[:i])
		check(t, err)
		clients = append(clients, c)
	}
	// One that has said nothing, and some that stop within what comes first.
	silent, stopped := r.rpc(), []*rpc{r.rpc(), r.rpc(), r.rpc()}
	register := (&rpc{}).message(procRegister, registerArgs("vm", guest))
	for i, c := range stopped {
		_, err := c.Write(register[:[]int{1, 4, 30}[i]])
		check(t, err)
	}
	request := call(5, api.LockspaceList, api.Empty{})
	var halves []*lines
	for i := 1; i < len(request); i += 7 {
		l := r.lines()
		_, err := l.Write(request[:i])
		check(t, err)
		halves = append(halves, l)
	}
	r.reexec()
	r.reexec()
	for i, c := range clients {
		m := c.message(procAcquire, resourceArgs("", disk, 1))
		c.serial--
		m[23]-- // the serial, which message has counted up
		_, err := c.Write(m[i:])
		check(t, err)
		if err := c.result(c.serial); err != nil {
			t.Errorf("split at byte %d: %v", i, err)
		}
	}
	check(t, silent.call(procRegister, registerArgs("vm", guest)))
	for i, c := range stopped {
		_, err := c.Write(register[[]int{1, 4, 30}[i]:])
		check(t, err)
		check(t, c.result(1))
	}
	for i, l := range halves {
		_, err := l.Write(request[1+7*i:])
		check(t, err)
		l.answer(5)
	}
	if s := r.status(); s.Holders != len(clients) {
		t.Errorf("%d holds, want %d", s.Holders, len(clients))
	}
}

// TestALineThatIsSkipped is longer than any request may be.
func TestALineThatIsSkipped(t *testing.T) {
	t.Parallel()
	r := start(t)
	l := r.lines()
	part := bytes.Repeat([]byte(" "), api.MaxLine+10)
	for range 2 {
		_, err := l.Write(part)
		check(t, err)
		r.reexec()
	}
	_, err := l.Write([]byte("x\n"))
	check(t, err)
	if read := l.next(); read.Error == nil || read.Error.Number != api.NumberInvalidRequest {
		t.Errorf("got %+v", read)
	}
	l.must(1, api.LockspaceList, api.Empty{})
}

// TestALongMessageOfLibvirts is longer than what is kept of it.
func TestALongMessageOfLibvirts(t *testing.T) {
	t.Parallel()
	r := start(t)
	c := r.guestRPC("vm", r.guest().PID())
	disk := r.image()
	m := c.message(procAcquire, append(resourceArgs("", disk, 0), make([]byte, 4<<20)...))
	for len(m) > 0 {
		n := min(len(m), 900_000)
		_, err := c.Write(m[:n])
		check(t, err)
		if m = m[n:]; len(m) > 0 {
			r.reexec()
		}
	}
	check(t, c.result(c.serial))
	check(t, c.release(disk))
}

// TestARepliesThatIsNotRead is written in part before, and arrives whole and in
// order after several re-execs, with what was asked for behind it.
func TestAReplyThatIsNotRead(t *testing.T) {
	t.Parallel()
	r := start(t)
	dir := bed.Dir(t)
	owner := r.Owner("owner", r.guest().PID())
	params := api.AcquireParams{}
	for i := range 1000 {
		path := bed.Image(t, dir, fmt.Sprintf("%03d-%s", i, strings.Repeat("x", 200)))
		params.Resources = append(params.Resources, bed.Direct(path))
	}
	owner.Must(api.LockAcquire, params, nil)
	l := r.lines()
	for i := range 5 {
		l.send(i+1, api.LockList, api.LockFilter{})
	}
	l.send(6, api.LockspaceList, api.Empty{})
	for range 3 {
		r.reexec()
	}
	l.send(7, api.LockspaceList, api.Empty{})
	for i := range 5 {
		var result api.LocksResult
		check(t, json.Unmarshal(l.answer(i+1).Result, &result))
		if len(result.Locks) != 1000 {
			t.Errorf("reply %d has %d locks", i+1, len(result.Locks))
		}
	}
	l.answer(6)
	l.answer(7)
}

// TestPipelinedRequests sends many at once, and re-executes while they are worked
// on.
func TestPipelinedRequests(t *testing.T) {
	t.Parallel()
	r := start(t)
	disk := r.image()
	l, c := r.lines(), r.guestRPC("vm", r.guest().PID())
	l.owner("owner", r.guest().PID())
	const calls = 4000
	go func() {
		var all []byte
		for i := range calls {
			all = append(all, call(i+1, api.DaemonStatus, api.Empty{})...)
		}
		l.Write(all)
	}()
	first := c.serial + 1
	go func() {
		var all []byte
		for i := range calls {
			all = append(all, c.message(procAcquire+i%2, resourceArgs("", disk, 0))...)
		}
		c.Write(all)
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 3 {
			r.reexec()
		}
	}()
	for i := range calls {
		l.answer(i + 1)
	}
	for i := range calls {
		check(t, c.result(first+uint32(i)))
	}
	<-done
	if s := r.status(); s.Granted != calls/2 || s.Released != calls/2 {
		t.Errorf("%d granted and %d released", s.Granted, s.Released)
	}
}

// TestFencingGoesOn with the time that is left.
func TestFencingGoesOn(t *testing.T) {
	t.Parallel()
	r := start(t)
	guest := r.startStubborn()
	disk := r.image()
	r.Owner("guest", guest.PID()).MustAcquire(bed.Direct(disk))
	watch := r.lines()
	watch.must(1, api.EventSubscribe, api.SubscribeParams{Types: []string{"owner.*"}})
	begin := time.Now()
	const grace = 3 * time.Second
	r.control.Must(api.OwnerFence, api.FenceParams{PID: guest.PID(), GraceMS: grace.Milliseconds(), Reason: "test"}, nil)
	r.reexec()
	r.reexec()
	if running := guest.Running(); !running && time.Since(begin) < grace {
		t.Fatal("killed early")
	}
	if how := guest.Wait(); how != "signal: killed" {
		t.Error(how)
	}
	if took := time.Since(begin); took < grace || took > grace+2*time.Second {
		t.Errorf("killed after %v", took)
	}
	check(t, bed.WaitFree(disk))
	for _, want := range []api.EventType{api.EventOwnerExited, api.EventOwnerFenced} {
		if e := watch.next().Params; e.Type != want || want == api.EventOwnerFenced && e.Message != "test" {
			t.Errorf("%+v instead of %s", e, want)
		}
	}
}
