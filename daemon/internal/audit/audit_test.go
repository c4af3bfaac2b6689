package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const patience = 20 * time.Second

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in %v it did not happen that %s", patience, what)
		}
	}
}

// numbers is a history of numbers, in which "lost N" stands for N of them.
type numbers struct {
	*Trail[string]
	t        testing.TB
	settings Settings
	// hold, if not nil, holds the writer up until it is closed.
	hold      chan struct{}
	held      atomic.Bool
	complains atomic.Int64
}

func start(t testing.TB, s Settings, hold chan struct{}) *numbers {
	t.Helper()
	n := &numbers{t: t, settings: s, hold: hold}
	n.Trail = New(s, Format[string]{
		Append: func(b []byte, r *string) []byte {
			if n.hold != nil {
				n.held.Store(true)
				<-n.hold
			}
			return append(b, *r...)
		},
		Lost: func(n uint64, last string) string { return fmt.Sprintf("lost %d until %s", n, last) },
		Complain: func(err error) {
			if err != nil {
				n.complains.Add(1)
			}
		},
	})
	t.Cleanup(n.end)
	return n
}

func (n *numbers) end() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	n.Close(ctx)
	if ctx.Err() != nil {
		n.t.Error("the goroutine did not end")
	}
}

func (n *numbers) put(from, to int) {
	for i := from; i < to; i++ {
		n.Put(strconv.Itoa(i))
	}
}

func (n *numbers) flush() {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	n.Flush(ctx)
	must(n.t, ctx.Err())
}

// lines are all lines, the latest last.
func (n *numbers) lines() (all []string) {
	n.t.Helper()
	must(n.t, Backwards(n.Settings(), func(line []byte) bool {
		all = append(all, string(line))
		return true
	}))
	slices.Reverse(all)
	return all
}

func counted(from, to int) (list []string) {
	for i := from; i < to; i++ {
		list = append(list, strconv.Itoa(i))
	}
	return list
}

func equal(t testing.TB, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%d lines, from %q, not %d: %.300q", len(got), got[:min(1, len(got))], len(want), got)
	}
}

func in(t testing.TB) Settings {
	return Settings{File: filepath.Join(t.TempDir(), "audit"), MaxSize: 1 << 20, Files: 2}
}

func TestWrittenInOrder(t *testing.T) {
	n := start(t, in(t), nil)
	n.put(0, 5)
	n.flush()
	equal(t, n.lines(), counted(0, 5))
	n.put(5, 20000)
	n.end()
	equal(t, n.lines(), counted(0, 20000))
	info, err := os.Stat(n.settings.File)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	n.Put("too late") // and nothing happens
	// Another one goes on where this one ended.
	again := start(t, n.settings, nil)
	again.put(20000, 20001)
	again.flush()
	equal(t, again.lines(), counted(0, 20001))
}

// No file is larger than it may be, and only so many are kept.
func TestRotation(t *testing.T) {
	for _, keep := range []int{0, 1, 3} {
		t.Run(strconv.Itoa(keep), func(t *testing.T) {
			s := in(t)
			s.MaxSize, s.Files = 4096, keep
			must(t, os.WriteFile(fmt.Sprintf("%s.%d", s.File, keep+1), nil, 0o600)) // of a time when more were kept
			n := start(t, s, nil)
			for i := range 200 {
				n.put(1000+100*i, 1000+100*i+100)
				n.flush()
			}
			lines := n.lines()
			equal(t, lines, counted(21000-len(lines), 21000))
			names, err := os.ReadDir(filepath.Dir(s.File))
			must(t, err)
			if len(names) != keep+1 {
				t.Errorf("%d files", len(names))
			}
			for _, name := range names {
				info, err := name.Info()
				must(t, err)
				if info.Size() > s.MaxSize {
					t.Errorf("%s has %d bytes", name.Name(), info.Size())
				}
			}
			if len(lines) < keep*500 {
				t.Errorf("only %d lines are left", len(lines))
			}
		})
	}
}

// What there is no room for is counted, and the count stands where the records would.
func TestNothingBlocksAndTheLostAreCounted(t *testing.T) {
	hold := make(chan struct{})
	n := start(t, in(t), hold)
	n.put(0, 1)
	eventually(t, "the writer is held up", n.held.Load)
	n.put(1, 1+maxQueued+7)
	close(hold)
	n.flush()
	n.put(100000, 100001)
	n.flush()
	lines := n.lines()
	want := append(counted(0, 1+maxQueued), fmt.Sprintf("lost 7 until %d", maxQueued+7), "100000")
	equal(t, lines, want)
}

