package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"virtlock/client"
	"virtlock/client/api"
)

func forceReleaseCommand() command {
	return command{
		Command: &cli.Command{
			Name:      "force-release",
			Category:  groupAction,
			Usage:     "take a lock from its owner, if that is safe",
			ArgsUsage: "[LOCKSPACE] NAME",
			Description: "Shows the owner, who has the file open and who waits, and asks. The lock\n" +
				"of an owner that lives is not taken, unless it is ended first (--fence), or\n" +
				"it does not matter what becomes of the disk (--leave-running).",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "owner", Usage: "only what this process holds: its `PID`"},
				&cli.BoolFlag{Name: "fence", Usage: "end an owner that lives first: SIGTERM, then SIGKILL"},
				&cli.StringFlag{Name: "grace", Usage: "with --fence: `TIME` before SIGKILL, 10s by default"},
				&cli.BoolFlag{Name: "leave-running", Usage: "take it from an owner that lives: DANGEROUS"},
				reasonFlag(),
				&cli.BoolFlag{Name: "dry-run", Usage: "show what there is to see, and change nothing"},
				&cli.BoolFlag{Name: "yes", Usage: "do not ask, for scripts"},
			},
		},
		run:   runForceRelease,
		args:  inspectArgs,
		lasts: true,
	}
}

// forcing is one call of force-release.
type forcing struct {
	params              api.ForceReleaseParams
	fence, leaveRunning bool
	grace               time.Duration
	dryRun, yes         bool
}

// forceAnswer is what force-release --json prints.
type forceAnswer struct {
	Proofs   []proof          `json:"holds"`
	Fenced   []api.Owner      `json:"fenced"`
	Released []api.ForcedHold `json:"released"`
	Refused  []api.ForcedHold `json:"refused"`
}

func runForceRelease(ctx context.Context, e *env, options *cli.Context, args []string) error {
	f, err := readForcing(options)
	if err == nil {
		err = e.mayChange(!f.dryRun, "force-release")
	}
	if err != nil {
		return err
	}
	if f.params.Resources, err = e.forcedResources(ctx, args, f.params.OwnerPID); err != nil {
		return err
	}
	answer := forceAnswer{Fenced: []api.Owner{}, Released: []api.ForcedHold{}, Refused: []api.ForcedHold{}}
	if answer.Proofs, err = e.askProof(ctx, f); err != nil {
		return err
	}
	if !e.options.json && !e.options.quiet {
		e.printProof(answer.Proofs)
	}
	err = f.decide(answer.Proofs)
	if err == nil && !f.dryRun && !f.yes {
		err = e.confirmForce(ctx, f, answer.Proofs)
	}
	if err == nil && !f.dryRun {
		err = e.force(ctx, f, &answer)
	}
	return e.reportForce(f, answer, err)
}

// readForcing reads the options.
func readForcing(options *cli.Context) (f forcing, err error) {
	if f.params.Reason, err = reason(options, "force-release"); err != nil {
		return f, err
	}
	if options.IsSet("owner") {
		pid, err := strconv.ParseUint(options.String("owner"), 10, 31)
		if err != nil || pid == 0 {
			return f, usagef("virtlock-admin owner-list shows them", "option %q needs the PID of an owner, not %q", "--owner", options.String("owner"))
		}
		f.params.OwnerPID = int(pid)
	}
	f.fence, f.leaveRunning = options.Bool("fence"), options.Bool("leave-running")
	if f.fence && f.leaveRunning {
		return f, usagef("", "--fence ends the owner, --leave-running does not: which of the two?")
	}
	if options.IsSet("grace") {
		if f.grace, err = parseDuration("--grace", options.String("grace")); err != nil {
			return f, err
		}
		if f.grace == 0 { // at once, which the daemon calls negative
			f.grace = -1
		}
	}
	f.dryRun, f.yes = options.Bool("dry-run"), options.Bool("yes")
	return f, nil
}

// forcedResources are what was named: a lock that somebody holds or, without an
// argument, all of an owner.
func (e *env) forcedResources(ctx context.Context, args []string, owner int) ([]api.ResourceName, error) {
	if len(args) == 0 && owner != 0 {
		return nil, nil
	}
	t, err := newTarget(args)
	if err != nil {
		return nil, usagef("", "force-release needs the NAME of a resource, LOCKSPACE and NAME, or --owner PID")
	}
	ctx, cancel := e.limit(ctx)
	defer cancel()
	result, err := ask(ctx, e, t.look)
	if errors.Is(err, errNotHeld) {
		return nil, &notFoundError{
			message: fmt.Sprintf("the daemon holds no lock on %q", t.name),
			hint:    "virtlock-admin who " + shellWord(t.file) + " shows who uses it without the daemon, which cannot release that",
		}
	}
	if err == nil && owner != 0 && !slices.ContainsFunc(result.Lock.Holders, func(h api.Holder) bool { return h.Owner.PID == owner }) {
		return nil, &notFoundError{
			message: fmt.Sprintf("process %d does not hold %q", owner, result.Lock.Name),
			hint:    "virtlock-admin inspect " + t.words() + " shows who does",
		}
	}
	return []api.ResourceName{{Lockspace: result.Lock.Lockspace, Name: result.Lock.Name}}, err
}

// forceRefusal is why force-release does nothing.
type forceRefusal struct{ message, hint string }

