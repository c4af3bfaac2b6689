package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

// guard is a second process of this program that kills a command with all that it
// has started when this process is killed: the kernel does that for the command
// only.
type guard struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

// startGuard starts one that has nothing to guard yet.
func startGuard() (*guard, error) {
	cmd := exec.Command("/proc/self/exe", guardName)
	cmd.Args[0] = "virtlock-admin"
	// The keyboard's signals are not for it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipe, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	return &guard{cmd, pipe}, nil
}

// watch names the process group to kill. A guard that is gone guards nothing, and
// is no reason not to go on.
func (g *guard) watch(group int) { _, _ = fmt.Fprintf(g.pipe, "%d\n", group) }

// dismiss ends the guard. Nothing is left to be killed.
func (g *guard) dismiss() {
	_, _ = fmt.Fprintln(g.pipe, dismissed)
	_ = g.pipe.Close()
	_ = g.cmd.Wait()
}

const (
	guardName = "__guard"
	dismissed = "dismissed"
)

func guardCommand() command {
	return command{
		Command: &cli.Command{Name: guardName, Hidden: true},
		run:     runGuard,
		lasts:   true,
	}
}

// runGuard is the guard. The end of its input without a word of farewell is that
// of the process that started it.
func runGuard(context.Context, *env, *cli.Context, []string) error {
	signal.Ignore(unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT)
	lines := bufio.NewReader(os.Stdin)
	group := 0
	for {
		line, err := lines.ReadString('\n')
		switch word := strings.TrimSpace(line); {
		case word == dismissed:
			return nil
		case err != nil && group > 1:
			return unix.Kill(-group, unix.SIGKILL)
		case err != nil:
			return nil
		default:
			group, _ = strconv.Atoi(word)
		}
	}
}
