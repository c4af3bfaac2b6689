package daemon_test

import (
	"os"
	"path/filepath"
	"testing"

	"virtlock/daemon"
)

// writeConfig writes a configuration file and returns its name.
func writeConfig(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "virtlockd.conf")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadSettings(t *testing.T) {
	all := daemon.Settings{
		LogLevel: 1, LogFilters: "1:rpc", LogOutputs: "2:stderr", MaxClients: 7, AdminMaxClients: 8,
		AuditFile: "/a", AuditMaxSize: 9, AuditFiles: 0,
	}
	tests := []struct {
		name, content string
		want          daemon.Settings
	}{
		{"empty", "", daemon.DefaultSettings()},
		{"zero", "log_level = 0\nmax_clients = 0\nadmin_max_clients = 0", daemon.DefaultSettings()},
		{"unknown names", "keepalive_interval = 5\nx = ['a']", daemon.DefaultSettings()},
		{"all", "log_level = 1\nlog_filters = '1:rpc'\nlog_outputs = '2:stderr'\nmax_clients = 7\nadmin_max_clients = 8\naudit_file = '/a'\naudit_max_size = 9\naudit_files = 0", all},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := daemon.ReadSettings(writeConfig(t, test.content), daemon.DefaultSettings())
			if got != test.want || err != nil {
				t.Errorf("got %+v, %v, want %+v", got, err, test.want)
			}
		})
	}
}

func TestReadSettingsErrors(t *testing.T) {
	tests := []struct{ content, before, after string }{
		{"max_clients = 'a'", "internal error: ", ": expected an unsigned integer for 'max_clients' parameter"},
		{"admin_max_clients = -1", "internal error: ", ": expected an unsigned integer for 'admin_max_clients' parameter"},
		{"log_level = '3'\nmax_clients = 'a'", "internal error: ", ": expected an unsigned integer for 'log_level' parameter"},
		{"log_filters = 3", "internal error: ", ": expected a string for 'log_filters' parameter"},
		{"log_outputs = ['1:stderr']", "internal error: ", ": expected a string for 'log_outputs' parameter"},
		{"audit_file = 'a'", "internal error: ", ": 'audit_file' parameter must be an absolute path"},
		{"audit_files = 1001", "internal error: ", ": value for 'audit_files' parameter must be in range 0:1000"},
		{"\nlog_level", "configuration file syntax error: ", ":2: expecting an assignment"},
	}
	for _, test := range tests {
		t.Run(test.content, func(t *testing.T) {
			file := writeConfig(t, test.content)
			want := test.before + file + test.after
			if s, err := daemon.ReadSettings(file, daemon.DefaultSettings()); err == nil || err.Error() != want || s != (daemon.Settings{}) {
				t.Errorf("got %+v, %v, want %s", s, err, want)
			}
		})
	}
}

// The file that the package ships has every setting, with its default, commented
// out.
func TestShippedConfiguration(t *testing.T) {
	file := filepath.Join("..", "cmd", "virtlockd", "virtlockd.conf")
	if s, err := daemon.ReadSettings(file, daemon.DefaultSettings()); s != daemon.DefaultSettings() || err != nil {
		t.Errorf("got %+v, %v", s, err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := daemon.ReadSettings(writeConfig(t, uncomment(string(content))), daemon.DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CheckLog(); err != nil {
		t.Error(err)
	}
	s.LogFilters, s.LogOutputs = "", "" // examples; there is no default to show
	s.AuditFile = ""                    // that of the system's daemon
	if s != daemon.DefaultSettings() {
		t.Errorf("uncommented: got %+v", s)
	}
}
