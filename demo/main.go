// Demo shows the main job of virtlockd end to end, on a scratch disk image in a
// private directory: a guest takes its disk, a second one is refused and told
// by whom, both share a disk, and a guest that dies frees what it held.
//
// Its guests are processes that sleep; the daemon and its locks are real.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"virtlock/client"
	"virtlock/client/api"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: demo DIRECTORY-OF-THE-PROGRAMS")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(programs string) error {
	dir, err := os.MkdirTemp("", "virtlock-demo")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Second)
	defer cancel()

	title("Start virtlockd on sockets in " + dir)
	stop, err := startDaemon(programs, dir)
	if err != nil {
		return err
	}
	defer stop()
	s := &stage{ctx: ctx, dir: dir, admin: filepath.Join(programs, "virtlock-admin")}
	defer s.clear()
	return s.play()
}

// stage is where the guests act.
type stage struct {
	ctx    context.Context
	dir    string
	admin  string
	guests []*guest
}

// guest is a process and its locks.
type guest struct {
	client.Client
	process *exec.Cmd
}

func (s *stage) socket() string { return filepath.Join(s.dir, client.MainSocket) }

func (s *stage) play() error {
	disk, cloud := filepath.Join(s.dir, "web.img"), filepath.Join(s.dir, "shared.img")
	for _, path := range []string{disk, cloud} {
		if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
			return err
		}
	}
	alias := filepath.Join(s.dir, "backup-of-web.img")
	if err := os.Symlink(disk, alias); err != nil {
		return err
	}
	a, err := s.start("guest-a", "11111111-1111-1111-1111-111111111111")
	if err != nil {
		return err
	}
	b, err := s.start("guest-b", "22222222-2222-2222-2222-222222222222")
	if err != nil {
		return err
	}

	title("Guest A takes its disk")
	if _, err := a.Acquire(s.ctx, 0, api.Resource{Name: disk}); err != nil {
		return err
	}
	s.show("list")

	title("Guest B wants the same disk, under another name")
	_, err = b.Acquire(s.ctx, 0, api.Resource{Name: alias})
	if !errors.Is(err, client.ErrBusy) {
		return fmt.Errorf("guest B was to be refused, and got: %v", err)
	}
	fmt.Println("refused:", err)
	s.show("inspect", alias)

	title("Both share a disk")
	shared := api.Resource{Name: cloud, Mode: api.Shared}
	if _, err := a.Acquire(s.ctx, 0, shared); err != nil {
		return err
	}
	held, err := b.Acquire(s.ctx, 0, shared)
	if err != nil {
		return err
	}
	s.show("list")

	title("Guest B gives the shared disk back")
	if err := held.Release(s.ctx); err != nil {
		return err
	}
	s.show("list")

	title("Guest B waits for guest A's disk, and guest A is killed")
	if err := a.process.Process.Kill(); err != nil {
		return err
	}
	if _, err := b.Acquire(s.ctx, 10*time.Second, api.Resource{Name: disk}); err != nil {
		return err
	}
	s.show("list")
	s.show("status")
	return nil
}

// start starts a guest: a process, and a client that takes locks for it, as
// libvirt does.
func (s *stage) start(name, uuid string) (*guest, error) {
	process := exec.Command("sleep", "60")
	if err := process.Start(); err != nil {
		return nil, err
	}
	g := &guest{process: process}
	g.Socket, g.TiedTo = s.socket(), api.TiedToProcess
	g.Owner = api.Owner{Name: name, UUID: uuid, PID: process.Process.Pid}
	s.guests = append(s.guests, g)
	return g, nil
}

func (s *stage) clear() {
	for _, g := range s.guests {
		g.Close()
		g.process.Process.Kill()
		g.process.Wait()
	}
}

// show runs a command of the admin tool.
func (s *stage) show(args ...string) {
	fmt.Println("$ virtlock-admin", strings.Join(args, " "))
	c := exec.CommandContext(s.ctx, s.admin, append([]string{"--socket", s.socket()}, args...)...)
	c.Stdout, c.Stderr = os.Stdout, os.Stdout
	if err := c.Run(); err != nil {
		fmt.Println("virtlock-admin:", err)
	}
}

func title(text string) { fmt.Printf("\n== %s\n\n", text) }
