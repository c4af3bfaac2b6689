package logging_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"virtlock/daemon/internal/logging"
)

func TestLevels(t *testing.T) {
	for text, want := range map[string]logging.Level{
		"1": logging.Debug, "2": logging.Info, "3": logging.Warning, "4": logging.Error,
		"debug": logging.Debug, "info": logging.Info, "warning": logging.Warning, "error": logging.Error,
	} {
		if got, err := logging.ParseLevel(text); got != want || err != nil {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"bogus", "7", "0", "-1", "Debug"} {
		_, err := logging.ParseLevel(text)
		want := "invalid argument: Failed to set logging priority, argument '" + text + "' is invalid"
		if err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// filters are what is set and what is shown, or the error.
var filters = []struct{ set, shown, err string }{
	{"", "", ""},
	{" ", "", ""},
	{"1:foo", "1:*foo*", ""},
	{"1:foo  2:bar ", "1:*foo* 2:*bar*", ""},
	{"1:foo 1:foo", "1:*foo* 1:*foo*", ""},
	{"1:+foo", "1:*foo*", ""},
	{"1:*foo", "1:**foo*", ""},
	{"1:fo?o", "1:*fo?o*", ""},
	{"1:a,b", "1:*a,b*", ""},
	{"1:a:b", "1:*a*", ""},
	{"01:x", "1:*x*", ""},
	{"\t1:foo", "1:*foo*", ""},
	{"1:foo\t2:x", "1:*foo\t2*", ""},
	{"foo", "", "Malformed format for filter 'foo'"},
	{"1:a foo", "", "Malformed format for filter 'foo'"},
	{"1:", "", "Invalid match string ''"},
	{"1:+", "", "Invalid match string '+'"},
	{"9:foo", "", "Invalid priority '9' for filter '9:foo'"},
	{"0:foo", "", "Invalid priority '0' for filter '0:foo'"},
	{"-1:foo", "", "Invalid priority '-1' for filter '-1:foo'"},
	{"1x:foo", "", "Invalid priority '1x' for filter '1x:foo'"},
	{":", "", "Invalid priority '' for filter ':'"},
}

func TestFilters(t *testing.T) {
	l := open(t, logging.Settings{Level: logging.Warning}, "stderr")
	for _, test := range filters {
		t.Run(test.set, func(t *testing.T) {
			if err := l.SetFilters("2:before"); err != nil {
				t.Fatal(err)
			}
			err := l.SetFilters(test.set)
			if test.err != "" {
				checkInvalid(t, err, test.err)
				test.shown = "2:*before*"
			} else if err != nil {
				t.Fatal(err)
			}
			if got := l.Filters(); got != test.shown {
				t.Errorf("got %q, want %q", got, test.shown)
			}
		})
	}
}

// outputs are what is set and what is shown, or the error. DIR is the working
// directory.
var outputs = []struct{ set, shown, err string }{
	{"", "3:stderr", ""},
	{" ", "3:stderr", ""},
	{"2:stderr", "2:stderr", ""},
	{"\t2:stderr", "2:stderr", ""},
	{"1:journald", "1:journald", ""},
	{"1:syslog:", "1:syslog:", ""},
	{"1:syslog:virtlockd 3:stderr", "1:syslog:virtlockd 3:stderr", ""},
	{"3:stderr 3:stderr 4:stderr", "4:stderr", ""},
	{"1:file:rel.log", "1:file:DIR/rel.log", ""},
	{"1:file:x/../a:b.log", "1:file:DIR/a:b.log", ""},
	{"3:file:a.log 2:file:DIR/a.log", "2:file:DIR/a.log", ""},
	{"1:file:/dev/full", "1:file:/dev/full", ""},
	{"bogus", "", "Malformed format for log output 'bogus'"},
	{"9:stderr", "", "Invalid log priority '9' for log output '9:stderr'"},
	{"0:stderr", "", "Invalid log priority '0' for log output '0:stderr'"},
	{"1x:stderr", "", "Invalid log priority '1x' for log output '1x:stderr'"},
	{":stderr", "", "Invalid log priority '' for log output ':stderr'"},
	{"1:", "", "Invalid log destination '' for log output '1:'"},
	{"3: stderr", "", "Invalid log destination '' for log output '3:'"},
	{"3:STDERR", "", "Invalid log destination 'STDERR' for log output '3:STDERR'"},
	{"3:stderr,4:stderr", "", "Invalid log destination 'stderr,4' for log output '3:stderr,4:stderr'"},
	{"1:stderr:x", "", "Log output '1:stderr:x' does not meet the format requirements for destination type 'stderr'"},
	{"1:journald:x", "", "Log output '1:journald:x' does not meet the format requirements for destination type 'journald'"},
	{"1:file", "", "Log output '1:file' does not meet the format requirements for destination type 'file'"},
	{"1:syslog", "", "Log output '1:syslog' does not meet the format requirements for destination type 'syslog'"},
	{"3:file:a b.log", "", "Malformed format for log output 'b.log'"},
}

func TestOutputs(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	l := open(t, logging.Settings{Level: logging.Warning}, "stderr")
	inDir := func(s string) string { return replace(s, "DIR", dir) }
	for _, test := range outputs {
		t.Run(test.set, func(t *testing.T) {
			if err := l.SetOutputs("4:journald"); err != nil {
				t.Fatal(err)
			}
			err := l.SetOutputs(inDir(test.set))
			if test.err != "" {
				checkInvalid(t, err, test.err)
				test.shown = "4:journald"
			} else if err != nil {
				t.Fatal(err)
			}
			if got := l.Outputs(); got != inDir(test.shown) {
				t.Errorf("got %q, want %q", got, inDir(test.shown))
			}
		})
	}
}

func TestFilesThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	mkfifo(t, fifo)
	missing := filepath.Join(dir, "no", "x.log")
	for path, want := range map[string]string{
		dir:     "failed to open " + dir + ": Is a directory",
		missing: "failed to open " + missing + ": No such file or directory",
		fifo:    "failed to open " + fifo + ": No such device or address",
	} {
		_, err := logging.Open(logging.Settings{Level: logging.Warning, Outputs: "4:stderr 1:file:" + path}, "stderr")
		var openError *logging.OpenError
		if !errors.As(err, &openError) || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	_, err := logging.Open(logging.Settings{Level: logging.Warning, Outputs: "1:file:" + missing}, "stderr")
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v is not os.ErrNotExist", err)
	}
}

func TestTheFallbackFollowsTheLevel(t *testing.T) {
	l := open(t, logging.Settings{Level: logging.Warning}, "journald")
	if got := l.Outputs(); got != "3:journald" {
		t.Errorf("got %s", got)
	}
	if err := l.SetLevel(logging.Debug); err != nil {
		t.Fatal(err)
	}
	if got := l.Outputs(); got != "1:journald" {
		t.Errorf("after a change of the level: got %s", got)
	}
}

func TestCheck(t *testing.T) {
	checkInvalid(t, logging.Settings{Level: 9}.Check(), "Failed to set logging priority, argument '9' is invalid")
	checkInvalid(t, logging.Settings{Level: 1, Filters: "x"}.Check(), "Malformed format for filter 'x'")
	checkInvalid(t, logging.Settings{Level: 1, Outputs: "x"}.Check(), "Malformed format for log output 'x'")
	if err := (logging.Settings{Level: 1, Outputs: "1:file:/no/such/dir/x"}).Check(); err != nil {
		t.Errorf("a file that would not open: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, test := range filters {
		f.Add(test.set)
	}
	for _, test := range outputs {
		f.Add(test.set)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := logging.ParseFilters(text)
		var invalid *logging.InvalidError
		if err != nil && !errors.As(err, &invalid) {
			t.Errorf("filters: error %v is not an *InvalidError", err)
		}
		for _, filter := range list {
			if filter.Match == "" || filter.Level < logging.Debug || filter.Level > logging.Error {
				t.Errorf("got filter %+v", filter)
			}
		}
		places, err := logging.ParseOutputs(text)
		if err != nil && !errors.As(err, &invalid) {
			t.Errorf("outputs: error %v is not an *InvalidError", err)
		}
		for _, o := range places {
			again, err := logging.ParseOutputs(o.String())
			if err != nil || len(again) != 1 || again[0] != o {
				t.Errorf("%q is read back as %v, %v", o, again, err)
			}
		}
	})
}
