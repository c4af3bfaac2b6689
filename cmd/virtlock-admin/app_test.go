package main

import (
	"strings"
	"testing"
)

// TestBadLines asks for nothing that exists; no daemon is needed to say so.
func TestBadLines(t *testing.T) {
	tests := map[string]struct {
		words string
		want  string
	}{
		"UnknownCommand":     {"lst", "error: unknown command \"lst\"\nhint: virtlock-admin help lists the commands\n"},
		"Abbreviated":        {"lis", "error: unknown command \"lis\"\nhint: virtlock-admin help lists the commands\n"},
		"AfterDashes":        {"-- lst", "error: unknown command \"lst\"\nhint: virtlock-admin help lists the commands\n"},
		"UnknownOption":      {"list --al", "error: list has no option \"--al\"\nhint: virtlock-admin list --help lists its options\n"},
		"UnknownGlobal":      {"--al list", "error: there is no option \"--al\"\nhint: virtlock-admin --help lists the options\n"},
		"OtherCommandsOwn":   {"status --mode shared", "error: status has no option \"--mode\"\nhint: virtlock-admin status --help lists its options\n"},
		"NoValue":            {"list --mode", "error: option \"--mode\" needs a value\n"},
		"ValueForNone":       {"list --json=yes", "error: option \"--json\" takes no value\n"},
		"UnknownMode":        {"list --mode weak", "error: unknown mode \"weak\"\nhint: modes are exclusive and shared\n"},
		"UnknownColumn":      {"list --format name,nme", "error: there is no column \"nme\"\nhint: columns are lockspace, name, path, mode, owner, uuid, id, pid, tied, client, since, age, device, inode, autocreate\n"},
		"WatchTooFast":       {"list --watch 0", "error: --watch needs a number of SECONDS, 0.1 at least, not \"0\"\n"},
		"WatchTooMuch":       {"list --watch 1 2", "error: list takes no argument: \"2\"\n"},
		"ListArgument":       {"list extra", "error: list takes no argument: \"extra\"\n"},
		"StatusArgument":     {"status extra", "error: status takes no argument: \"extra\"\n"},
		"InspectNothing":     {"inspect", "error: inspect needs the NAME of a resource, or LOCKSPACE and NAME\n"},
		"InspectTooMuch":     {"inspect a b c", "error: inspect needs the NAME of a resource, or LOCKSPACE and NAME\n"},
		"HelpUnknown":        {"help lst", "error: unknown command or group \"lst\"\nhint: virtlock-admin help lists the commands\n"},
		"HelpTooMuch":        {"help list status", "error: help takes one COMMAND or GROUP at most\n"},
		"NoTime":             {"--timeout soon status", "error: option \"--timeout\" needs a number of seconds, not \"soon\"\n"},
		"NegativeTime":       {"--timeout=-1 status", "error: option \"--timeout\" needs a number of seconds, not \"-1\"\n"},
		"EmptyName":          {"list --name=", "error: option \"--name\" needs a value that is not empty\n"},
		"EmptyOwner":         {"list --owner=", "error: option \"--owner\" needs a value that is not empty\n"},
		"EmptyMode":          {"list --mode=", "error: option \"--mode\" needs a value that is not empty\n"},
		"EventsOfNoType":     {"events --type lock.aquired", "error: there is no type of events \"lock.aquired\"\nhint: virtlock-protocol(7) lists them; * stands for any characters\n"},
		"HistoryOfNoType":    {"history --type lock.*,own.*", "error: there is no type of events \"own.*\"\nhint: virtlock-protocol(7) lists them; * stands for any characters\n"},
		"BadURI":             {"-c virtlockd:///embed status", "error: parse uri \"virtlockd:///embed\": unknown path \"/embed\", try \"/system\"\n"},
		"BadURIAfterCommand": {"status -c xen:///", "error: parse uri \"xen:///\": want virtlockd:///system or virtlockd:///session\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := runLine(t, 80, strings.Fields(test.words)...)
			if got.status != exitUsage || got.out != "" {
				t.Errorf("status %d, output %q", got.status, got.out)
			}
			compare(t, got.err, test.want)
		})
	}
}

// TestAdviceAsTyped can be pasted where it is read.
func TestAdviceAsTyped(t *testing.T) {
	const who, pipe, root = "virtlock-admin who /srv/a.raw says more", "virtlock-admin --json doctor | jq .", "sudo virtlock-admin doctor"
	for advice, want := range map[string]string{who: "who /srv/a.raw says more", pipe: pipe, root: root} {
		compare(t, (&env{interactive: true}).asTyped(advice), want)
		compare(t, (&env{}).asTyped(advice), advice)
	}
}

// TestBadArgumentsStopTheWholeLine before its first command runs.
func TestBadArgumentsStopTheWholeLine(t *testing.T) {
	for _, command := range []string{
		"client-info", "client-info x", "client-disconnect --reason test", "client-list extra", "limits extra",
		"run /srv/a.raw true", "run -- true", "who", "inspect", "lockspace-create",
	} {
		got := runLine(t, 0, "echo a; "+command)
		if got.status != exitUsage || got.out != "" {
			t.Errorf("%s: %+v", command, got)
		}
	}
}

