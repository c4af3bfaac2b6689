package main

import (
	"context"
	"slices"
	"time"
)

// problemLimit is how many problems of one file are told. One fault makes
// libxml2 find many.
const problemLimit = 20

// explainTime is how long the search for what is wrong may take. What is found
// by then is told.
const explainTime = 10 * time.Second

// explain finds out what is wrong with a document that fails to validate, in
// three steps: where elements stand, which of them are at fault, and what
// libxml2 says about those.
func (c *checker) explain(ctx context.Context, schemaFile string, d *document, a answer) []problem {
	ctx, cancel := context.WithTimeout(ctx, explainTime)
	defer cancel()
	tree := readTree(d)
	if tree == nil {
		return plainProblems(readMessages(a.err))
	}
	said, err := c.validate(ctx, schemaFile, tree.spread())
	if err != nil || said.status != lintInvalid {
		return plainProblems(readMessages(a.err))
	}
	located := tree.locate(readMessages(said.err))
	culprits := c.narrow(ctx, schemaFile, tree)
	list := blame(culprits, located)
	if len(list) == 0 {
		tree.locateByName(located)
		list = tellAll(located)
	}
	return list[:min(len(list), problemLimit)]
}

// plainProblems are problems where only libxml2's lines are known.
func plainProblems(messages []message) []problem {
	var list []located
	for _, m := range messages {
		list = append(list, located{message: m})
	}
	problems := tellAll(list)
	return problems[:min(len(problems), problemLimit)]
}

// located is a message and the element it is about.
type located struct {
	message
	element *element // nil where it is not known
}

// tellAll tells what messages say, and of those that only repeat that something
// is wrong further inside or beside no more than has to be.
func tellAll(list []located) []problem {
	var told, vague []problem
	for _, l := range list {
		words, kind := translate(l.text)
		p := words.at(l)
		switch kind {
		case telling:
			told = append(told, p)
		case hinting:
			vague = append(vague, p)
		}
	}
	if len(told) == 0 {
		told = vague
	}
	if len(told) == 0 && len(list) > 0 {
		told = []problem{list[len(list)-1].whole()}
	}
	return unique(told)
}

// whole is what remains to be said when nothing more is known than the element
// that is wrong. libxml2 tells its name, and the place of what came next in it.
func (l located) whole() problem {
	names, _ := match("Element * failed to validate content", l.text)
	if len(names) == 0 {
		return problem{Message: quote(l.text)}.at(l)
	}
	for e := l.element; e != nil; e = e.parent {
		if localName(e.name) == names[0] {
			l.element = e
			break
		}
	}
	return problem{Message: "element " + shown(names[0]) + " lacks something, or an attribute of it is wrong"}.at(l)
}

// at puts a problem to the place of a message.
func (p problem) at(l located) problem {
	if l.element == nil {
		p.Line = l.line
		if l.message.element != "" {
			p.Message = "element " + shown(l.message.element) + ": " + p.Message
		}
		return p
	}
	return p.in(l.element)
}

// in puts a problem to the place of an element.
func (p problem) in(e *element) problem {
	p.Line, p.Column, p.Path = e.line, e.characters(), e.path()
	return p
}

func unique(list []problem) []problem {
	var kept []problem
	for _, p := range list {
		if !slices.ContainsFunc(kept, func(k problem) bool { return k.String() == p.String() }) {
			kept = append(kept, p)
		}
	}
	return kept
}
