package bed

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// KernelLocks are the locks on byte 0 of a file, as /proc/locks has them: kind
// and mode, "POSIX WRITE" or "OFDLCK READ". QEMU's own are on other bytes.
//
// The kernel gives the table a page at a time, and finds its place again by
// counting: a lock may be passed over, or come twice, when others come and go
// meanwhile. So it looks until it has seen the same several times, at times that
// are not in step with anybody.
func KernelLocks(t testing.TB, path string) []string {
	t.Helper()
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		t.Fatalf("stat %s: %v", path, err)
	}
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(stat.Dev), unix.Minor(stat.Dev), stat.Ino)
	locks := kernelLocks(t, file)
	for same := 1; same < 4; same++ {
		time.Sleep(rand.N(time.Millisecond))
		again := kernelLocks(t, file)
		if !slices.Equal(again, locks) {
			locks, same = again, 0
		}
	}
	return locks
}

func kernelLocks(t testing.TB, file string) []string {
	t.Helper()
	table, err := os.ReadFile("/proc/locks")
	if err != nil {
		t.Fatal(err)
	}
	var locks []string
	for line := range strings.Lines(string(table)) {
		// 1: POSIX  ADVISORY  WRITE 31 00:27:54 0 0
		f := strings.Fields(line)
		if len(f) == 8 && f[5] == file && f[6] == "0" && f[7] == "0" {
			locks = append(locks, f[1]+" "+f[3])
		}
	}
	return locks
}

// Kind is a sort of lock that another program may take on an image.
type Kind struct {
	Name         string
	try, blocked int
}

// The kinds of locks that conflict with those of virtlockd.
var (
	POSIX = Kind{"POSIX", unix.F_SETLK, unix.F_SETLKW}
	OFD   = Kind{"OFD", unix.F_OFD_SETLK, unix.F_OFD_SETLKW}
)

// Foreign takes a lock on byte 0 of a file as a program would that does not
// know virtlockd: this process is not the daemon's. mode is unix.F_RDLCK or
// unix.F_WRLCK. Closing what it returns gives the lock back.
//
// A POSIX lock also goes when this process closes any other descriptor of the
// file, so a test must not read it meanwhile.
func (k Kind) Foreign(t testing.TB, path string, mode int16) io.Closer {
	t.Helper()
	file, err := k.lock(path, mode, k.try)
	if err != nil {
		t.Fatalf("take foreign %s lock: %v", k.Name, err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// WaitFree returns when nobody holds a lock on byte 0 of the file. It sleeps in
// the kernel, so that it returns as soon as the lock goes, and fails when that
// takes too long.
func WaitFree(path string) error {
	free := make(chan error, 1)
	go func() { // after a failure it sleeps until the tests end
		file, err := OFD.lock(path, unix.F_WRLCK, OFD.blocked)
		if err == nil {
			err = file.Close()
		}
		free <- err
	}()
	select {
	case err := <-free:
		return err
	case <-time.After(Patience):
		return fmt.Errorf("%s is still locked after %v", path, Patience)
	}
}

// lock opens a file and takes a lock on its byte 0.
func (k Kind) lock(path string, mode int16, command int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	lock := unix.Flock_t{Type: mode, Whence: io.SeekStart, Len: 1}
	for {
		err = unix.FcntlFlock(file.Fd(), command, &lock)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return file, nil
}
