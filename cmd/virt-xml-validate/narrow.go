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
	togetherLimit = 3        // parts that are left out together
	setLimit      = 1200     // sets of parts that are tried
	callLimit     = 300      // documents for one call of xmllint
	searchBytes   = 32 << 20 // of documents for one set of attempts
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
// already. It returns none where nothing that is left out helps.
func (s *search) descend(ctx context.Context, e *element, without []part) []part {
	found := s.helpful(ctx, e, without)
	var list []part
	for i, p := range found {
		inner := []part(nil)
		if p.attribute == nil && i < problemLimit { // more are not told
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

// helpful returns parts of an element without which the document validates, as few
// as it can find.
func (s *search) helpful(ctx context.Context, e *element, without []part) []part {
	parts := partsOf(e)
	if found := s.firstValid(ctx, together(parts, 1), without); found != nil {
		return found
	}
	// What the element needs cannot be left out, and may be wrong inside.
	var inside []part
	for _, child := range e.children {
		inside = append(inside, partsOf(child)...)
	}
	if found := s.firstValid(ctx, together(inside, 1), without); found != nil {
		return found
	}
	for n := 2; n <= togetherLimit; n++ {
		if found := s.firstValid(ctx, together(parts, n), without); found != nil {
			return found
		}
	}
	return s.wrongAlone(ctx, e, without)
}

// together are all sets of so many parts, or none where there are too many.
func together(parts []part, n int) [][]part {
	sets := [][]part{nil}
	for ; n > 0; n-- {
		var larger [][]part
		for _, set := range sets {
			from := 0
			if len(set) > 0 {
				from = slices.Index(parts, set[len(set)-1]) + 1
			}
			for _, p := range parts[from:] {
				larger = append(larger, append(slices.Clone(set), p))
			}
			if len(larger) > setLimit {
				return nil
			}
		}
		sets = larger
	}
	return sets
}

// wrongAlone returns the children of an element that make the document invalid even
// when they have no siblings. There are none where the element needs children.
func (s *search) wrongAlone(ctx context.Context, e *element, without []part) []part {
	if len(e.children) < 2 || len(e.children) >= callLimit {
		return nil
	}
	var all []part
	for _, child := range e.children {
		all = append(all, part{element: child})
	}
	sets := [][]part{all}
	for i := range all {
		sets = append(sets, slices.Delete(slices.Clone(all), i, i+1))
	}
	valid := s.areValid(ctx, sets, without)
	if valid == nil || !valid[0] {
		return nil
	}
	var list []part
	for i, p := range all {
		if !valid[i+1] {
			list = append(list, p)
		}
	}
	return list
}

// firstValid returns the first of the sets without which the document validates.
func (s *search) firstValid(ctx context.Context, sets [][]part, without []part) []part {
	if len(sets)*len(s.tree.text) > searchBytes {
		return nil
	}
	for some := range slices.Chunk(sets, callLimit) {
		if i := slices.Index(s.areValid(ctx, some, without), true); i >= 0 {
			return some[i]
		}
	}
	return nil
}

// areValid says of each set whether the document validates without it. It returns
// nil where that cannot be told.
func (s *search) areValid(ctx context.Context, sets [][]part, without []part) []bool {
	if len(sets)*len(s.tree.text) > searchBytes {
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
	valid := make([]bool, len(files))
	for i, name := range files {
		valid[i] = bytes.Contains(a.err, []byte(name+" validates\n"))
	}
	return valid
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
