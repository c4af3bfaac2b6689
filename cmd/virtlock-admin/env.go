package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client"
)

// env is what commands work with, so that tests can give them another one.
type env struct {
	in       io.Reader
	out, err io.Writer
	now      func() time.Time
	// width is the number of columns of the terminal that out is, or 0. columns
	// measures it again, and lines the height.
	width          int
	columns, lines func() int
	// person says that somebody types what is read from in, interactive that lines
	// can be edited, too.
	person, interactive bool
	// height is the number of its lines, or 0.
	height int
	// colour says that out understands colours, and its user wants them.
	colour bool
	// uid is the user whose daemon is asked when nobody says which.
	uid int
	// configDir is where the configuration of that user's libvirt is.
	configDir string

	// session are the global options of the program, which hold for all commands
	// until connect says otherwise, and options those of the command under way.
	session, options globals
	answer           *answer // what out is
	links            *links
	status           int  // of the last command
	left             bool // by quit
}

// globals are the global options.
type globals struct {
	uri, socket string
	timeout     time.Duration // 0 when there is none
	quiet, json bool
	readonly    bool
}

// defaultURI is the environment variable that says which daemon to ask.
const defaultURI = "VIRTLOCK_ADMIN_DEFAULT_URI"

func newEnv() *env {
	width, height := func() int { return columns(os.Stdout) }, func() int { return terminalLines(os.Stdout) }
	person := isTerminal(os.Stdin)
	return &env{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, now: time.Now, width: width(), columns: width, height: height(), lines: height,
		colour: wantsColour(os.Stdout), uid: os.Geteuid(), configDir: libvirtConfigDir(),
		person: person, interactive: person && isTerminal(os.Stdout) && os.Getenv("TERM") != "dumb",
	}
}

// libvirtConfigDir is where libvirt looks for its configuration.
func libvirtConfigDir() string {
	if os.Geteuid() == 0 {
		return "/etc/libvirt"
	}
	dir := os.Getenv("XDG_CONFIG_HOME")
	if dir == "" {
		dir = filepath.Join(os.Getenv("HOME"), ".config")
	}
	return filepath.Join(dir, "libvirt")
}

// begin makes an environment ready for commands.
func (e *env) begin() {
	e.answer = newAnswer(e.out)
	e.out = e.answer
	e.links = new(links)
	e.session.timeout = defaultTimeout
}

// flush writes what was printed, for commands that go on afterwards.
func (e *env) flush() error {
	if e.answer == nil {
		return nil
	}
	return e.answer.Flush()
}

// measure takes in that the terminal was made wider or narrower.
func (e *env) measure() {
	if e.columns != nil {
		e.width = e.columns()
	}
	if e.lines != nil {
		e.height = e.lines()
	}
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// columns is how wide a terminal is, or 0 when the file is none.
func columns(f *os.File) int {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

// terminalLines is how high a terminal is, or 0 when the file is none.
func terminalLines(f *os.File) int {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Row)
}

// sockets are the paths to try, in this order.
func (e *env) sockets() ([]string, error) {
	if e.options.socket != "" {
		return []string{e.options.socket}, nil
	}
	uri := e.options.uri
	if uri == "" {
		uri = os.Getenv(defaultURI)
	}
	dir := filepath.Dir(client.DefaultSocket())
	if uri != "" {
		address, err := client.ParseURI(uri)
		if err != nil {
			return nil, &usageError{message: err.Error()}
		}
		if address.Socket != "" {
			return []string{address.Socket}, nil
		}
		dir = address.Dir
	}
	return []string{filepath.Join(dir, client.AdminSocket), filepath.Join(dir, client.MainSocket)}, nil
}

// ownSession reports whether the daemon that is asked is that of the user's own
// session because nobody said which.
func (e *env) ownSession() bool {
	return e.uid != 0 && e.options.socket == "" && e.options.uri == "" && os.Getenv(defaultURI) == ""
}

// ask puts a question to the daemon: on the administration socket, which has
// room when the daemon is full, and where that has no answer on the main one.
func ask[T any](ctx context.Context, e *env, question func(context.Context, *client.Client) (T, error)) (T, error) {
	var answer T
	sockets, err := e.sockets()
	if err != nil {
		return answer, err
	}
	for _, socket := range sockets {
		c, done := e.links.client(socket)
		answer, err = question(ctx, c)
		done()
		if !errors.Is(err, client.ErrUnreachable) && !errors.Is(err, client.ErrLimit) {
			break
		}
	}
	return answer, err
}

// printJSON prints an answer of the daemon as one document.
func (e *env) printJSON(answer any) error {
	encoder := json.NewEncoder(e.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(answer); err != nil {
		return fmt.Errorf("print answer: %w", err)
	}
	return nil
}
