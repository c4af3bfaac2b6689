package logging_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"virtlock/daemon/internal/logging"
)

// open opens a log that is closed at the end of the test.
func open(t *testing.T, s logging.Settings, fallback string) *logging.Log {
	t.Helper()
	l, err := logging.Open(s, fallback)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// openFile opens a log of all levels that goes to a file. The function returned
// closes the log and gives the lines, each without its time and PID.
func openFile(t *testing.T, filters string) (*logging.Log, func() []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	l := open(t, logging.Settings{Level: logging.Debug, Filters: filters, Outputs: "1:file:" + path}, "")
	return l, func() []string {
		l.Close()
		return linesOf(t, path)
	}
}

var prefix = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\+0000: ` + fmt.Sprint(os.Getpid()) + `: `)

// linesOf returns the lines of a log file, each without its time and PID.
func linesOf(t *testing.T, path string) []string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(content)) {
		if !prefix.MatchString(line) || !strings.HasSuffix(line, "\n") {
			t.Errorf("line %q does not look like one", line)
		}
		lines = append(lines, strings.TrimSuffix(prefix.ReplaceAllString(line, ""), "\n"))
	}
	return lines
}

func checkLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func checkInvalid(t *testing.T, err error, detail string) {
	t.Helper()
	var invalid *logging.InvalidError
	if !errors.As(err, &invalid) || err.Error() != "invalid argument: "+detail {
		t.Errorf("got %v, want invalid argument: %s", err, detail)
	}
}

func replace(s, old, with string) string { return strings.ReplaceAll(s, old, with) }

func mkfifo(t *testing.T, path string) {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestLines(t *testing.T) {
	l, lines := openFile(t, "")
	log := l.Logger("daemon")
	log.Debug("hello")
	log.Info("hello")
	log.Warn("hello")
	log.Error("hello")
	log.Info("types", "s", "a b", "n", 7, "b", true, "d", 2*time.Second, "e", errors.New("bad"), "nil", nil, "u", uint64(1)<<63)
	log.Info("time", "t", time.Unix(0, 0))
	log.Info("hostile", "name", "x\n2026-11-22 \x1b[31m\u202e\xff\"")
	log.Info("hostile\ntext\x00")
	log.With("client", 7).WithGroup("owner").With("pid", 1).Info("groups", "name", "web01", slog.Group("in", "x", 1))
	checkLines(t, lines(),
		`debug : daemon : hello`,
		`info : daemon : hello`,
		`warning : daemon : hello`,
		`error : daemon : hello`,
		`info : daemon : types s="a b" n=7 b=true d=2s e="bad" nil="<nil>" u=9223372036854775808`,
		`info : daemon : time t=1970-01-01T00:00:00Z`,
		`info : daemon : hostile name="x\n2026-11-22 \x1b[31m\u202e\xff\""`,
		`info : daemon : hostile\ntext\x00`,
		`info : daemon : groups client=7 owner.pid=1 owner.name="web01" owner.in.x=1`,
	)
}

func TestLongTextsAreCut(t *testing.T) {
	l, lines := openFile(t, "")
	l.Logger("daemon").Info("long", "name", strings.Repeat("é", 1_000_000))
	got := lines()[0]
	if len(got) > 9000 || !strings.HasSuffix(got, " bytes more") {
		t.Errorf("got %d bytes that end in %q", len(got), got[len(got)-20:])
	}
}

func TestTheFirstFilterThatMatchesDecides(t *testing.T) {
	l, lines := openFile(t, "4:lock 1:lockspace 3:j?on 4:[ow]ne 2:[")
	for _, source := range []string{"lockspace", "json", "owner", "rpc"} {
		log := l.Logger(source)
		log.Debug("1")
		log.Warn("3")
		log.Error("4")
	}
	checkLines(t, lines(),
		"error : lockspace : 4",
		"warning : json : 3",
		"error : json : 4",
		"error : owner : 4",
		"debug : rpc : 1",
		"warning : rpc : 3",
		"error : rpc : 4",
	)
}

func TestEachOutputHasItsLevel(t *testing.T) {
	dir := t.TempDir()
	all, errorsOnly := filepath.Join(dir, "all"), filepath.Join(dir, "errors")
	l := open(t, logging.Settings{Level: logging.Info, Outputs: "1:file:" + all + " 4:file:" + errorsOnly}, "")
	log := l.Logger("rpc")
	log.Debug("a")
	log.Info("b")
	log.Error("c")
	l.Close()
	checkLines(t, linesOf(t, all), "info : rpc : b", "error : rpc : c")
	checkLines(t, linesOf(t, errorsOnly), "error : rpc : c")
}

func TestEachOutputIsIntroduced(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	l := open(t, logging.Settings{Level: logging.Warning, Outputs: "3:file:" + one + " 4:file:" + two}, "")
	l.Introduce("version: 1", "hostname: vm")
	log := l.Logger("daemon")
	log.Info("not shown")
	log.Warn("a")
	log.Error("b")
	l.Close()
	checkLines(t, linesOf(t, one), "info : daemon : version: 1", "info : daemon : hostname: vm", "warning : daemon : a", "error : daemon : b")
	checkLines(t, linesOf(t, two), "info : daemon : version: 1", "info : daemon : hostname: vm", "error : daemon : b")
}

func TestNothingIsWrittenBeforeThereIsSomethingToSay(t *testing.T) {
	l, lines := openFile(t, "4:daemon")
	l.Introduce("version: 1")
	l.Logger("daemon").Info("not shown")
	checkLines(t, lines())
}

func TestFilesArePrivateAndAppendedTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for range 2 {
		l := open(t, logging.Settings{Level: logging.Debug, Outputs: "1:file:" + path}, "")
		l.Logger("daemon").Info("hello")
		l.Close()
	}
	checkLines(t, linesOf(t, path), "info : daemon : hello", "info : daemon : hello")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("mode is %v", info.Mode())
	}
}

func TestApplyStartsAFileThatWasMovedAway(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	s := logging.Settings{Level: logging.Debug, Outputs: "1:file:" + path}
	l := open(t, s, "")
	log := l.Logger("daemon")
	log.Info("old")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := l.Apply(s); err != nil {
		t.Fatal(err)
	}
	log.Info("new")
	l.Close()
	checkLines(t, linesOf(t, path+".1"), "info : daemon : old")
	checkLines(t, linesOf(t, path), "info : daemon : new")
}

func TestApplyChangesAllOrNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	s := logging.Settings{Level: logging.Warning, Filters: "1:rpc", Outputs: "1:file:" + path}
	l := open(t, s, "")
	log := l.Logger("daemon")
	for _, bad := range []logging.Settings{
		{Level: 9},
		{Level: logging.Debug, Filters: "bad"},
		{Level: logging.Debug, Filters: "1:json", Outputs: "1:stderr bad"},
		{Level: logging.Debug, Filters: "1:json", Outputs: "1:stderr 1:file:/"},
	} {
		if err := l.Apply(bad); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
		log.Info("not shown")
		if l.Filters() != "1:*rpc*" || l.Outputs() != s.Outputs {
			t.Errorf("after %+v: filters %s, outputs %s", bad, l.Filters(), l.Outputs())
		}
	}
	log.Warn("shown")
	l.Close()
	checkLines(t, linesOf(t, path), "warning : daemon : shown")
}

func TestDisabledLevelsCostNoMemory(t *testing.T) {
	l := open(t, logging.Settings{Level: logging.Warning}, "stderr")
	log := l.Logger("daemon")
	ctx := context.Background()
	allocs := testing.AllocsPerRun(100, func() {
		log.LogAttrs(ctx, slog.LevelDebug, "hello", slog.String("name", "web01"), slog.Int("n", 7))
		log.Debug("hello")
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestNothingIsLostWhileOutputsChange(t *testing.T) {
	const goroutines, each = 4, 50
	dir := t.TempDir()
	path := filepath.Join(dir, "0")
	l := open(t, logging.Settings{Level: logging.Debug, Outputs: "1:file:" + path}, "")
	var logging sync.WaitGroup
	for range goroutines {
		log := l.Logger("daemon")
		logging.Go(func() {
			for range each {
				log.Info("x")
			}
		})
	}
	paths := []string{path}
	for i := range 20 {
		path := filepath.Join(dir, fmt.Sprint(i+1))
		paths = append(paths, path)
		if err := l.SetOutputs("1:file:" + path); err != nil {
			t.Error(err)
		}
		if err := l.SetFilters("1:daemon"); err != nil {
			t.Error(err)
		}
		l.Outputs()
		l.Filters()
	}
	logging.Wait()
	l.Close()
	total := 0
	for _, path := range paths {
		total += len(linesOf(t, path))
	}
	if total != goroutines*each {
		t.Errorf("got %d lines, want %d", total, goroutines*each)
	}
}

func TestAClosedLog(t *testing.T) {
	l, lines := openFile(t, "")
	log := l.Logger("daemon")
	checkLines(t, lines())
	log.Error("lost")
	l.Logger("other").Error("lost")
	if err := l.SetFilters("1:foo"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("SetFilters: got %v", err)
	}
	l.Close()
}
