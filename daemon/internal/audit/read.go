package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

// Backwards calls see with each line, the latest first, until it returns false. It
// reads the files as they are now, and keeps no more of them in memory than a line.
// A line that is longer than maxLine is passed over. It fails when a file cannot be
// read; one that is missing has nothing to say.
func Backwards(s Settings, see func(line []byte) bool) error {
	files, err := openAll(s)
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	if err != nil {
		return err
	}
	for _, f := range files {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		more, err := backwards(f, info.Size(), see)
		if err != nil {
			return fmt.Errorf("read %q: %w", f.Name(), err)
		}
		if !more {
			return nil
		}
	}
	return nil
}

// openAll opens all files, the latest first, before one is read: meanwhile they may
// be rotated. One that is found twice for that reason is there once.
func openAll(s Settings) (files []*os.File, err error) {
	var known []os.FileInfo
	for i := range s.Files + 1 {
		path := s.File
		if i > 0 {
			path = fmt.Sprintf("%s.%d", s.File, i)
		}
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return files, err
		}
		files = append(files, f)
		info, err := f.Stat()
		if err != nil {
			return files, err
		}
		if slices.ContainsFunc(known, func(k os.FileInfo) bool { return os.SameFile(k, info) }) {
			files = files[:len(files)-1]
			f.Close()
			continue
		}
		known = append(known, info)
	}
	return files, nil
}

// How much is read at a time, and how long a line may be.
const (
	readChunk = 64 << 10
	maxLine   = 1 << 20
)

// backwards is Backwards for one file. It reports whether see wants more.
func backwards(f io.ReaderAt, size int64, see func([]byte) bool) (more bool, err error) {
	buffer := make([]byte, readChunk)
	var tail []byte // of a line that began earlier
	tooLong := false
	tell := func(head []byte) bool {
		line := head
		if len(tail) > 0 {
			line = slices.Concat(head, tail)
		}
		skip := tooLong || len(line) == 0 || len(line) > maxLine
		tail, tooLong = nil, false
		return skip || see(line)
	}
	for end := size; end > 0; {
		start := max(end-readChunk, 0)
		n, err := f.ReadAt(buffer[:end-start], start)
		if err != nil && err != io.EOF { // the file may have been emptied
			return false, err
		}
		b := buffer[:n]
		for i := bytes.LastIndexByte(b, '\n'); i >= 0; i = bytes.LastIndexByte(b, '\n') {
			if !tell(b[i+1:]) {
				return false, nil
			}
			b = b[:i]
		}
		if tooLong = tooLong || len(b)+len(tail) > maxLine; tooLong {
			tail = nil
		} else {
			tail = slices.Concat(b, tail)
		}
		end = start
	}
	return tell(nil), nil
}
