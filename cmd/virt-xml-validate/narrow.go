package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Bounds of the search for what is at fault.
const (
	singleLimit = 300      // parts of one element that are left out one by one
	pairLimit   = 20       // parts that are left out two by two
	searchBytes = 32 << 20 // of documents for one call of xmllint
)

// part is a part of a document that can be left out: an element, or one of its
// attributes.
type part struct {
	element   *element
	attribute *attribute // nil for the element itself
}

// span is a part in bytes.
func (p part) span() (start, end int) {
	if p.attribute != nil {
		return p.attribute.start, p.attribute.end
	}
	return p.element.start, p.element.end
}

// narrow finds the smallest parts without which the document validates. libxml2
// itself often tells no more than that something in "devices" is wrong. It is
// asked about the document without each of the root's children, then without
// each child of the one that was at fault, and so on.
func (c *checker) narrow(ctx context.Context, schemaFile string, t *tree) []part {
	dir, err := os.MkdirTemp("", programName)
	if err != nil {
		return nil // it is only a help
	}
	defer os.RemoveAll(dir)
	s := &search{checker: c, schemaFile: schemaFile, tree: t, dir: dir}
	return s.descend(ctx, t.root, nil)
}

// search is one search.
type search struct {
	*checker
	schemaFile string
	tree       *tree
	dir        string
}

// descend finds the parts at fault in an element, when others are left out
// already. It returns none where leaving out one or two does not help.
func (s *search) descend(ctx context.Context, e *element, without []part) []part {
	found := s.helpful(ctx, partsOf(e), without)
	var list []part
	for i, p := range found {
		inner := []part(nil)
		if p.attribute == nil {
			others := slices.Delete(slices.Clone(found), i, i+1)
			inner = s.descend(ctx, p.element, slices.Concat(without, others))
		}
		if len(inner) == 0 {
			inner = []part{p}
		}
		list = append(list, inner...)
	}
	return list
}

// partsOf are the children and the attributes of an element, but declarations of
// namespaces.
func partsOf(e *element) []part {
	var list []part
	for i := range e.attributes {
		if a := &e.attributes[i]; a.name != "xmlns" && !bytes.HasPrefix([]byte(a.name), []byte("xmlns:")) {
			list = append(list, part{e, a})
		}
	}
	for _, child := range e.children {
		list = append(list, part{element: child})
	}
	return list
}

// helpful returns one part, or two, without which the document validates.
func (s *search) helpful(ctx context.Context, parts, without []part) []part {
	var singles, pairs [][]part
	for i, p := range parts {
		singles = append(singles, []part{p})
		for _, q := range parts[i+1:] {
			pairs = append(pairs, []part{p, q})
		}
		if len(singles) > singleLimit {
			return nil
		}
	}
	if found := s.firstValid(ctx, singles, without); found != nil || len(parts) > pairLimit {
		return found
	}
	return s.firstValid(ctx, pairs, without)
}

// firstValid returns the first of the sets without which the document validates.
func (s *search) firstValid(ctx context.Context, sets [][]part, without []part) []part {
	if len(sets) == 0 || len(sets)*len(s.tree.text) > searchBytes {
		return nil
	}
	var files []string
	for i, set := range sets {
		name := filepath.Join(s.dir, fmt.Sprintf("%d.xml", i))
		if err := os.WriteFile(name, s.tree.without(slices.Concat(without, set)), 0o600); err != nil {
			return nil
		}
		files = append(files, name)
	}
	a, err := s.validateFiles(ctx, s.schemaFile, files)
	if err != nil {
		return nil
	}
	for i, name := range files {
		if bytes.Contains(a.err, []byte(name+" validates\n")) {
			return sets[i]
		}
	}
	return nil
}

// without is the document without some parts, of which none is in another.
func (t *tree) without(parts []part) []byte {
	slices.SortFunc(parts, func(a, b part) int {
		first, _ := a.span()
		second, _ := b.span()
		return first - second
	})
	out := make([]byte, 0, len(t.text))
	from := 0
	for _, p := range parts {
		start, end := p.span()
		out = append(out, t.text[from:start]...)
		from = end
	}
	return append(out, t.text[from:]...)
}
