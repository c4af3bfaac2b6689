package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

func whoCommand() command {
	return command{
		Command: &cli.Command{
			Name:      "who",
			Category:  groupLocks,
			Usage:     "show who uses a file, with a lock or without",
			ArgsUsage: "PATH",
			Description: "PATH is an image or a block device, under any of its names. All processes\n" +
				"that have it open or locked are named, and what to do about them.",
		},
		run:   runWho,
		check: oneArgument("who needs the PATH of one file"),
		args:  whoArgs,
	}
}

func runWho(ctx context.Context, e *env, _ *cli.Context, args []string) error {
	file, err := filepath.Abs(args[0])
	if err != nil {
		return err
	}
	u, err := e.who(ctx, file)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		return &notFoundError{message: fmt.Sprintf("there is no file %q", file)}
	case err != nil:
		return err
	case e.options.json:
		err = e.printJSON(u)
	case e.options.quiet:
		e.printUserRows(u)
	default:
		e.printUsage(u)
	}
	if err == nil && u.free() {
		err = nobodyError(u)
	}
	return err
}

// nobodyError says that nobody was found, or that this cannot be known.
func nobodyError(u usage) error {
	switch {
	case u.Hidden > 0:
		return &cannotTellError{
			fmt.Sprintf("nobody was seen to use %q, but %s of other users could not be looked into", u.File, plural(u.Hidden, "process")),
			"ask again as root",
		}
	case u.Unasked != "":
		return &cannotTellError{fmt.Sprintf("nobody was seen to use %q, but the daemon was not asked: %s", u.File, u.Unasked), ""}
	}
	return &notFoundError{message: fmt.Sprintf("nobody uses %q", u.File)}
}

// cannotTellError is an answer that may be wrong.
type cannotTellError struct{ message, hint string }

func (e *cannotTellError) Error() string { return e.message }

func (e *env) printUsage(u usage) {
	printField(e.out, "File", quote(u.File))
	if u.Path != u.File {
		printField(e.out, "Leads to", quote(u.Path))
	}
	printField(e.out, "Device", u.Device)
	if !u.Block {
		printField(e.out, "Inode", u.Inode)
	}
	printField(e.out, "Host", quote(u.Host))
	if u.Unasked != "" {
		e.printWrapped("Not asked", "the daemon: "+u.Unasked)
	}
	for _, w := range u.Users {
		e.printUser(w, u)
	}
	e.printElsewhere(u)
	fmt.Fprintln(e.out)
	if len(u.Advice) > 0 {
		fmt.Fprintln(e.out, "What to do:")
		for _, s := range u.Advice {
			e.printItem(e.asTyped(s))
		}
		fmt.Fprintln(e.out)
	}
}

func (e *env) printUser(w user, u usage) {
	fmt.Fprintln(e.out)
	if w.keeps() {
		e.printKeeping(w, u)
		return
	}
	if w.Name != "" {
		printField(e.out, w.nameTitle(), quote(w.Name))
	}
	if w.UUID != "" {
		printField(e.out, "UUID", quote(w.UUID))
	}
	printField(e.out, "PID", fmt.Sprintf("%d, %s", w.PID, e.state(w.Alive)))
	printField(e.out, "Command", e.fitted(w.Command))
	printField(e.out, "Started", e.when(w.Started))
	for _, h := range w.Holds {
		e.printWrapped("Holds", fmt.Sprintf("%s, %s, through virtlockd, since %s", h.title(), h.Mode, e.when(h.Since)))
	}
	if w.Under != 0 {
		printField(e.out, "Works under", fmt.Sprintf("the lock of process %d, which started it", w.Under))
	}
	for _, s := range meaning(w.Locks) {
		e.printWrapped("Has locked", s)
	}
	for _, s := range opened(w.Files) {
		e.printWrapped("Has open", s)
	}
}

// printKeeping tells a virtlockd as what it is: it uses no disk, but stands for
// those who do.
func (e *env) printKeeping(w user, u usage) {
	what := map[role]string{
		roleDaemon: "virtlockd, which holds the lock for ",
		roleKeeper: "virtlockd's keeper, which holds the lock for ",
		roleOther:  "another virtlockd than the one that was asked, as libvirt's is",
	}[w.Role]
	if w.Role != roleOther {
		what += u.holders()
	}
	if w.keeper {
		what = "the keeper of a virtlockd that does not run, or was not asked"
	}
	e.printWrapped("Keeper", fmt.Sprintf("process %d, %s", w.PID, what))
	if w.Role == roleOther {
		for _, s := range meaning(w.Locks) {
			e.printWrapped("Has locked", s)
		}
	}
}

// holders names those for whom the daemon holds the lock.
func (u usage) holders() string {
	var names []string
	for _, w := range u.Users {
		if len(w.Holds) > 0 {
			names = append(names, w.title())
		}
	}
	if len(names) == 0 {
		return "somebody who is just leaving or coming"
	}
	return strings.Join(names, " and ")
}

func (e *env) printElsewhere(u usage) {
	if len(u.Elsewhere) > 0 || len(u.Layers) > 0 || len(u.Waiters) > 0 {
		fmt.Fprintln(e.out)
	}
	for _, s := range meaning(u.Elsewhere) {
		e.printWrapped("Not seen", "somebody else has locked it; "+s)
	}
	for _, s := range u.Layers {
		printField(e.out, "Used as", s)
	}
	for _, w := range u.Waiters {
		e.printWrapped("Waits for it", fmt.Sprintf("%s (process %d), %s, since %s", ownerName(w.Owner), w.Owner.PID, w.Mode, e.when(w.Since)))
	}
}

func (w user) nameTitle() string {
	if w.Role == roleGuest || w.UUID != "" {
		return "Guest"
	}
	return "Owner"
}

// title is the resource that is held.
func (h hold) title() string {
	if h.Lockspace == "" {
		return quote(h.Name)
	}
	return quote(h.Lockspace) + " " + quote(h.Name)
}

// opened are the ways in which files are open, each once.
func opened(files []openFile) []string {
	var list []string
	seen := make(map[string]bool)
	for _, f := range files {
		s := f.use() + ", as " + quote(f.Name)
		if !seen[s] {
			list = append(list, s)
		}
		seen[s] = true
	}
	return list
}

// printUserRows prints a line of seven fields for each user, for scripts.
func (e *env) printUserRows(u usage) {
	for _, w := range u.Users {
		state := "dead"
		if w.Alive {
			state = "alive"
		}
		fields := []string{
			strconv.Itoa(w.PID), string(w.Role), orDash(quote(w.Name)), orDash(quote(w.UUID)),
			state, rowTime(w.Started), orDash(strings.Join(w.marks(), ",")),
		}
		fmt.Fprintln(e.out, strings.Join(fields, "\t"))
	}
}

// marks say in words for scripts what a user has of the file.
func (w user) marks() []string {
	var list []string
	add := func(mark string, has bool) {
		if has {
			list = append(list, mark)
		}
	}
	add("held", len(w.Holds) > 0)
	add("qemu-lock", qemuMeaning(w.Locks) != "")
	for _, l := range w.Locks {
		add("posix-lock", l.Kind == kindPOSIX && !l.isQEMU())
		add("ofd-lock", l.Kind == kindOFD && !l.isQEMU())
	}
	add("open-write", w.writes())
	add("open-read", len(w.Files) > 0 && !w.writes())
	return list
}
