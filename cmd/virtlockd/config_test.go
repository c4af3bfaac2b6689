package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// configurations are refused by the real daemon and by ours, with the same words.
var configurations = []string{
	"max_clients",
	"max_clients =",
	"max_clients = abc",
	"max_clients = \"5\"",
	"max_clients = -1",
	"max_clients = 5 x",
	"max_clients = 4294967296",
	"admin_max_clients = [1]",
	"\n\n= 5",
	"log_filters = 5",
	"log_filters = \"a",
	"log_level = '3'",
	"x = [ 'a' 'b' ]",
	"x = [ 'a'",
	"x = -",
	"log_level = 5",
	"log_filters = '9:foo'",
	"log_filters = 'foo'",
	"log_filters = '1:'",
	"log_outputs = 'bogus'",
	"log_outputs = '9:stderr'",
	"log_outputs = '1:bogus'",
	"log_outputs = '1:stderr:x'",
	"log_outputs = '1:file:/no/such/x.log'",
	"log_level = 9\nlog_filters = 'x'\nlog_outputs = 'x'",
}

// realPrefix is what the real daemon has before an error in its log.
var realPrefix = regexp.MustCompile(`^.*: error : [^:]*:\d+ : `)

// lastLine returns the last line, without what the programs have before the
// error itself.
func lastLine(stderr string) string {
	lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
	last := realPrefix.ReplaceAllString(lines[len(lines)-1], "")
	return strings.TrimPrefix(last, ours+": error: ")
}

func TestConfigurationsThatAreRefusedByBoth(t *testing.T) {
	h := newHost(t)
	for _, content := range configurations {
		t.Run(content, func(t *testing.T) {
			h.write("work/virtlockd.conf", content)
			want, got := h.run(daemonWords(theirs)...), h.run(daemonWords(ours)...)
			if got.status != exitUsage || want.status != exitUsage || lastLine(got.stderr) != lastLine(want.stderr) {
				t.Errorf("got %d %q, the real one %d %q", got.status, lastLine(got.stderr), want.status, lastLine(want.stderr))
			}
			background := h.run(daemonWords(ours, "-d")...)
			if background != got {
				t.Errorf("in the background: got %+v, in the foreground %+v", background, got)
			}
		})
	}
	if h.exists("run/virtlockd.pid") || h.exists("run/libvirt") {
		t.Error("a refused start has left something behind")
	}
}

func TestConfigurationFilesThatCannotBeRead(t *testing.T) {
	h := newHost(t)
	for _, file := range []string{"missing.conf", "/", ""} {
		want, got := h.run(theirs, "-f", file), h.run(ours, "-f", file)
		if got.status != exitUsage || want.status != exitUsage || lastLine(got.stderr) != lastLine(want.stderr) {
			t.Errorf("%q: got %d %q, the real one %d %q", file, got.status, lastLine(got.stderr), want.status, lastLine(want.stderr))
		}
	}
}

func TestConfigurationsThatAreAccepted(t *testing.T) {
	h := newHost(t)
	for _, content := range []string{"", "unknown_key = 5", "max_clients = 0", "log_level = 0", "# comment\n\nmax_clients = 7 # more"} {
		h.write("work/virtlockd.conf", content)
		h.start(ours).end()
	}
}

func TestTheDefaultFileNeedNotExist(t *testing.T) {
	o := new(options)
	s, err := readSettings(o, paths{Config: "/no/such/file"}, func(string) string { return "" })
	if err != nil || s.MaxClients != 1024 {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestTheEnvironmentGoesBeforeTheFile(t *testing.T) {
	file := t.TempDir() + "/virtlockd.conf"
	content := "log_level = 4\nlog_filters = '3:conf'\nlog_outputs = '4:stderr'"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, variable, value string
		verbose               bool
		level                 int
		filters, outputs      string
	}{
		{"nothing", "", "", false, 4, "3:conf", "4:stderr"},
		{"verbose", "", "", true, 2, "3:conf", "4:stderr"},
		{"level", "LIBVIRT_DEBUG", "info", false, 2, "3:conf", "4:stderr"},
		{"level and verbose", "LIBVIRT_DEBUG", "1", true, 1, "3:conf", "4:stderr"},
		{"higher level and verbose", "LIBVIRT_DEBUG", "4", true, 2, "3:conf", "4:stderr"},
		{"empty", "LIBVIRT_DEBUG", "", false, 4, "3:conf", "4:stderr"},
		{"filters", "LIBVIRT_LOG_FILTERS", "1:env", false, 4, "1:env", "4:stderr"},
		{"outputs", "LIBVIRT_LOG_OUTPUTS", "1:journald", false, 4, "3:conf", "1:journald"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			getenv := func(name string) string {
				if name == test.variable {
					return test.value
				}
				return ""
			}
			s, err := readSettings(&options{verbose: test.verbose}, paths{Config: file}, getenv)
			if err != nil || s.LogLevel != test.level || s.LogFilters != test.filters || s.LogOutputs != test.outputs {
				t.Errorf("got %+v, %v", s, err)
			}
		})
	}
}

func TestBadValuesInTheEnvironment(t *testing.T) {
	h := newHost(t)
	for _, variable := range []string{"LIBVIRT_DEBUG=bogus", "LIBVIRT_DEBUG=7", "LIBVIRT_LOG_FILTERS=x", "LIBVIRT_LOG_OUTPUTS=x"} {
		run := func(program string) result {
			cmd := h.command(daemonWords(program)...)
			cmd.Env = append(cmd.Env, variable)
			return runCommand(t, cmd)
		}
		want, got := run(theirs), run(ours)
		if got != want {
			t.Errorf("%s: got %+v, the real one %+v", variable, got, want)
		}
	}
}

// A file with an error in it is refused even if the environment replaces it.
func TestTheEnvironmentDoesNotHideErrorsOfTheFile(t *testing.T) {
	h := newHost(t)
	h.write("work/virtlockd.conf", "log_filters = 'bogus'")
	cmd := h.command(daemonWords(ours)...)
	cmd.Env = append(cmd.Env, "LIBVIRT_LOG_FILTERS=1:good")
	if got := runCommand(t, cmd); got.status != exitUsage {
		t.Errorf("got %+v", got)
	}
}
