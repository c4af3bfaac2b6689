package logging

import (
	"errors"
	"io"
	"log/syslog"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// fake is a destination that a test holds in its hand.
type fake struct {
	release chan error // each write takes its result from here
	texts   []string
	closed  bool
}

func (f *fake) write(r record) error {
	err := <-f.release
	if err == nil {
		f.texts = append(f.texts, r.level.String()+" "+r.text)
	}
	return err
}

func (f *fake) close() { f.closed = true }

func noPreface() []string { return nil }

// TestASlowOutputDropsAndSaysSo fills the queue of an output that hangs, and then
// lets it go on.
func TestASlowOutputDropsAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{release: make(chan error)}
		w := startWriter(Output{}, f, noPreface)
		w.send(record{level: Error, text: "first"})
		synctest.Wait() // the goroutine is in its write
		for range queueLength + 10 {
			w.send(record{level: Error, text: "more"})
		}
		close(f.release)
		closeAll([]*writer{w})
		if len(f.texts) != 1+1+queueLength {
			t.Fatalf("got %d lines", len(f.texts))
		}
		const notice = "warning log output was slow or failed, messages are missing here dropped=10"
		if f.texts[0] != "error first" || f.texts[1] != notice {
			t.Errorf("got %q", f.texts[:2])
		}
		if !f.closed {
			t.Error("the destination is not closed")
		}
	})
}

func TestAFailingOutputDropsAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{release: make(chan error, 10)}
		w := startWriter(Output{}, f, func() []string { return []string{"version"} })
		full := errors.New("disk full")
		// a: the preface and the record fail. b: the preface, the notice and the
		// record fail. c: all is well.
		for _, err := range []error{full, full, full, full, full, nil, nil, nil} {
			f.release <- err
		}
		for _, text := range []string{"a", "b", "c"} {
			w.send(record{level: Error, text: text})
		}
		closeAll([]*writer{w})
		want := "info version|warning log output was slow or failed, messages are missing here dropped=2|error c"
		if got := strings.Join(f.texts, "|"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestTheEndDoesNotWaitForAnOutputThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{release: make(chan error)}
		w := startWriter(Output{}, f, noPreface)
		other := &fake{release: make(chan error)}
		w2 := startWriter(Output{}, other, noPreface)
		w.send(record{})
		w2.send(record{})
		start := time.Now()
		closeAll([]*writer{w, w2})
		if took := time.Since(start); took != closeTime {
			t.Errorf("took %v", took)
		}
		close(f.release)
		close(other.release)
		synctest.Wait()
	})
}

// A change may hang for as long as the storage under a new log file does.
func TestCloseDoesNotWaitForAChange(t *testing.T) {
	l, err := Open(Settings{Level: Debug}, "stderr")
	if err != nil {
		t.Fatal(err)
	}
	l.change.Lock()
	l.Close()
	l.change.Unlock()
}

// halfFile takes a part of the first line only, as a full disk does.
type halfFile struct {
	strings.Builder
	full bool
}

func (h *halfFile) Write(line []byte) (int, error) {
	if h.full {
		n, _ := h.Builder.Write(line[:10])
		return n, io.ErrShortWrite
	}
	return h.Builder.Write(line)
}

func (h *halfFile) Close() error { return nil }

func TestALineAfterATornOneStartsAfresh(t *testing.T) {
	out := &halfFile{full: true}
	f := &file{out: out}
	if f.write(record{text: "torn"}) == nil {
		t.Error("no error")
	}
	out.full = false
	for range 2 {
		if err := f.write(record{text: "whole"}); err != nil {
			t.Error(err)
		}
	}
	if lines := strings.Count(out.String(), "\n"); lines != 3 {
		t.Errorf("got %d lines in %q", lines, out)
	}
}

func TestAFullDisk(t *testing.T) {
	l, err := Open(Settings{Level: Debug, Outputs: "1:file:/dev/full"}, "")
	if err != nil {
		t.Fatal(err)
	}
	w := l.writers[0]
	log := l.Logger("daemon")
	for range 10 {
		log.Error("hello")
	}
	l.Close()
	if n := w.dropped.Load(); n != 10 {
		t.Errorf("counted %d", n)
	}
}

// listen makes a datagram socket like that of a log daemon.
func listen(t *testing.T) (path string, next func() string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "socket")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	return path, func() string {
		buffer := make([]byte, 1<<16)
		n, err := conn.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		return string(buffer[:n])
	}
}

func TestJournal(t *testing.T) {
	path, next := listen(t)
	j := newJournal(path)
	defer j.close()
	for level, priority := range map[Level]string{Debug: "7", Info: "6", Warning: "4", Error: "3"} {
		if err := j.write(record{level: level, source: "rpc", text: `hello name="a b"`}); err != nil {
			t.Fatal(err)
		}
		want := "MESSAGE=hello name=\"a b\"\nPRIORITY=" + priority +
			"\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=virtlockd\nLIBVIRT_SOURCE=rpc\n"
		if got := next(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestSyslog(t *testing.T) {
	path, next := listen(t)
	s := &syslogger{dial: func() (*syslog.Writer, error) {
		return syslog.Dial("unixgram", path, syslog.LOG_DAEMON, "virtlockd")
	}}
	defer s.close()
	for level, priority := range map[Level]string{Debug: "31", Info: "30", Warning: "28", Error: "27"} {
		if err := s.write(record{level: level, source: "rpc", text: "hello"}); err != nil {
			t.Fatal(err)
		}
		want := regexp.MustCompile(`^<` + priority + `>.* virtlockd\[\d+\]: rpc : hello\n$`)
		if got := next(); !want.MatchString(got) {
			t.Errorf("got %q, want %s", got, want)
		}
	}
}

func TestALogDaemonThatIsAwayIsTriedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		down := errors.New("down")
		var r redial
		for range 25 {
			if r.try(func() error { calls++; return down }) == nil {
				t.Error("no error")
			}
			time.Sleep(100 * time.Millisecond)
		}
		if calls != 3 {
			t.Errorf("dialled %d times", calls)
		}
	})
	j := newJournal(filepath.Join(t.TempDir(), "nobody"))
	if j.write(record{}) == nil {
		t.Error("journal: no error")
	}
}

func TestAJournalThatCameBack(t *testing.T) {
	path, next := listen(t)
	j := newJournal(filepath.Join(t.TempDir(), "nobody"))
	if j.write(record{}) == nil {
		t.Error("no error")
	}
	j.socket, j.redial.failed = path, time.Time{}
	if err := j.write(record{text: "back"}); err != nil {
		t.Fatal(err)
	}
	if got := next(); !strings.HasPrefix(got, "MESSAGE=back\n") {
		t.Errorf("got %q", got)
	}
	j.close()
}
