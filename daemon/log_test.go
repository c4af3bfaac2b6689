package daemon_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"virtlock/daemon"
)

// uncomment takes the comment sign from lines such as "#name = value".
func uncomment(content string) string {
	return regexp.MustCompile(`(?m)^#([a-z_]+ = )`).ReplaceAllString(content, "$1")
}

func TestOpenLog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	s := daemon.DefaultSettings()
	l, err := daemon.OpenLog(s, "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	l.Introduce("version 1")
	l.Logger("rpc").Info("hidden")
	l.Logger("rpc").Warn("shown")
	s.LogFilters = "4:rpc"
	if err := l.Apply(s); err != nil {
		t.Error(err)
	}
	l.Logger("rpc").Warn("hidden")
	if want := "3:file:" + file; l.Outputs() != want {
		t.Errorf("got outputs %s, want %s", l.Outputs(), want)
	}
	l.Close()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(content); strings.Count(got, "\n") != 2 || !strings.Contains(got, "version 1\n") || !strings.Contains(got, "shown\n") {
		t.Errorf("got %s", got)
	}
}

func TestSettingsOfTheLogThatAreNotValid(t *testing.T) {
	tests := []struct {
		s    daemon.Settings
		want string
	}{
		{daemon.Settings{LogLevel: 9}, "Failed to set logging priority, argument '9' is invalid"},
		{daemon.Settings{LogLevel: 3, LogFilters: "9:foo"}, "Invalid priority '9' for filter '9:foo'"},
		{daemon.Settings{LogLevel: 3, LogOutputs: "bogus"}, "Malformed format for log output 'bogus'"},
	}
	for _, test := range tests {
		want := "invalid argument: " + test.want
		if err := test.s.CheckLog(); err == nil || err.Error() != want {
			t.Errorf("CheckLog: got %v, want %s", err, want)
		}
		if _, err := daemon.OpenLog(test.s, "stderr"); err == nil || err.Error() != want {
			t.Errorf("OpenLog: got %v, want %s", err, want)
		}
	}
}

func TestSetLogLevel(t *testing.T) {
	var s daemon.Settings
	if err := s.SetLogLevel("warning"); err != nil || s.LogLevel != 3 {
		t.Errorf("got %d, %v", s.LogLevel, err)
	}
	if err := s.SetLogLevel("bogus"); err == nil || s.LogLevel != 3 {
		t.Errorf("got %d, %v", s.LogLevel, err)
	}
}

func TestNilLogDiscards(t *testing.T) {
	var l *daemon.Log
	l.Introduce("version 1")
	l.Logger("rpc").Error("lost")
	if err := l.Apply(daemon.DefaultSettings()); err != nil || l.Outputs() != "" {
		t.Errorf("got %v, outputs %q", err, l.Outputs())
	}
	l.Close()
}
