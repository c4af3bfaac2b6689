package main

import (
	"context"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// candidate is a word that could stand where the cursor is. One that ends with
// = or / goes on, any other is whole.
type candidate struct {
	text, help string
}

// values returns what an argument or the value of an option can be. args are
// the arguments before it, typed is what is there of it; candidates that do not
// start with it are dropped by the caller.
type values func(ctx context.Context, e *env, args []string, typed string) []candidate

// complete returns the candidates for the last of the words. It is the one
// completer, for Tab in any shell.
func complete(ctx context.Context, e *env, words []string) []candidate {
	if len(words) == 0 {
		words = []string{""}
	}
	typed := words[len(words)-1]
	app := newApp(e)
	p := locate(app, e, words[:len(words)-1])
	list := p.candidates(ctx, app, e, typed)
	return slices.DeleteFunc(list, func(c candidate) bool { return !strings.HasPrefix(c.text, typed) })
}

// place is what the words before the cursor say about the word at it.
type place struct {
	command *cli.Command // nil before it was named
	args    []string
	option  cli.Flag // whose value is to come, or nil
	ended   bool     // by --
	nowhere bool     // nothing can follow
}

// locate reads the words before the cursor, and keeps in e which daemon they
// name.
func locate(app *cli.App, e *env, words []string) place {
	var p place
	for _, word := range words {
		switch {
		case p.option != nil:
			e.note(p.option, word)
			p.option = nil
		case !p.ended && word == "--":
			p.ended = true
		case !p.ended && isOption(word):
			p.addOption(app, e, word)
		case p.command == nil:
			p.command = app.Command(word)
			p.nowhere = p.nowhere || p.command == nil
		default:
			p.args = append(p.args, word)
		}
	}
	return p
}

func (p *place) addOption(app *cli.App, e *env, word string) {
	option := findOption(app, p.command, word)
	_, value, hasValue := strings.Cut(word, "=")
	switch {
	case option == nil || !takesValue(option):
	case hasValue:
		e.note(option, value)
	default:
		p.option = option
	}
}

// note keeps the value of an option that says which daemon to ask.
func (e *env) note(option cli.Flag, value string) {
	switch option.Names()[0] {
	case "connect":
		e.options.uri = value
	case "socket":
		e.options.socket = value
	}
}

// candidates are all that could stand at a place.
func (p place) candidates(ctx context.Context, app *cli.App, e *env, typed string) []candidate {
	name, value, hasValue := strings.Cut(typed, "=")
	switch {
	case p.nowhere:
		return nil
	case p.option != nil:
		return optionValues(ctx, e, p.command, p.option, typed)
	case !p.ended && hasValue && isOption(typed):
		list := optionValues(ctx, e, p.command, findOption(app, p.command, name), value)
		for i := range list {
			list[i].text = name + "=" + list[i].text
		}
		return list
	case !p.ended && strings.HasPrefix(typed, "-"):
		return p.options(app)
	case p.command == nil:
		return commandNames(app, typed)
	}
	if c := findCommand(p.command.Name); c.args != nil {
		return c.args(ctx, e, p.args, typed)
	}
	return nil
}

// commandNames are the commands that help lists. Their aliases come into play only
// where none of them starts with what is typed.
func commandNames(app *cli.App, typed string) []candidate {
	var names, aliases []candidate
	known := false
	for _, c := range app.Commands {
		if c.Hidden {
			continue
		}
		names = append(names, candidate{c.Name, c.Usage})
		known = known || strings.HasPrefix(c.Name, typed)
		for _, alias := range c.Aliases {
			aliases = append(aliases, candidate{alias, c.Usage})
		}
	}
	if known {
		return names
	}
	return aliases
}

// options are those of the command and the global ones.
func (p place) options(app *cli.App) []candidate {
	var flags []cli.Flag
	if p.command != nil {
		flags = p.command.Flags
	}
	var list []candidate
	for _, flag := range slices.Concat(flags, app.Flags) {
		names, _, usage := describe(flag)
		for _, name := range names {
			list = append(list, candidate{name, usage})
		}
	}
	return list
}

// optionValues are the values of an option, wherever it belongs: one name means
// the same in all commands, but for what force-release can do to an owner.
func optionValues(ctx context.Context, e *env, command *cli.Command, option cli.Flag, typed string) []candidate {
	if option == nil {
		return nil
	}
	switch {
	case option.Names()[0] == "format":
		return columnNames(command, typed)
	case option.Names()[0] == "owner" && command.Name == "force-release":
		return ownerPIDs(ctx, e)
	}
	of := map[string]values{
		"connect":   uris,
		"socket":    files,
		"lockspace": lockspaceNames,
		"name":      lockNames,
		"owner":     ownerNames,
		"mode":      modes,
		"wait":      waits,
		"severity":  severityNames,
		"type":      types,
		"since":     times,
		"until":     times,
		"client":    clientNumbers,
	}[option.Names()[0]]
	if of == nil {
		return nil
	}
	return of(ctx, e, nil, typed)
}
