package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

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
			Description: "Works out from the XML of a guest which locks libvirt asks for when it starts,\n" +
				"and shows who holds them now. The XML is a file, whose name has a / or ends with\n" +
				".xml, or - for standard input, or that of a GUEST, from virsh. Nothing is locked.\n" +
				"Exits with 0 when the guest can have or has all, and with 4 when somebody else\n" +
				"is in its way.",
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

// checkDomain works out the leases of a guest and looks who has them.
func (e *env) checkDomain(ctx context.Context, d domain) (checked, error) {
	answer := checked{Guest: d.name, UUID: d.uuid, Warnings: []string{}}
	conf, err := readLeaseConf(e.configDir, d.kind)
	if err != nil {
		return answer, fmt.Errorf("read which locks libvirt asks for: %w", err)
	}
	answer.warn(unasked(e.configDir, d.kind))
	answer.Leases = planner{conf: conf, guest: d.name}.plan(ctx, d)
	status, err := ask(ctx, e, func(ctx context.Context, c *client.Client) (api.Status, error) {
		if err := d.settle(ctx, c, answer.Leases); err != nil {
			return api.Status{}, err
		}
		return c.Status(ctx)
	})
	if err != nil {
		return answer, err
	}
	compareLeases(answer.Leases)
	hidden, err := d.findUsers(answer.Leases, status)
	answer.warn(unseen(hidden))
	worst, _ := answer.worst()
	answer.Possible = worst == nil
	return answer, err
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
	message := fmt.Sprintf("guest %s cannot have %s: %s", orDash(quote(c.Guest)), quote(l.Source), l.why())
	hint := ""
	if worst.state == stateBusy {
		hint = "virtlock-admin who " + shellWord(l.Source) + " says more"
	}
	return &statusError{&cannotTellError{message, hint}, worst.status}
}

// why is the state in words: who is in the way, or what else is.
func (l lease) why() string {
	titles := make([]string, len(l.Holders))
	for i, t := range l.Holders {
		titles[i] = t.title()
	}
	words := strings.Join(titles, ", ")
	switch {
	case words == "":
		return l.Note
	case l.Note == "":
		return words
	}
	return words + "; " + l.Note
}

// printLeases prints a table. The column of lockspaces is there when one matters.
func (e *env) printLeases(answer checked) error {
	spaces := slices.ContainsFunc(answer.Leases, func(l lease) bool { return l.Lockspace != "" })
	t := table{expendable: []string{"Mode"}}
	t.columns = []column{{"Disk", cutEnd}, {"File", cutStart}, {"Mode", whole}, {"State", whole}, {"Who and why", cutEnd}}
	if spaces {
		t.columns = slices.Insert(t.columns, 2, column{"Lockspace", cutStart})
	}
	for _, l := range answer.Leases {
		row := []string{orDash(quote(l.Device)), orDash(quote(l.Source)), orDash(string(l.Mode)), string(l.State), orDash(l.why())}
		if spaces {
			row = slices.Insert(row, 2, l.space())
		}
		t.rows = append(t.rows, row)
	}
	if err := t.print(e.out, e.width); err != nil {
		return err
	}
	for _, warning := range answer.Warnings {
		for _, line := range e.wrap("warning: "+warning, 0) {
			fmt.Fprintln(e.out, line)
		}
	}
	return nil
}

// space is the lockspace of a lock, where there is a lock.
func (l lease) space() string {
	if l.Name == "" {
		return "-"
	}
	return lockspaceName(l.Lockspace)
}

// printLeaseRows prints a line of seven fields for each lease, for scripts.
func (e *env) printLeaseRows(answer checked) {
	for _, l := range answer.Leases {
		fields := []string{
			orDash(quote(l.Device)), orDash(quote(l.Source)), orDash(quote(l.Lockspace)), orDash(quote(l.Name)),
			orDash(string(l.Mode)), string(l.State), orDash(l.why()),
		}
		fmt.Fprintln(e.out, strings.Join(fields, "\t"))
	}
}

// checkArgs are guests and files.
func checkArgs(ctx context.Context, e *env, args []string, typed string) []candidate {
	if len(args) > 0 {
		return nil
	}
	return append(guestNames(ctx, e, nil, typed), files(ctx, e, nil, typed)...)
}
