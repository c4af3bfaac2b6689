package main

import (
	"fmt"
	"strings"
)

// option is an option of the command line.
type option struct {
	short    byte
	long     string
	hasValue bool
}

// wordError is a command line that getopt refuses, with the text of the C
// library.
type wordError struct{ text string }

func (e *wordError) Error() string { return e.text }

func wordErrorf(format string, args ...any) error { return &wordError{fmt.Sprintf(format, args...)} }

// getopt goes through the words of a command line as the C library's getopt_long
// does, since that is what libvirt's daemon uses: options may be bundled, long
// ones shortened, and stand after other words.
type getopt struct {
	options []option
	words   []string // what is left
	bundle  string   // what is left of a word with several short options
	strict  bool     // the first word that is not an option ends the options
}

// next returns the next option and its value. At the end it returns no option.
func (g *getopt) next() (*option, string, error) {
	if g.bundle != "" {
		return g.short()
	}
	for len(g.words) > 0 {
		word := g.words[0]
		g.words = g.words[1:]
		switch {
		case word == "--":
			g.words = nil
		case strings.HasPrefix(word, "--"):
			return g.long(word[2:])
		case len(word) > 1 && word[0] == '-':
			g.bundle = word[1:]
			return g.short()
		case g.strict:
			g.words = nil
		}
	}
	return nil, "", nil
}

// short takes the first option of the bundle.
func (g *getopt) short() (*option, string, error) {
	c := g.bundle[0]
	g.bundle = g.bundle[1:]
	o := g.byLetter(c)
	switch {
	case o == nil:
		return nil, "", wordErrorf("invalid option -- '%c'", c)
	case !o.hasValue:
		return o, "", nil
	case g.bundle != "":
		value := g.bundle
		g.bundle = ""
		return o, value, nil
	}
	value, ok := g.value()
	if !ok {
		return nil, "", wordErrorf("option requires an argument -- '%c'", c)
	}
	return o, value, nil
}

// long takes a long option, given without its dashes.
func (g *getopt) long(word string) (*option, string, error) {
	name, value, hasValue := strings.Cut(word, "=")
	o, err := g.byName(name, word)
	switch {
	case err != nil:
		return nil, "", err
	case hasValue && !o.hasValue:
		return nil, "", wordErrorf("option '--%s' doesn't allow an argument", o.long)
	case o.hasValue && !hasValue:
		if value, hasValue = g.value(); !hasValue {
			return nil, "", wordErrorf("option '--%s' requires an argument", o.long)
		}
	}
	return o, value, nil
}

// value takes the next word as a value, whatever it looks like.
func (g *getopt) value() (string, bool) {
	if len(g.words) == 0 {
		return "", false
	}
	word := g.words[0]
	g.words = g.words[1:]
	return word, true
}

func (g *getopt) byLetter(c byte) *option {
	for i := range g.options {
		if g.options[i].short == c {
			return &g.options[i]
		}
	}
	return nil
}

// byName returns the option with the name, or the only one whose name begins so.
func (g *getopt) byName(name, word string) (*option, error) {
	var candidates []*option
	for i := range g.options {
		o := &g.options[i]
		if o.long == name {
			return o, nil
		}
		if strings.HasPrefix(o.long, name) {
			candidates = append(candidates, o)
		}
	}
	switch len(candidates) {
	case 0:
		return nil, wordErrorf("unrecognized option '--%s'", word)
	case 1:
		return candidates[0], nil
	}
	var names strings.Builder
	for _, o := range candidates {
		fmt.Fprintf(&names, " '--%s'", o.long)
	}
	return nil, wordErrorf("option '--%s' is ambiguous; possibilities:%s", word, &names)
}
