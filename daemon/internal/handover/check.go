package handover

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// Check is a successor that runs as a child and says of each state that it gets
// whether it could take it over. It takes over nothing.
type Check struct {
	path      string
	cmd       *exec.Cmd
	in        io.WriteCloser
	pipe      io.ReadCloser
	out       *bufio.Reader // of pipe
	complaint excerpt
	ctx       context.Context // of cmd; ended by cancel
	cancel    context.CancelFunc
}

// DryRunOption is the argument that makes a program of ours such a child.
const DryRunOption = "--dry-run"

// StartCheck starts the successor. The caller has to End it.
func (s *Successor) StartCheck() (*Check, error) {
	ctx, cancel := context.WithCancel(context.Background())
	c := &Check{path: s.Path, cmd: exec.CommandContext(ctx, s.Path, DryRunOption), ctx: ctx, cancel: cancel}
	c.cmd.Env = plainEnvironment()
	c.cmd.Stderr = &c.complaint
	c.cmd.WaitDelay = childrenTime
	in, err := c.cmd.StdinPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	c.in, c.pipe, c.out = in, out, bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("run %q: %w", s.Path+" "+DryRunOption, err)
	}
	return c, nil
}

// PID is the child's process, which the successor has to wait for: it ends with
// this program, whose child it stays in the next one.
func (c *Check) PID() int { return c.cmd.Process.Pid }

// Ask asks whether the successor could take a state over. It fails with the
// reason why not, also when there is no answer before ctx ends.
func (c *Check) Ask(ctx context.Context, s *State, state []byte) error {
	stop := context.AfterFunc(ctx, c.giveUp)
	defer stop()
	answer, err := c.ask(state)
	if err != nil {
		err = c.failed(ctx, err)
	} else if want := summary(s); answer != want {
		err = fmt.Errorf("it read %q instead of %q", answer, want)
	}
	if err != nil {
		return fmt.Errorf("%q cannot take over: %w", c.path, err)
	}
	return nil
}

// giveUp ends the child, and ask, even if children of the child live on and keep
// its pipes open.
func (c *Check) giveUp() {
	c.cancel()
	c.in.Close()
	c.pipe.Close()
}

func (c *Check) ask(state []byte) (string, error) {
	length := binary.BigEndian.AppendUint64(nil, uint64(len(state)))
	if _, err := c.in.Write(length); err != nil {
		return "", err
	}
	if _, err := c.in.Write(state); err != nil {
		return "", err
	}
	line, err := c.out.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		err = errors.New("its answer has no end")
	}
	return strings.TrimSuffix(string(line), "\n"), err
}

// failed ends a child that did not answer, and says why it did not.
func (c *Check) failed(ctx context.Context, err error) error {
	c.in.Close()
	if err == io.EOF || errors.Is(err, unix.EPIPE) {
		err = errors.New("it ended without an answer")
	} else {
		c.cancel() // there is no more to expect
	}
	if werr := c.cmd.Wait(); werr != nil && ctx.Err() == nil && c.ctx.Err() == nil {
		err = werr // how it ended by itself
	}
	return childError(ctx, err, &c.complaint)
}

// End ends the child, and waits for that.
func (c *Check) End() {
	c.in.Close()
	c.cancel()
	c.cmd.Wait() // a second Wait fails, and does no harm
}

// DryRun is the child's side: it reads states from in, and writes for each what
// it found in it to out, until in ends. It fails with why a state cannot be taken
// over.
func DryRun(in io.Reader, out io.Writer) error {
	for {
		var length [8]byte
		if _, err := io.ReadFull(in, length[:]); err != nil {
			if err == io.EOF {
				return nil
			}
			return fmt.Errorf("read state: %w", err)
		}
		var b bytes.Buffer
		if _, err := io.CopyN(&b, in, int64(binary.BigEndian.Uint64(length[:]))); err != nil {
			return fmt.Errorf("read state: %w", err)
		}
		s, err := ReadState(b.Bytes())
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, summary(s)); err != nil {
			return err
		}
	}
}

// summary is what both sides have to find in a state.
func summary(s *State) string {
	return fmt.Sprintf("lockspaces %d, locks %d, clients %d, waiting %d, sockets %d",
		len(s.Spaces), len(s.Holds), len(s.Clients), len(s.Waits), len(s.Sockets))
}
