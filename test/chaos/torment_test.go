package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client"
	"virtlock/client/api"
	"virtlock/test/bed"
)

// process is a process of the test that is killed and started again.
type process struct {
	*exec.Cmd
	done chan struct{} // closed when it has ended
}

func (t *tormentor) start(cmd *exec.Cmd, log *os.File) *process {
	cmd.Stdout, cmd.Stderr = log, log
	if err := t.host.Do(cmd.Start); err != nil {
		t.Fatalf("start %s: %v", cmd.Path, err)
	}
	p := &process{cmd, make(chan struct{})}
	go func() {
		defer close(p.done)
		cmd.Wait()
	}()
	return p
}

// end sends a signal and waits for the end. It gives how that was.
func (t *tormentor) end(p *process, signal os.Signal) string {
	p.Process.Signal(signal)
	select {
	case <-p.done:
		return p.ProcessState.String()
	case <-time.After(bed.Patience):
		t.Fatalf("%s still runs after %v: %v", p.Path, signal, bed.Patience)
		return ""
	}
}

// tormentor does to the daemon, its keeper and its clients what may happen to them.
type tormentor struct {
	*testing.T
	host    *bed.Host
	board   *board
	random  *rand.Rand
	dir     string
	log     *os.File // of daemons
	outputs *os.File // of workers and checker
	seed    uint64
	lockd   *process
	workers [workers]*process
	admin   client.Client
	// serving says that the daemon has answered, and so has everything; alone that
	// its keeper was killed and may not be replaced yet.
	serving, alone bool

	reexecs, refused, kills, stops, keepers, owners int
}

// torments are what happens, each as often as it is here.
var torments = []func(*tormentor){
	(*tormentor).reexec, (*tormentor).reexec, (*tormentor).reexecTwice, (*tormentor).reexecAndWait, (*tormentor).reexecAndWait,
	(*tormentor).kill, (*tormentor).kill, (*tormentor).killEarly,
	(*tormentor).stop, (*tormentor).stop,
	(*tormentor).killKeeper, (*tormentor).killKeeperAndReexec, (*tormentor).killBoth,
	(*tormentor).killOwner, (*tormentor).killOwner,
}

func (t *tormentor) pause(most time.Duration) {
	time.Sleep(time.Duration(t.random.Int64N(int64(most))))
}

func (t *tormentor) startDaemon() {
	t.lockd = t.start(exec.Command(t.host.Lockd.Path(t), "-v"), t.log)
	t.serving = false
}

// status waits until the daemon answers.
func (t *tormentor) status() (s api.Status) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(2 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), bed.Patience)
		s, err := t.admin.Status(ctx)
		cancel()
		if err == nil {
			t.serving = true
			return s
		}
		select {
		case <-t.lockd.done:
			t.Fatalf("the daemon ended by itself: %v", t.lockd.ProcessState)
		default:
		}
		if time.Since(began) > bed.Patience {
			t.Fatalf("no daemon answers: %v", err)
		}
	}
}

func (t *tormentor) serve() {
	if !t.serving {
		t.status()
	}
}

// accompany waits until a keeper has everything that the daemon has.
func (t *tormentor) accompany() {
	t.Helper()
	t.serve()
	for began := time.Now(); t.alone; time.Sleep(2 * time.Millisecond) {
		s := t.status()
		t.alone = !(s.Keeper != nil && s.Keeper.Complete || s.Holders == 0 && s.Keeper == nil)
		if time.Since(began) > bed.Patience {
			t.Fatalf("the keeper is not complete: %+v", s)
		}
	}
}

func (t *tormentor) reexec() {
	t.serve() // before it has caught its signals they end it
	t.lockd.Process.Signal(unix.SIGUSR1)
	t.reexecs++
	t.pause(60 * time.Millisecond)
}

// reexecAndWait does not go on before the next program has answered.
func (t *tormentor) reexecAndWait() {
	t.serve()
	c := t.host.Connect()
	defer c.Close()
	t.reexecs++
	if err := c.Call(api.DaemonReexec, api.Empty{}, nil); err != nil {
		t.refused++
		t.Logf("re-exec refused: %s", err.Message)
	}
}

