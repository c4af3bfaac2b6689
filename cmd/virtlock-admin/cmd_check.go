package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"virtlock/client"
	"virtlock/client/api"
)

func checkCommand() command {
	return command{
		Command: &cli.Command{
			Name:      "check",
			Category:  groupLocks,
			Usage:     "show which locks a guest takes, and who has them",
			ArgsUsage: "DOMAIN.xml|GUEST|-",
			Description: "Works out from the XML of a guest which locks libvirt asks for when it\n" +
				"starts, and shows who holds them now. The XML is a file, whose name has a /\n" +
				"or ends with .xml, or - for standard input, or that of a GUEST, from virsh.\n" +
				"Nothing is locked. Exits with 0 when the guest has all locks or could have\n" +
				"them, and with 4 when somebody else is in its way.",
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "inactive", Usage: "take a GUEST as it starts next, not as it runs"},
			},
		},
		run:   runCheck,
		check: oneArgument("check needs one file with the XML of a guest, or a guest"),
		args:  checkArgs,
	}
}

// checked is the answer of check.
type checked struct {
	Guest string `json:"guest"`
	UUID  string `json:"uuid,omitempty"`
	// Possible says that the guest has all locks or could have them.
	Possible bool     `json:"possible"`
	Leases   []lease  `json:"leases"`
	Warnings []string `json:"warnings"`
}

func runCheck(ctx context.Context, e *env, options *cli.Context, args []string) error {
	d, err := e.loadDomain(ctx, args[0], options.Bool("inactive"))
	if err != nil {
		return err
	}
	answer, err := e.checkDomain(ctx, d)
	switch {
	case err != nil:
		return err
	case e.options.json:
		err = e.printJSON(answer)
	case e.options.quiet:
		e.printLeaseRows(answer)
	default:
		err = e.printLeases(answer)
	}
	if err == nil {
		err = answer.verdict()
	}
	return err
}

// guestsDisks are what is looked at all at once.
const guestsDisks = "the guest's disks"

// checkDomain works out the leases of a guest and looks who has them.
func (e *env) checkDomain(ctx context.Context, d domain) (checked, error) {
	answer := checked{Guest: d.name, UUID: d.uuid, Warnings: []string{}}
	conf, err := readLeaseConf(e.configDir, d.kind)
	if err != nil {
		return answer, fmt.Errorf("read which locks libvirt asks for: %w", err)
	}
	answer.warn(unasked(e.configDir, d.kind))
	answer.Leases, err = inTime(ctx, guestsDisks, func() ([]lease, error) { return planner{conf: conf, guest: d.name}.plan(ctx, d), nil })
	if err != nil {
		return answer, err
	}
	status, err := ask(ctx, e, func(ctx context.Context, c *client.Client) (api.Status, error) {
		if err := d.settle(ctx, c, answer.Leases); err != nil {
			return api.Status{}, err
		}
		extra, err := d.extra(ctx, c, answer.Leases)
		if err != nil {
			return api.Status{}, err
		}
		answer.warn(extra)
		return c.Status(ctx)
	})
	if err != nil {
		return answer, err
	}
	seen, err := inTime(ctx, guestsDisks, func() (seenLeases, error) { return d.see(slices.Clone(answer.Leases), status) })
	if err != nil {
		return answer, err
	}
	answer.Leases = seen.leases
	answer.warn(unseen(seen.hidden))
	worst, _ := answer.worst()
	answer.Possible = worst == nil
	return answer, nil
}

// seenLeases are leases with what this host knows of their files, and how many
// processes could not be looked into.
type seenLeases struct {
	leases []lease
	hidden int
}

func (d domain) see(list []lease, status api.Status) (seenLeases, error) {
	compareLeases(list)
	hidden, err := d.findUsers(list, status)
	return seenLeases{list, hidden}, err
}

func (c *checked) warn(text string) {
	if text != "" {
		c.Warnings = append(c.Warnings, text)
	}
}

// hindrance is a state that keeps a guest from starting, and its exit status.
type hindrance struct {
	state  state
	status int
}

// hindrances are all of them, the worst first.
var hindrances = []hindrance{
	{stateBusy, exitBusy},
	{stateMissing, exitNotFound},
	{stateTwice, exitFailed},
	{stateRefused, exitFailed},
	{stateUnknown, exitFailed},
}

// worst is the first lease in the worst state that keeps the guest from starting, or
// nil.
func (c *checked) worst() (*lease, hindrance) {
	for _, h := range hindrances {
		at := slices.IndexFunc(c.Leases, func(l lease) bool { return l.State == h.state })
		if at >= 0 {
			return &c.Leases[at], h
		}
	}
	return nil, hindrance{}
}

// verdict is the error of a guest that cannot have all its locks.
func (c *checked) verdict() error {
	l, worst := c.worst()
	if l == nil {
		return nil
	}
	message := fmt.Sprintf("guest %s cannot have %s: %s", orDash(quote(c.Guest)), quote(l.Source), l.reason())
	hint := ""
	if worst.state == stateBusy {
		hint = "virtlock-admin who " + shellWord(l.Source) + " says more"
	}
	return &statusError{&cannotTellError{message, hint}, worst.status}
}

// checkArgs are guests and files.
func checkArgs(ctx context.Context, e *env, args []string, typed string) []candidate {
	if len(args) > 0 {
		return nil
	}
	return append(guestNames(ctx, e, nil, typed), files(ctx, e, nil, typed)...)
}