func TestHelp(t *testing.T) {
	groups := `Grouped commands:

 Locks (help keyword 'locks'):
    list                   list the locks that are held
    inspect                show one lock, its holders and who waits for it
    who                    show who uses a file, with a lock or without
    check                  show which locks a guest takes, and who has them
    lockspace-list         list the lockspaces that the daemon knows
    lockspace-create       make a directory a lockspace
    events                 wait for what happens to locks, owners, the daemon
    history                show what happened, who asked for it, and why

 Owners and clients (help keyword 'owners'):
    owner-list             list processes that hold locks or may ask for them
    client-list            list the connections to the daemon, this one too
    client-info            show one connection to the daemon
    client-disconnect      close one connection to the daemon, and nothing else

 Action (help keyword 'action'):
    force-release          take a lock from its owner, if that is safe
    run                    run a command while holding locks, as flock does

 Daemon (help keyword 'daemon'):
    status                 show how the daemon is
    doctor                 look for what is wrong with the locks of this host
    reexec                 let the daemon go on as the program installed now
    reload                 let the daemon read its configuration again
    log-filters            show or change which messages the daemon logs
    log-outputs            show or change where the daemon logs to
    limits                 show or change the limits of the daemon
    daemon-timeout         change after what idle time the daemon ends

 Shell (help keyword 'shell'):
    help                   list the commands, or show how to use one
    connect                ask another daemon from now on, or the same anew
    uri                    print the URI of the daemon that is asked
    version                print the versions of this program and of the daemon
    cd                     change the working directory
    pwd                    print the working directory
    echo                   print the arguments
    quit                   leave the shell

`
	compare(t, runOK(t, "help"), groups)
	compare(t, runOK(t, "help", "daemon"), ` Daemon (help keyword 'daemon'):
    status                 show how the daemon is
    doctor                 look for what is wrong with the locks of this host
    reexec                 let the daemon go on as the program installed now
    reload                 let the daemon read its configuration again
    log-filters            show or change which messages the daemon logs
    log-outputs            show or change where the daemon logs to
    limits                 show or change the limits of the daemon
    daemon-timeout         change after what idle time the daemon ends

`)
	compare(t, runOK(t, "--help"), `virtlock-admin [GLOBAL-OPTION...]
virtlock-admin [GLOBAL-OPTION...] COMMAND [OPTION...] [ARGUMENT...]
virtlock-admin [GLOBAL-OPTION...] 'COMMAND...; COMMAND...'

Global options:
  -c, --connect URI      ask the daemon of this URI
  --socket PATH          ask the daemon on the socket PATH
  --timeout SECONDS      wait SECONDS for the daemon; 0 for ever
  --json                 print the answer as JSON
  -q, --quiet            print no headers, for scripts
  -r, --readonly         refuse commands that change anything
  -h, --help             print this help
  -v, --version          print the version
  -V                     print the version in detail

`+groups)
}

func TestCommandHelp(t *testing.T) {
	want := `  NAME
    list - list the locks that are held

  SYNOPSIS
    list [--all] [--lockspace PATH] [--name PATTERN] [--owner OWNER]
      [--mode MODE] [--format COLUMNS] [--watch] [SECONDS]

  OPTIONS
    --all                  list all, as it does by itself
    --lockspace PATH       only of the lockspace PATH, or "direct"
    --name PATTERN         only of names that match the PATTERN
    --owner OWNER          only of the OWNER: name, UUID or process
    --mode MODE            only of the MODE: exclusive or shared
    --format COLUMNS       show these COLUMNS, with commas between
    --watch                show it again every 2 seconds, or SECONDS

  ALIASES
    lock-list
`
	// Wherever the option stands, and whatever else does.
	for _, line := range []string{"list --help", "-h list", "list --mode weak -h extra"} {
		compare(t, runOK(t, strings.Fields(line)...), want)
	}
	compare(t, runOK(t, "inspect", "--help"), `  NAME
    inspect - show one lock, its holders and who waits for it

  SYNOPSIS
    inspect [LOCKSPACE] NAME

  DESCRIPTION
    NAME is a file, or the name of a lock in any lockspace.
    LOCKSPACE is the directory of a lockspace, as list shows it, or "direct"
    for the one whose names are the paths of the files themselves.

  ALIASES
    lock-info
`)
}

// TestHelpIsACommandToo is for those who know virsh.
func TestHelpIsACommandToo(t *testing.T) {
	for _, c := range commands() {
		if !c.Hidden {
			compare(t, runOK(t, "help", c.Name), runOK(t, c.Name, "--help"))
		}
	}
}

func TestVersion(t *testing.T) {
	for _, line := range []string{"-v", "--version", "list -v"} {
		if got := runOK(t, strings.Fields(line)...); got != version+"\n" {
			t.Errorf("%s = %q", line, got)
		}
	}
	if got := runOK(t, "-V"); !strings.HasPrefix(got, "virtlock-admin: "+version+"\nprotocol:       1\ngo: ") {
		t.Errorf("-V = %q", got)
	}
}

// TestHelpFitsTheScreen keeps the usages short.
func TestHelpFitsTheScreen(t *testing.T) {
	pages := []string{runOK(t, "--help")}
	for _, c := range commands() {
		pages = append(pages, runOK(t, "help", c.Name))
	}
	for _, page := range pages {
		for line := range strings.Lines(page) {
			if len(line) > 80 {
				t.Errorf("%d columns: %s", len(line)-1, line)
			}
		}
	}
}
