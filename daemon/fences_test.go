package daemon

import (
	"log/slog"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/daemon/internal/handover"
	"virtlock/daemon/internal/lockspace"
	"virtlock/daemon/internal/owner"
)

// immortal is an owner that signals do nothing to, and what was sent to it.
type immortal struct {
	*process
	mu   sync.Mutex // guards the fields that follow
	got  []unix.Signal
	fail error
}

// fenceUsers are who use an owner: one for each fence, and one that stays.
const fenceUsers = 2

// startOwner starts a process that a daemon may fence.
func startOwner(t *testing.T) *immortal {
	t.Helper()
	cmd := exec.Command("/bin/sleep", "infinity")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	found, err := owner.Find(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return &immortal{process: &process{Process: found, users: fenceUsers}}
}

// newDaemonOf makes as much of a daemon as the fencing of one owner takes, with
// time that passes at once.
func newDaemonOf(t *testing.T, o *immortal) (*Daemon, *subscriber) {
	t.Helper()
	d := &Daemon{log: slog.New(slog.DiscardHandler), events: newEvents(new(history), func(uint64) {}), clients: newClients()}
	d.timers = newTimers(&d.gate)
	t.Cleanup(d.timers.close)
	d.table = lockspace.New(func(lockspace.Change) {}, nil)
	d.processes = &processes{gate: &d.gate, table: d.table, byPID: map[int]*process{o.PID: o.process}}
	d.missing = newMissing(d)
	d.fences = newFences(d)
	d.fences.signal = func(_ *process, s unix.Signal) error {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.got = append(o.got, s)
		return o.fail
	}
	types, err := selectEvents([]string{"owner.*"})
	if err != nil {
		t.Fatal(err)
	}
	s, _ := d.events.subscribe(types)
	return d, s
}

// fence begins to end the owner, as ownerFence does.
func (o *immortal) fence(t *testing.T, d *Daemon, grace time.Duration) bool {
	t.Helper()
	began, err := d.fences.begin(&fence{process: o.process, owner: api.Owner{PID: o.PID}, client: 7, reason: "why"}, 0, grace)
	if err != nil {
		t.Fatal(err)
	}
	return began
}

// after gives what was sent to the owner and the events, when some time has passed.
func (o *immortal) after(s *subscriber, wait time.Duration) (signals []unix.Signal, events []api.Event) {
	time.Sleep(wait)
	synctest.Wait()
	o.mu.Lock()
	signals, o.got = o.got, nil
	o.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	events, s.waiting = s.waiting, nil
	return signals, events
}

// TestFenceOneThatCannotBeKilled: it is told once, and the end that comes later
// all the same is told too.
func TestFenceOneThatCannotBeKilled(t *testing.T) {
	o := startOwner(t)
	synctest.Test(t, func(t *testing.T) {
		d, s := newDaemonOf(t, o)
		o.fence(t, d, 10*time.Second)
		expect := func(what string, wait time.Duration, want []unix.Signal, types ...api.EventType) {
			t.Helper()
			signals, events := o.after(s, wait)
			if !slices.Equal(signals, want) {
				t.Errorf("%s: signals %v, want %v", what, signals, want)
			}
			if !slices.EqualFunc(events, types, func(e api.Event, want api.EventType) bool {
				return e.Type == want && e.Owner.PID == o.PID && e.Client == 7 && e.Message != ""
			}) {
				t.Errorf("%s: events %+v, want %v", what, events, types)
			}
		}
		term, kill := []unix.Signal{unix.SIGTERM}, []unix.Signal{unix.SIGKILL}
		expect("asked", 10*time.Second-1, term)
		expect("killed", time.Second, kill)
		expect("before it is given up", 4*time.Second-2, nil)
		expect("given up", time.Second, nil, api.EventOwnerFenceFailed)
		expect("later", time.Hour, nil)
		if o.fence(t, d, time.Minute) {
			t.Error("began twice")
		}
		expect("killed again", 5*time.Second, kill, api.EventOwnerFenceFailed)
		d.fences.exited(o.process)
		d.fences.freed(o.process)
		expect("at its end", time.Hour, nil, api.EventOwnerFenced)
		d.fences.freed(o.process)
		expect("once", 0, nil)
		if o.users != fenceUsers-1 || d.fences.count() != 0 {
			t.Errorf("%d use the process, %d are fenced", o.users, d.fences.count())
		}
	})
}

// TestFenceGetsLessTime: a second call never makes it longer.
func TestFenceGetsLessTime(t *testing.T) {
	for name, test := range map[string]struct {
		again time.Duration
		want  time.Duration // until it is killed
	}{"Longer": {time.Hour, 10 * time.Second}, "Shorter": {time.Second, time.Second}, "AtOnce": {0, 0}} {
		t.Run(name, func(t *testing.T) {
			o := startOwner(t)
			synctest.Test(t, func(t *testing.T) {
				d, s := newDaemonOf(t, o)
				o.fence(t, d, 10*time.Second)
				o.fence(t, d, test.again)
				var killed time.Duration
				for start := time.Now(); ; {
					signals, _ := o.after(s, time.Second/2)
					if slices.Contains(signals, unix.SIGKILL) {
						killed = time.Since(start)
						break
					}
				}
				if killed < test.want || killed > test.want+time.Second/2 {
					t.Errorf("killed after %v, want %v", killed, test.want)
				}
				// It is not killed twice for two calls.
				if signals, events := o.after(s, time.Hour); len(signals) > 0 || len(events) != 1 {
					t.Errorf("then %v and %v", signals, events)
				}
			})
		})
	}
}

// Somebody relies on the end of the owner, whatever it holds by then.
func TestFenceKeepsTheDaemonFromBeingIdle(t *testing.T) {
	o := startOwner(t)
	d, _ := newDaemonOf(t, o)
	if !d.isIdle() {
		t.Error("not idle without anybody")
	}
	o.fence(t, d, time.Hour)
	if d.isIdle() {
		t.Error("idle with an owner that is to be killed")
	}
}

// TestFenceOfOneThatMayNotBeSignalled is about a user's daemon, whose owner has
// become another user's process.
func TestFenceOfOneThatMayNotBeSignalled(t *testing.T) {
	o := startOwner(t)
	d, _ := newDaemonOf(t, o)
	o.fail = unix.EPERM
	began, err := d.fences.begin(&fence{process: o.process}, 0, 0)
	if data := jsonError(err).Data; began || data.Code != api.CodeDenied || data.Hint == "" || d.fences.count() != 0 {
		t.Errorf("%v, %+v", began, data)
	}
}

// TestFenceHandedOver: a successor goes on in the time that is left.
func TestFenceHandedOver(t *testing.T) {
	o := startOwner(t)
	synctest.Test(t, func(t *testing.T) {
		former, _ := newDaemonOf(t, o)
		o.fence(t, former, 10*time.Second)
		time.Sleep(4 * time.Second)
		state := handover.State{Fences: former.fences.export()}
		former.timers.close()
		read, err := handover.ReadState(state.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		d, s := newDaemonOf(t, o)
		o.after(s, 0)
		if err := d.restoreFences(read.Fences); err != nil {
			t.Fatal(err)
		}
		if signals, _ := o.after(s, 6*time.Second-1); len(signals) > 0 {
			t.Errorf("%v before its time", signals)
		}
		if signals, events := o.after(s, 1); !slices.Equal(signals, []unix.Signal{unix.SIGKILL}) || len(events) > 0 {
			t.Errorf("%v, %v", signals, events)
		}
		// And between SIGKILL and the end of all hope.
		time.Sleep(2 * time.Second)
		read.Fences = d.fences.export()
		d.timers.close()
		d, s = newDaemonOf(t, o)
		if err := d.restoreFences(read.Fences); err != nil {
			t.Fatal(err)
		}
		signals, events := o.after(s, 3*time.Second)
		if len(signals) > 0 || len(events) != 1 || events[0].Type != api.EventOwnerFenceFailed || events[0].Client != 7 {
			t.Errorf("%v, %+v", signals, events)
		}
		d.fences.freed(o.process)
		if _, events := o.after(s, 0); len(events) != 1 || events[0].Message != "why" {
			t.Errorf("at its end %+v", events)
		}
	})
}

// A pid that is another process's by now is not signalled: the owner has ended.
func TestFenceHandedOverForAReusedPID(t *testing.T) {
	o := startOwner(t)
	synctest.Test(t, func(t *testing.T) {
		d, s := newDaemonOf(t, o)
		err := d.restoreFences([]handover.Fence{{PID: o.PID, Start: o.StartTime + 1, KillAt: 1, Client: 7, Reason: "why"}})
		if err != nil {
			t.Fatal(err)
		}
		signals, events := o.after(s, time.Hour)
		if len(signals) > 0 || len(events) != 1 || events[0].Type != api.EventOwnerFenced || o.users != fenceUsers {
			t.Errorf("%v, %+v, %d users", signals, events, o.users)
		}
	})
}

// A daemon that holds still, to be handed over, does nothing by itself.
func TestTimersWaitForTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		ts := newTimers(&g)
		called := make(chan struct{}, 1)
		ts.after(time.Second, func() { called <- struct{}{} })
		if err := g.shut(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(called) > 0 {
			t.Error("called though the gate is shut")
		}
		g.open()
		<-called
		ts.close()
	})
}

func TestTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		ts := newTimers(&g)
		var mu sync.Mutex // guards called
		var called []string
		call := func(name string) func() {
			return func() {
				mu.Lock()
				defer mu.Unlock()
				called = append(called, name)
			}
		}
		ts.after(time.Second, call("first"))
		stopped := ts.after(time.Second, call("stopped"))
		stopped.stop()
		stopped.stop()
		(*timer)(nil).stop()
		ts.after(time.Minute, call("never"))
		slow := ts.after(2*time.Second, func() { time.Sleep(time.Second); call("slow")() })
		time.Sleep(2 * time.Second)
		synctest.Wait()
		slow.stop() // has begun
		ts.close()  // waits for it
		if g.inside > 0 {
			t.Error("somebody stayed inside the gate")
		}
		ts.after(0, call("closed")).stop()
		time.Sleep(time.Hour)
		if want := []string{"first", "slow"}; !slices.Equal(called, want) {
			t.Errorf("called %q, want %q", called, want)
		}
	})
}
