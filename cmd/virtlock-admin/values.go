package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"virtlock/client"
	"virtlock/client/api"
)

func modes(context.Context, *env, []string, string) []candidate {
	return []candidate{
		{string(api.Exclusive), "nobody else may hold it"},
		{string(api.Shared), "others may share it"},
	}
}

func uris(context.Context, *env, []string, string) []candidate {
	return []candidate{
		{"virtlockd:///system", "the daemon of the system"},
		{"virtlockd:///session", "the daemon of the user's session"},
	}
}

// files are the entries of the directory that is typed.
func files(ctx context.Context, _ *env, _ []string, typed string) []candidate {
	dir, _ := filepath.Split(typed)
	entries, err := inTime(ctx, strconv.Quote(dir), func() ([]os.DirEntry, error) { return os.ReadDir(filepath.Join(dir, ".")) })
	if err != nil {
		return nil
	}
	var list []candidate
	for _, entry := range entries {
		name := dir + entry.Name()
		if entry.IsDir() {
			name += "/"
		}
		list = append(list, candidate{text: name})
	}
	return printable(list)
}

// lockspaceNames are the lockspaces that the daemon knows now.
func lockspaceNames(ctx context.Context, e *env, _ []string, _ string) []candidate {
	spaces, err := ask(ctx, e, func(ctx context.Context, c *client.Client) ([]api.Lockspace, error) {
		return c.Lockspaces(ctx)
	})
	if err != nil {
		return nil // a shell has no place for an error
	}
	list := []candidate{{direct, "files named by their path"}}
	for _, space := range spaces {
		if space.Path != "" {
			list = append(list, candidate{space.Path, "lockspace"})
		}
	}
	return printable(list)
}

// locksNow are the locks that are held now, in one lockspace or in all.
func locksNow(ctx context.Context, e *env, lockspace *string) []api.Lock {
	locks, err := ask(ctx, e, func(ctx context.Context, c *client.Client) ([]api.Lock, error) {
		return c.Locks(ctx, api.LockFilter{Lockspace: lockspace})
	})
	if err != nil {
		return nil
	}
	return locks
}

// lockNames are the names of the locks, in the lockspace that is the first
// argument if there is one.
func lockNames(ctx context.Context, e *env, args []string, _ string) []candidate {
	var lockspace *string
	if len(args) > 0 {
		path := lockspacePath(args[0])
		lockspace = &path
	}
	var list []candidate
	for _, lock := range locksNow(ctx, e, lockspace) {
		list = append(list, candidate{lock.Name, heldBy(lock)})
	}
	return printable(list)
}

// heldBy names the holders of a lock.
func heldBy(lock api.Lock) string {
	owners := make([]string, len(lock.Holders))
	for i, holder := range lock.Holders {
		owners[i] = ownerName(holder.Owner)
	}
	return string(lock.Mode) + ", " + strings.Join(owners, ", ")
}

func ownerNames(ctx context.Context, e *env, _ []string, _ string) []candidate {
	var list []candidate
	for _, lock := range locksNow(ctx, e, nil) {
		for _, holder := range lock.Holders {
			list = append(list, candidate{holder.Owner.Name, "owner"})
		}
	}
	return printable(list)
}

// ownerPIDs are the processes of the owners.
func ownerPIDs(ctx context.Context, e *env) []candidate {
	owners, err := askOwners(ctx, e)
	if err != nil {
		return nil
	}
	var list []candidate
	for _, o := range owners {
		list = append(list, candidate{strconv.Itoa(o.Owner.PID), ownerName(o.Owner) + ", " + plural(o.Locks, "lock")})
	}
	return printable(list)
}

// clientNumbers are the connections to the daemon.
func clientNumbers(ctx context.Context, e *env, _ []string, _ string) []candidate {
	clients, err := askClients(ctx, e)
	if err != nil {
		return nil
	}
	var list []candidate
	for _, c := range clients {
		list = append(list, candidate{strconv.FormatUint(c.ID, 10), "process " + strconv.Itoa(c.PID) + ", " + clientOwner(c)})
	}
	return printable(list)
}

// inspectArgs are the names of locks and, before one, the lockspaces.
func inspectArgs(ctx context.Context, e *env, args []string, typed string) []candidate {
	switch len(args) {
	case 0:
		return append(lockNames(ctx, e, nil, typed), lockspaceNames(ctx, e, nil, typed)...)
	case 1:
		return lockNames(ctx, e, args, typed)
	}
	return nil
}

// printable drops what would play tricks on the terminal, and what is there
// twice.
func printable(list []candidate) []candidate {
	list = slices.DeleteFunc(list, func(c candidate) bool { return c.text == "" || quote(c.text) != c.text })
	slices.SortFunc(list, func(a, b candidate) int { return strings.Compare(a.text, b.text) })
	return slices.CompactFunc(list, func(a, b candidate) bool { return a.text == b.text })
}

// whoArgs is one file.
func whoArgs(ctx context.Context, e *env, args []string, typed string) []candidate {
	if len(args) > 0 {
		return nil
	}
	return files(ctx, e, nil, typed)
}

// columnNames complete the last of the columns that are typed for --format.
func columnNames(command *cli.Command, typed string) []candidate {
	var names []string
	switch command.Name {
	case "list":
		names = fieldNames(lockFields)
	case "history":
		names = fieldNames(recordFields)
	case "owner-list":
		names = fieldNames(ownerFields)
	case "client-list":
		names = fieldNames(clientFields)
	}
	return afterComma(typed, names, "column")
}

// afterComma completes the last of several words with commas between.
func afterComma(typed string, words []string, help string) []candidate {
	before := typed[:strings.LastIndexByte(typed, ',')+1]
	list := make([]candidate, len(words))
	for i, word := range words {
		list[i] = candidate{before + word, help}
	}
	return list
}

// types are the types of events.
func types(_ context.Context, _ *env, _ []string, typed string) []candidate {
	words := []string{"lock.*", "owner.*", "client.*", "daemon.*", "keeper.*"}
	for _, t := range eventTypes {
		words = append(words, string(t))
	}
	return afterComma(typed, words, "type of events")
}

func times(context.Context, *env, []string, string) []candidate {
	return []candidate{{"1h", "an hour ago"}, {"1d", "a day ago"}, {"today", "this midnight"}, {"yesterday", "the midnight before"}}
}

// clientArgs is the number of one client.
func clientArgs(ctx context.Context, e *env, args []string, typed string) []candidate {
	if len(args) > 0 {
		return nil
	}
	return clientNumbers(ctx, e, nil, typed)
}

// runArgs are files, and after "--" what the shell would complete by itself.
func runArgs(ctx context.Context, e *env, _ []string, typed string) []candidate {
	return files(ctx, e, nil, typed)
}

func waits(context.Context, *env, []string, string) []candidate {
	return []candidate{{"30s", "30 seconds"}, {"5m", "5 minutes"}, {"forever", "until they are free"}}
}

func severityNames(context.Context, *env, []string, string) []candidate {
	return []candidate{{string(fine), "all"}, {string(warning), "warnings and errors"}, {string(failure), "errors only"}}
}