func TestCloseDoesNotWaitForStorage(t *testing.T) {
	hold := make(chan struct{})
	n := start(t, in(t), hold)
	n.put(0, 1)
	eventually(t, "the writer is held up", n.held.Load)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	n.Flush(ctx)
	n.Close(ctx)
	close(hold)
}

// logrotate(8) moves the file away, and may remove it.
func TestFileThatIsMovedAway(t *testing.T) {
	n := start(t, in(t), nil)
	n.put(0, 1)
	n.flush()
	must(t, os.Rename(n.settings.File, n.settings.File+"-old"))
	eventually(t, "it is made anew", func() bool {
		n.Put("x")
		n.flush()
		_, err := os.Stat(n.settings.File)
		return err == nil
	})
	// A reload does not wait for somebody to look.
	must(t, os.Remove(n.settings.File))
	n.Apply(n.settings)
	n.put(1, 2)
	n.flush()
	equal(t, n.lines(), counted(1, 2))
}

func TestOffAndOn(t *testing.T) {
	s := in(t)
	n := start(t, Settings{MaxSize: 1}, nil)
	n.put(0, 1)
	n.flush()
	n.Apply(s)
	n.put(1, 2)
	n.flush()
	equal(t, n.lines(), counted(1, 2))
	n.Apply(Settings{MaxSize: 1})
	n.put(2, 3)
	n.Apply(s)
	equal(t, n.lines(), counted(1, 2))
}

// Until there is a place for it the history waits.
func TestDirectoryThatIsMissing(t *testing.T) {
	s := in(t)
	dir := filepath.Join(filepath.Dir(s.File), "later")
	s.File = filepath.Join(dir, "audit")
	if err := Check(s.File); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Check: %v", err)
	}
	n := start(t, s, nil)
	n.put(0, 3)
	eventually(t, "it complains", func() bool { return n.complains.Load() == 1 })
	must(t, os.Mkdir(dir, 0o700))
	must(t, Check(s.File))
	n.flush()
	equal(t, n.lines(), counted(0, 3))
}

func TestOnlyFiles(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	must(t, unix.Mkfifo(fifo, 0o600))
	for _, path := range []string{fifo, "/dev/null", t.TempDir()} {
		if Check(path) == nil {
			t.Errorf("%s is taken", path)
		}
	}
	must(t, Check(""))
}

// A disk that was full leaves a line that is torn, and those that came meanwhile are
// counted.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8k"); err != nil {
		t.Fatal("this test needs root:", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	s := Settings{File: filepath.Join(dir, "audit"), MaxSize: 1 << 20, Files: 2}
	n := start(t, s, nil)
	n.put(10000, 12000) // six bytes each
	n.flush()
	if n.complains.Load() != 1 {
		t.Errorf("complained %d times", n.complains.Load())
	}
	must(t, os.Truncate(s.File, 6*1000+3))
	n.put(12000, 12001)
	eventually(t, "it is written", func() bool {
		n.flush()
		return strings.HasSuffix(strings.Join(n.lines(), " "), "12000")
	})
	lines := n.lines()
	written := 8192 / 6
	if lines[1000] != "110" || lines[1001] != fmt.Sprintf("lost %d until 11999", 2000-written) {
		t.Errorf("after the gap come %q", lines[1000:])
	}
}

// Reading backwards finds the same lines as reading forwards, wherever the reads end.
func FuzzBackwards(f *testing.F) {
	f.Add([]byte("a\nb\n"), 1)
	f.Add([]byte("\n\ntorn"), readChunk)
	f.Add([]byte("one\ntwo"), 3*readChunk/2)
	f.Add(bytes.Repeat([]byte("x"), maxLine/100), 101)
	f.Fuzz(func(t *testing.T, b []byte, times int) {
		if times < 1 || times*len(b) > 4<<20 {
			return
		}
		b = bytes.Repeat(b, times)
		var want []string
		for line := range bytes.SplitSeq(b, []byte("\n")) {
			if len(line) > 0 && len(line) <= maxLine {
				want = append(want, string(line))
			}
		}
		var got []string
		if _, err := backwards(bytes.NewReader(b), int64(len(b)), func(line []byte) bool {
			got = append(got, string(line))
			return true
		}); err != nil {
			t.Fatal(err)
		}
		slices.Reverse(got)
		equal(t, got, want)
	})
}
