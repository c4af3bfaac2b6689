package chaos

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/test/bed"
)

// How long each test goes on, unless VIRTLOCK_CHAOS_TIME says something else, and
// what makes one run like another: VIRTLOCK_CHAOS_START.
const (
	chaosTime     = 12 * time.Second
	timeVariable  = "VIRTLOCK_CHAOS_TIME"
	startVariable = "VIRTLOCK_CHAOS_START"
)

// Under the race detector the daemons live longer, and are seen more closely.
func TestChaos(t *testing.T) { chaos(t, bed.Ours) }

func TestQuickChaos(t *testing.T) { chaos(t, bed.Quick(t)) }

func chaos(t *testing.T, lockd bed.Daemon) {
	howLong := chaosTime
	if text := os.Getenv(timeVariable); text != "" {
		var err error
		if howLong, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	seed, err := strconv.ParseUint(os.Getenv(startVariable), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Logf("%s=%d", startVariable, seed)
	m := newTormentor(t, lockd, seed)
	checker := m.start(part{dir: m.dir}.command("checker"), m.outputs)
	for i := range workers {
		m.startWorker(i)
	}
	began := time.Now()
	for time.Since(began) < howLong && m.board.violations.Load() == 0 {
		torments[m.random.IntN(len(torments))](m)
	}
	m.finish(checker)
	t.Log(m.figures(time.Since(began)))
}

func newTormentor(t *testing.T, lockd bed.Daemon, seed uint64) *tormentor {
	dir := bed.Dir(t)
	m := &tormentor{
		T: t, host: bed.NewHost(t, lockd), dir: dir, seed: seed, random: rand.New(rand.NewPCG(seed, 0)),
		log: create(t, dir, "daemons.log"), outputs: create(t, dir, "workers.log"),
	}
	t.Cleanup(m.report)
	m.admin.Dial = m.connect
	var err error
	if m.board, err = newBoard(boardPath(dir)); err != nil {
		t.Fatal(err)
	}
	for _, r := range resources(dir) {
		if r.Lockspace == "" {
			bed.Image(t, dir, filepath.Base(r.Name))
		}
	}
	m.startDaemon()
	m.serve()
	if err := m.admin.CreateLockspace(context.Background(), spacePath(dir)); err != nil {
		t.Fatal(err)
	}
	return m
}

func create(t *testing.T, dir, name string) *os.File {
	file, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// finish has all locks given back, and looks whether nothing is left of them.
func (t *tormentor) finish(checker *process) {
	t.accompany()
	t.board.stop.Store(1)
	for i, w := range t.workers {
		select {
		case <-w.done:
			if how := w.ProcessState.String(); how != "exit status 0" {
				t.Errorf("worker %d ended with %s", i, how)
			}
		case <-time.After(2 * tooLong):
			t.Errorf("worker %d hangs", i)
		}
	}
	t.board.stop.Store(2)
	<-checker.done
	bed.Eventually(t, "all locks are given back", func() bool { return t.status().Holders == 0 })
	s := t.status()
	if len(s.Missing) > 0 || s.Waiters > 0 {
		t.Errorf("at the end: %+v", s)
	}
	for _, r := range resources(t.dir) {
		t.wantFree(r)
	}
	t.Logf("at the end: %d descriptors, %d granted in all", s.OpenFiles, s.Granted)
	if s.OpenFiles > 60 {
		t.Errorf("%d descriptors are open", s.OpenFiles)
	}
	t.wantNoZombies()
}

func (t *tormentor) wantFree(r api.Resource) {
	t.Helper()
	path := filepath.Join(r.Lockspace, r.Name)
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) && r.Autocreate {
		return
	}
	if err != nil {
		t.Error(err)
		return
	}
	defer file.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK, Len: 1}
	if err := unix.FcntlFlock(file.Fd(), unix.F_OFD_SETLK, &lock); err != nil {
		t.Errorf("%s is locked at the end", path)
	}
}

// wantNoZombies looks for children of the daemon that have ended, and that it has
// forgotten.
func (t *tormentor) wantNoZombies() {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, _ := os.ReadFile(path)
		_, rest, _ := strings.Cut(string(stat), ") ")
		if strings.HasPrefix(rest, "Z "+strconv.Itoa(t.lockd.Process.Pid)+" ") {
			t.Errorf("the daemon has left a child unattended: %s", stat)
		}
	}
}

// report shows what the processes have said that they should not have to.
func (t *tormentor) report() {
	for _, file := range []*os.File{t.log, t.outputs} {
		text, _ := os.ReadFile(file.Name())
		shown := 0
		for line := range strings.Lines(string(text)) {
			if isTrouble(line) && shown < 40 {
				shown++
				t.Errorf("%s: %s", filepath.Base(file.Name()), strings.TrimSpace(line))
			}
		}
		if strings.Contains(string(text), "DATA RACE") || strings.Contains(string(text), "panic: ") {
			t.Errorf("%s", text[max(0, len(text)-20000):])
		}
	}
	text, _ := os.ReadFile(t.log.Name())
	if t.Failed() {
		t.Logf("the end of the daemons' log:\n%s", text[max(0, len(text)-4000):])
	}
	t.Logf("the daemons say %d times that they were re-executed, %d that they took locks back, %d that a keeper is replaced",
		strings.Count(string(text), "was re-executed"), strings.Count(string(text), "took back what"), strings.Count(string(text), "is replaced"))
}

// expected are the errors that a daemon may log: its keeper was killed, or it was
// asked to stop while it was to re-execute.
var expected = []string{
	"the keeper of the locks has ended, and is replaced", "lost the keeper of the locks",
	`error="the daemon ends"`,
}

func isTrouble(line string) bool {
	for _, text := range expected {
		if strings.Contains(line, text) {
			return false
		}
	}
	return strings.Contains(line, "VIOLATION") || strings.Contains(line, ": error :")
}
