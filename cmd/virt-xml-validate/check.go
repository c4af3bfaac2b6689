package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// checker checks files.
type checker struct {
	*env
	linter
	schema string // "": what the root element says
}

// check checks one file. The order in which things are looked at is that of
// libvirt's script, and so is the status of the first one that fails.
func (c *checker) check(ctx context.Context, file string) result {
	r := result{File: file, Schema: c.schema}
	content, err := untilDone(ctx, func() (io.ReadCloser, error) { return c.open(file) })
	if err != nil {
		r.conclude(missing, exitMissing, err.Error())
		return r
	}
	defer content.Close()
	if r.Schema != "" && !c.hasSchema(&r) {
		return r
	}
	d, err := readDocument(&interruptible{ctx, content})
	if err != nil {
		c.concludeUnread(&r, err)
		return r
	}
	if r.Schema == "" && !c.chooseSchema(&r, d.root) {
		return r
	}
	if err := c.checkDocument(ctx, &r, d); err != nil {
		r.conclude(failed, exitFailed, err.Error())
	}
	return r
}

// chooseSchema finds the schema for a root element. Where there is none the
// result says so.
func (c *checker) chooseSchema(r *result, root string) bool {
	if r.Schema = schemaOf(root); r.Schema != "" {
		return c.hasSchema(r)
	}
	reason := "no root element is found in it"
	if root != "" {
		reason = "no schema is for the root element " + quote(root)
	}
	r.conclude(unknownRoot, exitInvalid, reason)
	r.Hint = "--schema NAME names one; " + programName + " --help lists them"
	return false
}

// hasSchema looks for the schema. Where it is missing the result says so.
func (c *checker) hasSchema(r *result) bool {
	path, exists := c.schemaFile(r.Schema)
	if !exists {
		r.conclude(noSchema, exitNoSchema, fmt.Sprintf("schema %s does not exist", quote(path)))
		r.Hint = "libvirt installs the schemas; --schema-dir DIR and " + schemaDirVariable + " name another place"
	}
	return exists
}

// open opens a file, which has to be a regular one: to open others may act on
// them, or last for ever.
func (c *checker) open(file string) (io.ReadCloser, error) {
	if file == standardInput {
		return io.NopCloser(c.in), nil
	}
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, errors.New(cause(err))
	case !info.Mode().IsRegular():
		return nil, errors.New("not a regular file; - reads standard input")
	}
	opened, err := os.Open(file)
	if err != nil {
		return io.NopCloser(failingReader{err}), nil
	}
	return opened, nil
}

// concludeUnread is for what libxml2 does not get to see.
func (c *checker) concludeUnread(r *result, err error) {
	var refusal *refusal
	if errors.As(err, &refusal) {
		r.conclude(refused, exitMalformed, refusal.reason)
		return
	}
	// libvirt's script looks for the schema first, and finds none.
	status := exitMalformed
	if c.schema == "" {
		status = exitInvalid
	}
	if !errors.Is(err, errNotXML) {
		r.conclude(failed, status, "cannot be read: "+cause(err))
		return
	}
	r.conclude(malformed, status, err.Error())
}

// checkDocument asks libxml2.
func (c *checker) checkDocument(ctx context.Context, r *result, d *document) error {
	schemaFile, _ := c.schemaFile(r.Schema)
	a, err := c.validate(ctx, schemaFile, d.bytes)
	if err != nil {
		return err
	}
	if c.options.raw {
		r.Raw = rawText(r.File, a.err)
	}
	if a.status != lintMalformed && bytes.IndexByte(d.text, 0) >= 0 {
		if err := c.concludeZero(ctx, r, d); err != nil || r.Verdict != "" {
			return err
		}
	}
	switch a.status {
	case exitOK:
		r.conclude(valid, exitOK, "")
		return nil
	case lintMalformed:
		return c.concludeMalformed(ctx, r, d, a)
	case lintInvalid:
		r.conclude(invalid, exitInvalid, "")
		r.Problems = c.explain(ctx, schemaFile, d, a)
		return nil
	}
	return errors.New(a.reason())
}

// concludeZero is for a document with a zero byte, which ends it for libxml2. Where
// libxml2 looks for the root element it is a fault, that libvirt's script stumbles
// over if it comes early.
func (c *checker) concludeZero(ctx context.Context, r *result, d *document) error {
	if c.schema != "" {
		return nil
	}
	found, err := c.findsRoot(ctx, d.bytes)
	if err == nil && !found {
		r.conclude(malformed, exitInvalid, "a zero byte stands in it")
	}
	return err
}

// concludeMalformed finds out which of two statuses libvirt's script has.
func (c *checker) concludeMalformed(ctx context.Context, r *result, d *document, a answer) error {
	status := exitMalformed
	if c.schema == "" {
		found, err := c.findsRoot(ctx, d.bytes)
		if err != nil {
			return err
		}
		if !found {
			status = exitInvalid
		}
	}
	r.conclude(malformed, status, "")
	r.Problems = syntaxProblems(readMessages(a.err), d.text)
	return nil
}
