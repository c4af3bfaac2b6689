package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// report prints results, and counts them.
type report struct {
	env     *env
	several bool
	summary
}

// summary is the JSON document.
type summary struct {
	Files  []result `json:"files"`
	Valid  int      `json:"valid"`
	Failed int      `json:"failed"`
	// Status is the exit status: the highest of all files.
	Status int `json:"status"`
}

func (e *env) newReport(several bool) *report {
	return &report{env: e, several: several, summary: summary{Files: []result{}}}
}

// add takes one more result. Text is printed at once, JSON at the end.
func (r *report) add(one result) {
	r.Status = max(r.Status, one.Status)
	if one.Status == exitOK {
		r.Valid++
	} else {
		r.Failed++
	}
	switch {
	case r.env.options.json:
		r.Files = append(r.Files, one)
	case one.Raw != "" && !(r.env.options.quiet && one.Status == exitOK):
		fmt.Fprint(r.env.err, one.Raw)
	default:
		one.print(r.env.err, r.env.options.quiet)
	}
}

// print says what came of a file, as a person wants to read it: places as
// compilers write them, which editors can jump to. Where libvirt's script has a
// sentence for it, that one is the last line.
func (r result) print(w io.Writer, quiet bool) {
	name := quote(r.File)
	for _, p := range r.Problems {
		fmt.Fprintf(w, "%s:%s\n", name, p)
	}
	if r.Reason != "" {
		fmt.Fprintf(w, "%s: %s\n", name, r.Reason)
	}
	if r.Hint != "" {
		fmt.Fprintf(w, "hint: %s\n", r.Hint)
	}
	switch {
	case r.Verdict == valid && !quiet:
		fmt.Fprintf(w, "%s validates\n", name)
	case r.Verdict == invalid:
		fmt.Fprintf(w, "%s fails to validate\n", name)
	case r.Verdict == malformed:
		fmt.Fprintf(w, "%s is not well-formed XML\n", name)
	case r.Verdict == refused:
		fmt.Fprintf(w, "%s is refused\n", name)
	}
}

// String is a problem on one line, after the name of its file.
func (p problem) String() string {
	var s strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&s, "%d:", p.Line)
		if p.Column > 0 {
			fmt.Fprintf(&s, "%d:", p.Column)
		}
	}
	if p.Path != "" {
		fmt.Fprintf(&s, " %s:", quote(p.Path))
	}
	fmt.Fprintf(&s, " %s", p.Message)
	if len(p.Expected) > 0 {
		fmt.Fprintf(&s, "; expected: %s", strings.Join(slices.Compact(p.Expected), ", "))
	}
	return s.String()
}

// end prints what comes after the last result, and returns the exit status.
func (r *report) end() (int, error) {
	if r.env.options.json {
		encoder := json.NewEncoder(r.env.out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(r.summary); err != nil {
			return 0, fmt.Errorf("print answer: %w", err)
		}
		return r.Status, nil
	}
	if r.several && !(r.env.options.quiet && r.Failed == 0) {
		fmt.Fprintf(r.env.err, "%d of %s validate\n", r.Valid, plural(r.Valid+r.Failed, "file"))
	}
	return r.Status, nil
}
