package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
)

// history is the file of the lines that were typed. Several shells may add to it:
// each line goes to its end at once, and whoever makes it shorter locks the
// directory, since the file itself is replaced.
type history struct {
	path  string // empty when there is no place for it
	limit int    // how many lines it keeps
	// patience is how long it waits for another shell. A shell that is stopped must
	// not hold up the others.
	patience time.Duration
}

// newHistory is the history of the user, where virsh's is.
func newHistory() history {
	dir := os.Getenv("XDG_CACHE_HOME")
	if home := os.Getenv("HOME"); dir == "" && home != "" {
		dir = filepath.Join(home, ".cache")
	}
	h := history{limit: historySize(os.Getenv("VIRTLOCK_ADMIN_HISTSIZE")), patience: time.Second}
	if filepath.IsAbs(dir) && h.limit > 0 {
		h.path = filepath.Join(dir, "libvirt", "virtlock-admin", "history")
	}
	return h
}

// historySize reads a number of lines. What is none means the default.
func historySize(word string) int {
	const lines, most = 500, 1_000_000
	n, err := strconv.Atoi(word)
	if err != nil || n < 0 {
		return lines
	}
	return min(n, most)
}

// load returns the lines, and makes the file shorter where it has too many.
func (h history) load() ([]string, error) {
	if h.path == "" {
		return nil, nil
	}
	unlock, err := h.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	text, err := h.readFile()
	if err != nil {
		return nil, err
	}
	all := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	lines := all[max(0, len(all)-h.limit):]
	if len(lines) < len(all) {
		err = h.replace(lines)
	}
	var usable []string
	for _, line := range lines {
		if isTyped(line) {
			usable = append(usable, line)
		}
	}
	return usable, err
}

// isTyped reports whether a line can have been typed. Another would play tricks on
// the terminal.
func isTyped(line string) bool {
	return line != "" && !strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) && r != '\t' })
}

// add puts a line at the end of the file.
func (h history) add(line string) error {
	if h.path == "" {
		return nil
	}
	unlock, err := h.lock()
	if err != nil {
		return err
	}
	defer unlock()
	f, err := h.open()
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(line + "\n")
	return err
}

func (h history) readFile() (string, error) {
	f, err := h.open()
	if err != nil {
		return "", err
	}
	defer f.Close()
	var text bytes.Buffer
	_, err = text.ReadFrom(f)
	return text.String(), err
}

// open opens the file, for its user alone, and makes it if it is missing. It must
// be a file of this user: root may be at work with the environment of somebody
// else, who could have put a link in its place.
func (h history) open() (*os.File, error) {
	f, err := os.OpenFile(h.path, os.O_RDWR|os.O_APPEND|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err != nil || stat.Mode&unix.S_IFMT != unix.S_IFREG || int(stat.Uid) != os.Geteuid() {
		_ = f.Close()
		return nil, fmt.Errorf("history %q is not a file of this user", h.path)
	}
	return f, nil
}

// replace puts a file with fewer lines in the place of the other. Where that fails
// the other one stays as it was.
func (h history) replace(lines []string) error {
	f, err := os.CreateTemp(filepath.Dir(h.path), "history") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), h.path)
}

// lock keeps other shells out until unlock.
func (h history) lock() (unlock func(), err error) {
	dir := filepath.Dir(h.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(h.patience); ; time.Sleep(5 * time.Millisecond) {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil // which unlocks it
		}
		if err != unix.EWOULDBLOCK && err != unix.EINTR || time.Now().After(deadline) {
			_ = f.Close()
			return nil, fmt.Errorf("lock %q: %w", dir, err)
		}
	}
}
