package handover

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// helpAgain is a daemon that is executed anew with its keeper.
func helpAgain(args []string) error {
	k, err := StartKeeper(args[0], command())
	if err != nil {
		return err
	}
	fd, err := locked(args[1], unix.F_WRLCK)
	if err != nil {
		return err
	}
	started, err := startedAt(os.Getpid())
	if err != nil {
		return err
	}
	h := &Hold{ID: 1, Lock: 1, FD: fd, Owner: Owner{PID: os.Getpid(), Start: started}}
	if err := k.Pass(Change{Hold: h}); err != nil {
		return err
	}
	if err := k.tell(&message{Kind: kindAsk, Number: 1}); err != nil { // its answer is nobody's
		return err
	}
	unix.FcntlInt(uintptr(k.FD()), unix.F_SETFD, 0)
	os.Setenv(helperEnv, "resume")
	return unix.Exec("/proc/self/exe", []string{"again", strconv.Itoa(k.FD()), strconv.Itoa(k.PID()), args[1]}, os.Environ())
}

func helpResume(args []string) error {
	fd, _ := strconv.Atoi(args[0])
	pid, _ := strconv.Atoi(args[1])
	if _, err := ResumeKeeper(0, pid); err == nil {
		return errors.New("resumed the standard input")
	}
	k, err := ResumeKeeper(fd, pid)
	if err != nil {
		return err
	}
	kept, err := k.Ask()
	if err != nil {
		return err
	}
	if kept != (Kept{Locks: 1, Holds: 1}) {
		return fmt.Errorf("it keeps %+v", kept)
	}
	// Its child still.
	if err := k.LetGo(); err != nil {
		return err
	}
	if err := unix.Kill(pid, 0); err != unix.ESRCH {
		return fmt.Errorf("something of it is left: %v", err)
	}
	return nil
}

func TestDaemonIsExecutedAnew(t *testing.T) {
	start(t, "again", scratch(t, "sock"), scratch(t, "disk")).ready()
}

func TestResumeOneThatIsGone(t *testing.T) {
	k, _ := keep(t)
	must(t, unix.Kill(k.PID(), unix.SIGKILL))
	<-k.Gone()
	_, err := ResumeKeeper(reopen(t, k.FD()), os.Getpid())
	wantErr(t, err, ErrKeeperGone)
	must(t, k.Kill())
}

// A keeper that cannot be watched would be in the way of another one for ever.
func TestResumeWithoutADescriptorLeft(t *testing.T) {
	k, _ := keep(t)
	fd := reopen(t, k.FD())
	var limit unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	none := unix.Rlimit{Cur: 3, Max: limit.Max}
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &none))
	_, err := ResumeKeeper(fd, k.PID())
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	wantErr(t, err, unix.EMFILE)
	<-k.Gone()
	must(t, k.Close())
}
