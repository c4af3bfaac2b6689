package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"virtlock/client/api"
)

// TestMain is the program itself when the shells of these tests call it, and
// the holder of a lock for others.
func TestMain(m *testing.M) {
	if words := os.Getenv(holdVar); words != "" {
		holdAndWait(words)
	}
	if filepath.Base(os.Args[0]) == "virtlock-admin" {
		main()
	}
	os.Exit(m.Run())
}

// setUp makes a shell show what it would call the program with. The completion
// still calls the program.
const setUp = `
virtlock-admin() {
    if [ "$1" = __complete ]; then command virtlock-admin "$@"; return; fi
    printf 'CALL'; printf '<%s>' "$@"; printf 'END\n'
}
PS1='READY'; PS2=''
`

// shell starts one with the program in its path.
func shell(t *testing.T, h house, script string, args ...string) *terminal {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(dir, "virtlock-admin"))
	}
	rc := filepath.Join(dir, "rc")
	if err == nil {
		err = os.WriteFile(rc, []byte(script+setUp), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = []string{
		"PATH=" + dir + ":" + os.Getenv("PATH"), "HOME=" + dir, "TERM=dumb", "LC_ALL=C.UTF-8",
		"GORACE=atexit_sleep_ms=0", "INPUTRC=/dev/null", "HISTFILE=", defaultURI + "=virtlockd:///system?socket=" + h.Socket,
	}
	term := openTerminal(t, cmd)
	term.typeIn(" . " + rc + "\n")
	term.expect("READY")
	return term
}

// completion returns the repository's completion script.
func completion(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs("../../completion/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// shellCases are keys, with Tabs, and the words that the program gets.
func shellCases(h house, odd, space string) map[string]struct{ keys, want string } {
	odd = strings.TrimSuffix(odd, " disk's $1.raw")
	return map[string]struct{ keys, want string }{
		"Command":       {"lis\t", "<list>"},
		"Option":        {"list --mod\tsha\t", "<list><--mode><shared>"},
		"AfterEquals":   {"list --mode=ex\t", "<list><--mode=exclusive>"},
		"AfterColon":    {"-c virtlockd:///sy\tst\t", "<-c><virtlockd:///system><status>"},
		"LockName":      {"inspect " + h.image[:len(h.image)-3] + "\t", "<inspect><" + h.image + ">"},
		"LockNameEqual": {"list --name=" + h.image[:len(h.image)-3] + "\t", "<list><--name=" + h.image + ">"},
		"Blank":         {"inspect " + odd + "\t", "<inspect><" + odd + " disk's $1.raw>"},
		"InQuotes":      {"inspect \"" + odd + " d\t", "<inspect><" + odd + " disk's $1.raw>"},
		"Escaped":       {"inspect " + odd + "\\ d\t", "<inspect><" + odd + " disk's $1.raw>"},
		"Lockspace":     {"inspect " + space[:len(space)-2] + "\t3d\t", "<inspect><" + space + "><3d0c9f>"},
		"Directory":     {"--socket " + filepath.Dir(h.Socket)[:len(filepath.Dir(h.Socket))-2] + "\tvirtlockd-s\t", "<--socket><" + h.Socket + ">"},
		"Nothing":       {"nonsense \t", "<nonsense>"},
	}
}

// tryShell types all cases into a shell.
func tryShell(t *testing.T, script string, args ...string) {
	h := newHouse(t)
	odd := newFile(t, "my disk's $1.raw")
	space := filepath.Join(t.TempDir(), "leases")
	if err := h.guest.CreateLockspace(t.Context(), space); err != nil {
		t.Fatal(err)
	}
	h.hold(t, h.guest, api.Resource{Name: odd})
	h.hold(t, h.guest, api.Resource{Lockspace: space, Name: "3d0c9f", Autocreate: true})
	term := shell(t, h, script, args...)
	for name, test := range shellCases(h, odd, space) {
		t.Run(name, func(t *testing.T) {
			term.typeIn("virtlock-admin " + test.keys + "\n")
			term.expect("CALL")
			compare(t, term.expect("END"), test.want)
			term.expect("READY")
		})
	}
	t.Run("DaemonThatNeverAnswers", func(t *testing.T) {
		l, err := net.Listen("unix", h.Socket+"x")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		term.typeIn("virtlock-admin --socket " + h.Socket + "x inspect 3\t\n")
		term.expect("CALL")
		compare(t, term.expect("END"), "<--socket><"+h.Socket+"x><inspect><3>")
	})
}

func TestBash(t *testing.T) {
	tryShell(t, "bind 'set enable-bracketed-paste off'\n. "+completion(t, "virtlock-admin.bash")+"\n",
		"bash", "--norc", "--noprofile", "-i")
}

func TestZsh(t *testing.T) {
	tryShell(t, "fpath=("+filepath.Dir(completion(t, "_virtlock-admin"))+" $fpath)\n"+
		"autoload -U compinit; compinit -u -D\nunsetopt prompt_cr prompt_sp\n",
		"zsh", "-f", "-i")
}
