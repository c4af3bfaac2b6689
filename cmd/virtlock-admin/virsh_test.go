package main

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// virsh runs the real one, without a daemon: on libvirt's driver for tests.
func virsh(t *testing.T, dir string, words ...string) result {
	t.Helper()
	cmd := exec.Command("virsh", append([]string{"-c", "test:///default"}, words...)...)
	var out, err bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &err
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+dir, "LC_ALL=C.UTF-8")
	_ = cmd.Run() // its exit status is looked at
	if cmd.ProcessState == nil {
		t.Fatal("virsh is not installed")
	}
	return result{out.String(), err.String(), cmd.ProcessState.ExitCode()}
}

// habit is a command line that people use with virsh, and what is other here on
// purpose.
type habit struct {
	words []string
	other string
}

func line(words ...string) habit { return habit{words: words} }

func (h habit) but(other string) habit { return habit{h.words, other} }

// habits are the differences that are wanted, and everything else that is the same.
func habits() map[string]habit {
	return map[string]habit{
		"OneCommand":           line("echo", "a", "b"),
		"WordsStayTogether":    line("echo", "a b", "  c"),
		"NoCommandsInWords":    line("echo", "a", ";", "echo", "b"),
		"NoCommentInWords":     line("echo", "#a"),
		"CommandString":        line("echo a; echo b"),
		"Newline":              line("echo a\necho b"),
		"JoinedLines":          line("echo a\\\nb"),
		"JoinedWords":          line("echo a \\\n b"),
		"Blanks":               line("  echo\ta   b  "),
		"NothingBetween":       line(";;echo a;;\n;echo b;"),
		"OnlyBlanks":           line("   "),
		"OnlySemicolons":       line(";"),
		"SingleQuotes":         line(`echo 'a  "b\' c`),
		"DoubleQuotes":         line(`echo "a  'b\n\"\\ \$c"`),
		"QuotedCommand":        line(`"ec"h'o' a`),
		"QuotedSemicolon":      line(`echo "a;b" 'c;d' e\;f`),
		"EmptyWords":           line(`echo '' "" a`),
		"Backslash":            line(`echo a\ b \a \# \'`),
		"Comment":              line("# hi"),
		"CommentAfter":         line("echo a # b; echo c"),
		"CommentThenLine":      line("echo a # b\necho c"),
		"CommentThenBackslash": line("echo a # b\\\necho c"),
		"NoCommentInWord":      line("echo a#b ''#c"),
		"ShellQuoting":         line("echo", "--shell", "a b", "it's", "", "a;b", "~", "a=b%c+d,e-f.g/h:i@j^k_l", "$", "`", "日本"),
		"XMLQuoting":           line("echo", "--xml", `<a b="c" d='e'>&`),
		"EndOfOptions":         line("echo -- --shell"),
		"Stderr":               line("echo", "--err", "a").but("virsh prints an empty line on standard output, too"),
		"MissingQuote":         line(`echo "a`),
		"DanglingBackslash":    line(`echo a\`),
		"UnknownCommand":       line("nosuch"),
		"UnknownInString":      line("echo a; nosuch"),
		"UnknownOption":        line("echo a; pwd --bogus"),
		"TooManyArguments":     line("echo a; pwd extra"),
		"ValueForNone":         line("echo a; echo --shell=x"),
		"Abbreviated":          line("echo a; ech b"),
		"BothQuotings":         line("echo", "--shell", "--xml", "a").but("virsh prints an empty line on standard output, too"),
		"HelpOfNothing":        line("help", "nosuch").but("virsh prints an empty line on standard output, too"),
		"QuitEnds":             line("echo a; quit; echo b"),
		"ExitEnds":             line("exit; echo b"),
		"QuitArgument":         line("echo a; quit 3"),
		"OptionOfProgram":      line("-r", "--", "echo a"),
		"FailingIsNoEnd":       line("help nosuch; echo a").but("virsh prints an empty line on standard output, too"),
		"LastStatusCounts":     line("echo a; help nosuch").but("virsh prints an empty line on standard output, too"),
		"WorkingDirectory":     line("pwd; echo a"),
		"WorkingDirectories":   line("pwd; pwd; echo"),
		"LastAnswer":           line("echo a; pwd").but("no empty line follows the last answer"),
		"OneAnswer":            line("pwd").but("a single command prints its answer and nothing else"),
		"ChangeDirectory":      line("cd /; pwd").but("cd works outside of the interactive shell"),
		"MissingSingleQuote":   line("echo 'a").but("virsh does not miss it"),
		"EmptyString":          line("").but("virsh fails without a word"),
		"QuitAfterFailure":     line("help nosuch; quit").but("quit keeps the status of the command before"),
		"ShellQuotingInQuiet":  line("-q", "echo", "a").but("virsh ends the line only without -q"),
		"OptionAfterArgument":  line("pwd", "-q").but("global options may follow the command"),
		"GroupWithoutHelp":     line("help", "shell").but("other groups"),
	}
}

// TestVirshHabits runs virsh and the program side by side. Both print the same, and
// both succeed or fail; what they say about failures is their own.
func TestVirshHabits(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("HOME", dir)
	for name, habit := range habits() {
		t.Run(name, func(t *testing.T) {
			theirs := virsh(t, dir, habit.words...)
			t.Chdir(dir)
			ours := runLine(t, 0, habit.words...)
			same := ours.out == theirs.out && (ours.status == 0) == (theirs.status == 0) && (ours.err == "") == (theirs.err == "")
			if same && habit.other != "" {
				t.Errorf("%q is the same, and should not be: %s", habit.words, habit.other)
			}
			if !same && habit.other == "" {
				t.Errorf("%q\nours:   %+v\nvirsh:  %+v", habit.words, ours, theirs)
			}
		})
	}
}

// TestVirtAdminNames finds what virt-admin has a name for, and this program an
// answer, under that name too.
func TestVirtAdminNames(t *testing.T) {
	out, err := exec.Command("virt-admin", "help").Output()
	if err != nil {
		t.Fatal(err)
	}
	for text := range strings.Lines(string(out)) {
		words := strings.Fields(text)
		if !strings.HasPrefix(text, "    ") || len(words) == 0 {
			continue
		}
		if known := findCommand(words[0]) != nil; known == slices.Contains(notOurs, words[0]) {
			t.Errorf("virt-admin's %s: known here %v", words[0], known)
		}
	}
}

// notOurs are the commands of virt-admin that there is nothing like: there is one
// server, without threads and TLS.
var notOurs = []string{"server-list", "server-threadpool-info", "server-threadpool-set", "server-update-tls"}
