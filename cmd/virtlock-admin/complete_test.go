package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"virtlock/client/api"
)

// texts completes the last of the words and returns the candidates.
func texts(t *testing.T, words ...string) []string {
	t.Helper()
	e := &env{out: new(bytes.Buffer), err: new(bytes.Buffer), now: time.Now}
	var list []string
	for _, c := range complete(t.Context(), e, words) {
		list = append(list, c.text)
	}
	return list
}

func TestComplete(t *testing.T) {
	h := newHouse(t)
	space := filepath.Join(t.TempDir(), "leases")
	if err := h.guest.CreateLockspace(t.Context(), space); err != nil {
		t.Fatal(err)
	}
	h.hold(t, h.guest, api.Resource{Lockspace: space, Name: "3d0c9f", Autocreate: true})
	globals := "--connect -c --socket --timeout --json --quiet -q --readonly -r --help -h --version -v -V"
	names := "list inspect who check lockspace-list lockspace-create events history owner-list client-list client-info client-disconnect force-release run status doctor reexec reload log-filters log-outputs limits daemon-timeout help connect uri version cd pwd echo quit"
	tests := map[string]struct{ words, want string }{
		"Nothing":           {"|", names},
		"Alias":             {"lock-", "lock-list lock-info"},
		"NoAliasBeside":     {"q", "quit"},
		"Connect":           {"connect |", "virtlockd:///system virtlockd:///session"},
		"ConnectNoMore":     {"connect a |", ""},
		"Command":           {"st", "status"},
		"NoHiddenCommand":   {"__", ""},
		"AfterGlobal":       {"-q lis", "list"},
		"UnknownCommand":    {"lst |", ""},
		"GlobalOption":      {"--so", "--socket"},
		"OptionOfCommand":   {"list --mo", "--mode"},
		"GlobalAfter":       {"status --j", "--json"},
		"NotOthersOption":   {"status --mo", ""},
		"Mode":              {"list --mode |", "exclusive shared"},
		"Column":            {"list --format na", "name"},
		"NextColumn":        {"list --format name,pi", "name,pid"},
		"ModeTyped":         {"list --mode s", "shared"},
		"ModeAfterEquals":   {"list --mode=e", "--mode=exclusive"},
		"UnknownAfterEqual": {"list --bogus=e", ""},
		"BoolAfterEquals":   {"list --json=e", ""},
		"URI":               {"-c |", "virtlockd:///system virtlockd:///session"},
		"Lockspace":         {"list --lockspace |", "direct " + space},
		"LockName":          {"list --name |", h.image + " 3d0c9f"},
		"Owner":             {"list --owner |", "web01"},
		"InspectFirst":      {"inspect 3", "3d0c9f"},
		"InspectSpace":      {"inspect " + space[:len(space)-1], space},
		"InspectInSpace":    {"inspect " + space + " |", "3d0c9f"},
		"InspectInDirect":   {"inspect direct |", h.image},
		"InspectNoMore":     {"inspect a b |", ""},
		"ForceOwner":        {"force-release --owner |", strconv.Itoa(os.Getpid())},
		"Help":              {"help |", names + " locks owners action daemon shell"},
		"HelpTyped":         {"help st", "status"},
		"HelpNoMore":        {"help list |", ""},
		"NoOptionAfterDash": {"inspect -- -", ""},
		"NoArgument":        {"list |", ""},
		"AllOptions":        {"status -", globals},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			words := append([]string{"--socket", h.Socket}, strings.Fields(test.words)...)
			if last := len(words) - 1; words[last] == "|" {
				words[last] = ""
			}
			got, want := texts(t, words...), strings.Fields(test.want)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("complete(%q) = %q, want %q", test.words, got, want)
			}
		})
	}
}

func TestCompleteFiles(t *testing.T) {
	dir := filepath.Dir(newFile(t, "sock"))
	if got := texts(t, "--socket", dir+"/s"); !slices.Equal(got, []string{dir + "/sock"}) {
		t.Errorf("a file: %q", got)
	}
	if got := texts(t, "--socket", dir); !slices.Equal(got, []string{dir + "/"}) {
		t.Errorf("a directory: %q", got)
	}
	if got := texts(t, "--socket", dir+"/none/s"); got != nil {
		t.Errorf("nothing there: %q", got)
	}
}

// TestCompleteDropsTricks has a guest whose name would move the cursor.
func TestCompleteDropsTricks(t *testing.T) {
	if got := printable([]candidate{{text: "b"}, {text: "\u202ea"}, {text: "a"}, {text: "b"}, {text: ""}}); len(got) != 2 {
		t.Errorf("printable = %q", got)
	}
}

// TestCompleteDoesNotWait has a daemon that never answers.
func TestCompleteDoesNotWait(t *testing.T) {
	socket := filepath.Join(newHouse(t).Socket + "x")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	start := time.Now()
	compare(t, runOK(t, "__complete", "--", "--socket", socket, "inspect", ""), "")
	if took := time.Since(start); took < completionTime || took > 10*completionTime {
		t.Errorf("took %v, want %v", took, completionTime)
	}
	compare(t, runOK(t, "__complete", "--", "--socket", "/nowhere", "inspect", ""), "")
}

func TestCompleteCommand(t *testing.T) {
	compare(t, runOK(t, "__complete", "--", "list", "--mo"), "--mode\tonly of the MODE: exclusive or shared\n")
	if got := runOK(t, "__complete"); !strings.HasPrefix(got, "list\tlist the locks that are held\ninspect\t") {
		t.Errorf("all commands: %q", got)
	}
	compare(t, runOK(t, "__complete", "--line", "virtlock-admin list --mode=s", "--breaks", "=:"), "shared \n")
}
