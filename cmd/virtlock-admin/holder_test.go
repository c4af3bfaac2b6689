package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// holdVar makes the test binary a program that opens a file and locks it as the
// variable says: a kind of lock, a mode and a path.
const holdVar = "VIRTLOCK_TEST_HOLD"

// holdAndWait is that program. It says when it has the lock, and goes with its input.
func holdAndWait(words string) {
	kind, rest, _ := strings.Cut(words, " ")
	mode, path, _ := strings.Cut(rest, " ")
	flags, lockType := os.O_RDWR, int16(unix.F_WRLCK)
	if mode == "read" {
		flags, lockType = os.O_RDONLY, unix.F_RDLCK
	}
	f, err := os.OpenFile(path, flags, 0)
	if err == nil && kind != "none" {
		command := map[string]int{"posix": unix.F_SETLK, "ofd": unix.F_OFD_SETLK}[kind]
		err = unix.FcntlFlock(f.Fd(), command, &unix.Flock_t{Type: lockType, Len: 1})
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("held")
	_, _ = os.Stdin.Read(make([]byte, 1))
	os.Exit(0)
}

// holder starts a process that opens and locks a file: kind is posix, ofd or
// none, mode read or write.
func holder(t testing.TB, kind, mode, path string) int {
	t.Helper()
	return holderCalled(t, "holder", kind, mode, path)
}

// holderCalled is holder with a name of the program.
func holderCalled(t testing.TB, name, kind, mode, path string) int {
	t.Helper()
	return holderAs(t, []string{name}, kind, mode, path)
}

// holderAs is holder with all arguments, which mean nothing to it.
func holderAs(t testing.TB, args []string, kind, mode, path string) int {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Args = args
	cmd.Env = append(os.Environ(), holdVar+"="+kind+" "+mode+" "+path)
	return startAndRead(t, cmd, "held\n")
}

// startAndRead starts a program and waits for the first line that it prints. It
// is killed at the end of the test.
func startAndRead(t testing.TB, cmd *exec.Cmd, want string) int {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != want {
		t.Fatalf("%s printed %q, %v", cmd.Path, line, err)
	}
	return cmd.Process.Pid
}