func (r *forceRefusal) Error() string { return r.message }

// decide refuses what may destroy a disk.
func (f forcing) decide(proofs []proof) error {
	for _, p := range proofs {
		switch {
		case f.leaveRunning:
		case p.Alive && !f.fence:
			return &forceRefusal{
				fmt.Sprintf("%s (process %d) lives: its locks are not taken", ownerName(p.Holder.Owner), p.Holder.Owner.PID),
				"--fence ends it first; --leave-running takes them all the same, and whoever gets the disk next writes beside it",
			}
		case p.writer() != 0:
			return &forceRefusal{
				fmt.Sprintf("process %d has %q open for writing, and is no owner: the lock is not taken", p.writer(), p.Lock.Path),
				"stop it first; virtlock-admin who " + shellWord(p.Lock.Path) + " says who it is",
			}
		case p.survivor() != nil:
			o := p.survivor()
			return &forceRefusal{
				fmt.Sprintf("process %d (%s) has %q open for writing, and would live on: the lock is not taken", o.PID, quote(o.Program), p.Lock.Path),
				fmt.Sprintf("process %d has started it, and --fence ends that one only; stop it first: kill %d", o.Under, o.PID),
			}
		}
	}
	return nil
}

// living are the owners that live, each once.
func living(proofs []proof) []api.Owner {
	holds := make([]api.ForcedHold, len(proofs))
	for i, p := range proofs {
		holds[i] = p.ForcedHold
	}
	return livingOwners(holds)
}

// confirmForce asks. Where somebody would die, or write on without a lock, a name
// has to be typed.
func (e *env) confirmForce(ctx context.Context, f forcing, proofs []proof) error {
	owners := living(proofs)
	switch {
	case len(owners) == 0:
		return e.confirm(ctx, fmt.Sprintf("Release %s?", plural(len(proofs), "lock")), "yes")
	case f.fence:
		return e.confirm(ctx, fmt.Sprintf("End %s, and release %s?", ownerTitles(owners), plural(len(proofs), "lock")), confirmWord(owners))
	}
	return e.confirm(ctx, fmt.Sprintf("DANGER: %s may go on to write, beside whoever locks the disk next.\nRelease %s all the same?",
		ownerTitles(owners), plural(len(proofs), "lock")), confirmWord(owners))
}

// confirmWord is the owner's name, or its process where the name cannot be typed.
func confirmWord(owners []api.Owner) string {
	name := owners[0].Name
	if len(owners) > 1 || name == "" || quote(name) != name {
		return strconv.Itoa(owners[0].PID)
	}
	return name
}

func ownerTitles(owners []api.Owner) string {
	titles := make([]string, len(owners))
	for i, o := range owners {
		titles[i] = fmt.Sprintf("%s (process %d)", ownerName(o), o.PID)
	}
	return strings.Join(titles, " and ")
}

// force does it: first the owners end, then what is left is released.
func (e *env) force(ctx context.Context, f forcing, answer *forceAnswer) error {
	if f.fence {
		for _, owner := range living(answer.Proofs) {
			if err := e.fence(ctx, owner, f.grace, f.params.Reason); err != nil {
				return err
			}
			answer.Fenced = append(answer.Fenced, owner)
		}
	}
	params := f.params
	params.LeaveRunning = f.leaveRunning
	ctx, cancel := e.limit(ctx)
	defer cancel()
	result, err := ask(ctx, e, func(ctx context.Context, c *client.Client) (api.ForceReleaseResult, error) {
		return c.ForceRelease(ctx, params)
	})
	if errors.Is(err, client.ErrNotFound) || errors.Is(err, client.ErrDenied) && len(answer.Fenced) > 0 {
		return nil // it went with its owner
	}
	answer.Released = append(answer.Released, result.Released...)
	answer.Refused = append(answer.Refused, result.Refused...)
	return err
}

// reportForce prints what came of it.
func (e *env) reportForce(f forcing, answer forceAnswer, err error) error {
	if e.options.json {
		if printed := e.printJSON(answer); err == nil {
			err = printed
		}
	} else if !e.options.quiet {
		e.printForced(f, answer, err)
	}
	if err == nil && len(answer.Refused) > 0 {
		err = fmt.Errorf("%s could not be released: storage that hangs, or an owner that came meanwhile", plural(len(answer.Refused), "lock"))
	}
	return err
}

func (e *env) printForced(f forcing, answer forceAnswer, err error) {
	for _, owner := range answer.Fenced {
		fmt.Fprintf(e.out, "Ended: %s, with all its locks\n", ownerTitles([]api.Owner{owner}))
	}
	for _, h := range answer.Released {
		fmt.Fprintf(e.out, "Released: %s of %s\n", hold{Lockspace: h.Lock.Lockspace, Name: h.Lock.Name}.title(), ownerTitles([]api.Owner{h.Holder.Owner}))
	}
	switch {
	case err != nil:
	case f.dryRun && f.fence && len(living(answer.Proofs)) > 0:
		fmt.Fprintf(e.out, "Would end %s, and release %s; nothing was changed\n", ownerTitles(living(answer.Proofs)), plural(len(answer.Proofs), "lock"))
	case f.dryRun:
		fmt.Fprintf(e.out, "Would release %s; nothing was changed\n", plural(len(answer.Proofs), "lock"))
	}
}