func (t *tormentor) reexecTwice() {
	t.reexec()
	t.lockd.Process.Signal(unix.SIGUSR1) // may come to either program, or to none
	t.pause(60 * time.Millisecond)
}

func (t *tormentor) kill() {
	t.accompany()
	t.end(t.lockd, unix.SIGKILL)
	t.kills++
	t.pause(10 * time.Millisecond)
	t.startDaemon()
	t.serve()
}

// killEarly kills a daemon that has hardly begun.
func (t *tormentor) killEarly() {
	t.kill()
	for range 2 {
		t.end(t.lockd, unix.SIGKILL)
		t.kills++
		t.startDaemon()
		t.pause(250 * time.Millisecond)
	}
}

func (t *tormentor) stop() {
	t.accompany()
	if how := t.end(t.lockd, unix.SIGTERM); how != "exit status 0" {
		t.Errorf("a daemon that was stopped ended with %s", how)
	}
	t.stops++
	t.pause(10 * time.Millisecond)
	t.startDaemon()
}

// killKeeper kills the keeper. Until there is another one the daemon must not be
// killed: nobody would hold anything.
func (t *tormentor) killKeeper() {
	t.accompany()
	if pid := t.host.Keeper(); pid != 0 && unix.Kill(pid, unix.SIGKILL) == nil {
		t.keepers++
		t.alone = true
	}
	t.pause(20 * time.Millisecond)
}

func (t *tormentor) killKeeperAndReexec() {
	t.killKeeper()
	t.reexec()
}

// killBoth kills one after the other, in either order.
func (t *tormentor) killBoth() {
	if t.random.IntN(2) == 0 {
		t.killKeeper()
		t.kill()
		return
	}
	t.kill()
	t.killKeeper()
}

func (t *tormentor) killOwner() {
	i := t.random.IntN(workers)
	s := &t.board.workers[i]
	s.life.Add(1)
	t.end(t.workers[i], unix.SIGKILL)
	t.owners++
	for j := range s.claims {
		s.claims[j].Store(0)
	}
	load := func(what tally) uint64 { return s.counts[what].Load() }
	s.counts[cut].Store(load(requests) - load(replies) - load(ends))
	t.startWorker(i)
	s.life.Add(1)
}

func (t *tormentor) startWorker(i int) {
	t.seed++
	t.workers[i] = t.start(part{t.dir, i, t.seed}.command("worker"), t.outputs)
}

// connect is how the tormentor itself asks the daemon.
func (t *tormentor) connect(context.Context) (net.Conn, error) { return t.host.Dial(bed.Socket) }

// figures are printed at the end.
func (t *tormentor) figures(took time.Duration) string {
	var sum [tallies]uint64
	for i := range t.board.workers {
		for j := range sum {
			sum[j] += t.board.workers[i].counts[j].Load()
		}
	}
	text := fmt.Sprintf("%v: %d re-execs asked for, %d kills of the daemon, %d stops, %d kills of the keeper, %d kills of owners\n",
		took.Round(time.Second), t.reexecs, t.kills, t.stops, t.keepers, t.owners)
	text += fmt.Sprintf("%d requests: %d replies, %d connections ended before, %d owners killed before\n",
		sum[requests], sum[replies], sum[ends], sum[cut])
	text += fmt.Sprintf("%d acquires granted (%d waited for), %d refused, %d unknown (%d of them turned out to be granted); %d releases\n",
		sum[grants], sum[waits], sum[refusals], sum[unknown], sum[unknownHeld], sum[releases])
	text += fmt.Sprintf("%d claims of broken connections, %d of them while the locks were in use\n", sum[claimed], sum[across])
	text += fmt.Sprintf("%d looks at grants and %d at pairs of grants by a process that knows the kernel's locks only: %d violations",
		t.board.checks.Load(), t.board.pairs.Load(), t.board.violations.Load())
	if sum[requests] != sum[replies]+sum[ends]+sum[cut] {
		t.Errorf("not every request had a reply or an end: %v", sum)
	}
	return text
}
