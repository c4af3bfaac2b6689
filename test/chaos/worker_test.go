package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"time"

	"virtlock/client"
	"virtlock/client/api"
)

// worker is a process that takes locks for itself and gives them back, in one of
// four ways.
type worker struct {
	part
	*slot
	board     *board
	random    *rand.Rand
	resources []api.Resource
	claims    uint64        // so far
	client    taker         // how it asks
	asker     client.Client // for what it does not know: uncounted by the taker
}

// taker takes locks, holds them and gives them back, once.
type taker interface{ turn(want []wanted) }

// wanted is a lock that a worker wants.
type wanted struct {
	api.Resource
	file int
}

// tooLong is how long one call may take, be it with a daemon that starts anew.
const tooLong = 20 * time.Second

// work is the worker's process.
func work() int {
	p, b, err := thisPart()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	w := &worker{
		part: p, slot: &b.workers[p.number], board: b, resources: resources(p.dir),
		random: rand.New(rand.NewPCG(p.seed, uint64(p.number))),
	}
	w.asker.Dial = func(context.Context) (net.Conn, error) { return w.dial() }
	w.client = takers[p.number%len(takers)](w)
	for b.stop.Load() == 0 {
		w.client.turn(w.choose())
		w.pause(5 * time.Millisecond)
	}
	w.asker.Close()
	return 0
}

// takers are the ways to take locks, by the worker's number.
var takers = []func(*worker) taker{newOfProcess, newOfConnection, newLibvirt, newClaiming}

// choose chooses what to want: mostly one lock, sometimes two.
func (w *worker) choose() []wanted {
	mode := api.Exclusive
	if w.random.IntN(3) == 0 {
		mode = api.Shared
	}
	first := w.random.IntN(len(w.resources))
	files := []int{first}
	if w.random.IntN(4) == 0 {
		files = append(files, (first+1+w.random.IntN(len(w.resources)-1))%len(w.resources))
	}
	var want []wanted
	for _, f := range files {
		r := w.resources[f]
		r.Mode = mode
		want = append(want, wanted{r, f})
	}
	return want
}

// wait is how long an acquire waits.
func (w *worker) wait() time.Duration {
	if w.random.IntN(2) == 0 {
		return 0
	}
	return time.Duration(w.random.IntN(400)) * time.Millisecond
}

func (w *worker) pause(most time.Duration) { time.Sleep(time.Duration(w.random.Int64N(int64(most)))) }

// hold says on the board that locks are granted, until the function returned is
// called.
func (w *worker) hold(want []wanted) (clear func()) {
	w.claims++
	for i, r := range want {
		value := (uint64(os.Getpid())<<20+w.claims)<<claimNumber | uint64(r.file+1)
		if r.Mode == api.Exclusive {
			value |= claimExclusive
		}
		w.slot.claims[i].Store(value)
	}
	return func() {
		for i := range want {
			w.slot.claims[i].Store(0)
		}
	}
}

// granted counts a grant, for whose sake it waited for so long at most.
func (w *worker) granted(began time.Time) {
	w.count(grants)
	if time.Since(began) > 10*time.Millisecond {
		w.count(waits)
	}
}

func bare(want []wanted) (list []api.Resource) {
	for _, r := range want {
		list = append(list, r.Resource)
	}
	return list
}

func namesOf(want []wanted) (list []api.ResourceName) {
	for _, r := range want {
		list = append(list, api.ResourceName{Lockspace: r.Lockspace, Name: r.Name})
	}
	return list
}

// isHeld asks until it is answered whether this process holds all of the locks, or
// none.
func (w *worker) isHeld(want []wanted) bool {
	locks := w.mine()
	held := 0
	for _, r := range want {
		for _, l := range locks {
			if l.Lockspace == r.Lockspace && l.Name == r.Name {
				held++
			}
		}
	}
	if held != 0 && held != len(want) {
		w.board.violation("worker %d holds %d of %d locks of one call: %+v", w.number, held, len(want), locks)
	}
	return held > 0
}

// mine asks what this process holds.
func (w *worker) mine() (locks []api.Lock) {
	w.until("lock.list", func(ctx context.Context) (err error) {
		locks, err = w.asker.Locks(ctx, api.LockFilter{Owner: strconv.Itoa(os.Getpid())})
		return err
	})
	return locks
}

// until does something again and again until its connection lives to the end of it.
func (w *worker) until(what string, do func(context.Context) error) {
	for began := time.Now(); ; w.pause(4 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), tooLong)
		err := do(ctx)
		cancel()
		switch {
		case err == nil:
			return
		case !broke(err):
			w.board.violation("worker %d: %s: %v", w.number, what, err)
			return
		case time.Since(began) > tooLong:
			w.board.violation("worker %d: %s: no answer for %v: %v", w.number, what, tooLong, err)
			return
		}
	}
}

// broke reports whether an error is the end of a connection, or that there is no
// daemon just now, or one that stops and says so.
func broke(err error) bool {
	return errors.Is(err, client.ErrLimit) || errors.Is(err, errStops) || errors.Is(err, client.ErrBroken) || errors.Is(err, client.ErrUnreachable) || errors.Is(err, errBroken)
}
