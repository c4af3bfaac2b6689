package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runShell runs a script with the program in its path, in a directory with two
// files.
func runShell(t *testing.T, script string, shell ...string) string {
	t.Helper()
	completion, err := filepath.Abs("../../completion")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	set(t, map[string]string{"guest one.xml": "", "dir/x": ""})
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, programName)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(shell[0], append(shell[1:], "-c", script)...)
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "COMPLETION=" + completion, "GORACE=atexit_sleep_ms=0"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// TestBash calls the function that bash would, with what it would set.
func TestBash(t *testing.T) {
	const script = `. "$COMPLETION/virt-xml-validate.bash"
compopt() { printf '{%s}' "$2"; }
try() {
    COMP_WORDS=(virt-xml-validate "$@") COMP_CWORD=$#
    _virt_xml_validate virt-xml-validate "${!#}"
    printf '<%s>' "${COMPREPLY[@]}"
    echo
}
try --schema domains
try --schema = domains
try --sc
try a.xml domains
try a.xml d
try gu
try --schema-dir ''
complete -p virt-xml-validate`
	want := []string{
		"<domainsnapshot>", "<domainsnapshot>", "<--schema><--schema-dir>", "{filenames}<domainsnapshot>",
		"{filenames}<domain><domainbackup><domaincaps><domaincheckpoint><domainsnapshot><dir>",
		"{filenames}{default}<>", "{filenames}{dirnames}<>", "complete -F _virt_xml_validate virt-xml-validate", "",
	}
	compare(t, runShell(t, script, "bash", "--norc", "--noprofile"), strings.Join(want, "\n"))
}

// TestZsh has zsh complete lines on a terminal of its own making.
func TestZsh(t *testing.T) {
	const script = `zmodload zsh/zpty
zpty z zsh -f -i
typed() { zpty -w -n z "$1"; zpty -r -m z line "*END*"; print -r -- "${${line##*CALL}%%END*}"; }
zpty -w z "PS1=; PS2=; stty -echo; fpath=($COMPLETION \$fpath); autoload -U compinit; compinit -u -D; unsetopt prompt_cr prompt_sp zle_bracketed_paste"
zpty -w z "virt-xml-validate() { if [[ \$1 = __complete ]]; then command virt-xml-validate \"\$@\"; return; fi; print -nr CALL; printf '<%s>' \"\$@\"; print END; }"
zpty -w z "print RE''ADY"
zpty -r -m z line "*READY*"
typed $'virt-xml-validate --schema domains\t\n'
typed $'virt-xml-validate --schema=domains\t\n'
typed $'virt-xml-validate --jso\tgu\t\n'
typed $'virt-xml-validate gu\tsecre\t\n'
typed $'virt-xml-validate --schema-dir di\t\n'`
	want := []string{
		"<--schema><domainsnapshot>", "<--schema=domainsnapshot>", "<--json><guest one.xml>",
		"<guest one.xml><secret>", "<--schema-dir><dir>", "",
	}
	compare(t, runShell(t, script, "zsh", "-f"), strings.Join(want, "\n"))
}
