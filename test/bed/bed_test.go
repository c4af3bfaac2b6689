package bed_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"virtlock/test/bed"
)

func TestMain(m *testing.M) { bed.Main(m) }

func TestHostsSeeOnlyTheirOwnFiles(t *testing.T) {
	one, two := bed.NewHost(t, bed.Libvirts), bed.NewHost(t, bed.Libvirts)
	one.Write("/run/file", "one")
	if two.Exists("/run/file") {
		t.Error("a file of one host shows on another")
	}
	if _, err := os.Lstat("/run/file"); err == nil {
		t.Error("a file of a host shows outside")
	}
	if text := one.Read("/run/file"); text != "one" {
		t.Errorf("read %q on the host", text)
	}
}

func TestProcessesEndWithTheirHost(t *testing.T) {
	var pids []int
	t.Run("host", func(t *testing.T) {
		h := bed.NewHost(t, bed.Libvirts)
		// One that loses its parent and is in a session of its own, as QEMU is.
		out, err := h.Run("sh", "-c", "setsid sleep infinity >/dev/null 2>&1 & echo $!")
		if err != nil {
			t.Fatalf("start process: %v: %s", err, out)
		}
		orphan, err := strconv.Atoi(strings.TrimSpace(out))
		if err != nil {
			t.Fatal(err)
		}
		pids = []int{orphan, h.Start(exec.Command("sleep", "infinity")).PID()}
		for _, pid := range pids {
			if !bed.Alive(pid) {
				t.Fatalf("process %d does not run", pid)
			}
		}
	})
	for _, pid := range pids {
		bed.Eventually(t, "the process is gone", func() bool { return !bed.Alive(pid) })
	}
}

func TestKernelLocksShowsForeignLocks(t *testing.T) {
	image := bed.Image(t, bed.Dir(t), "a.img")
	for _, c := range []struct {
		kind bed.Kind
		mode int16
		want string
	}{
		{bed.POSIX, unix.F_WRLCK, "POSIX WRITE"},
		{bed.POSIX, unix.F_RDLCK, "POSIX READ"},
		{bed.OFD, unix.F_WRLCK, "OFDLCK WRITE"},
		{bed.OFD, unix.F_RDLCK, "OFDLCK READ"},
	} {
		lock := c.kind.Foreign(t, image, c.mode)
		if got := bed.KernelLocks(t, image); !slices.Equal(got, []string{c.want}) {
			t.Errorf("kernel has %q, want %q", got, c.want)
		}
		if err := lock.Close(); err != nil {
			t.Fatal(err)
		}
		if err := bed.WaitFree(image); err != nil {
			t.Fatal(err)
		}
	}
}

func TestProberGetsOnlyWhatIsFree(t *testing.T) {
	dir := bed.Dir(t)
	locked, free := bed.Image(t, dir, "locked.img"), bed.Image(t, dir, "free.img")
	lock := bed.OFD.Foreign(t, locked, unix.F_RDLCK)
	defer lock.Close()
	for _, c := range []struct {
		file string
		wins bool
	}{{locked, false}, {free, true}} {
		prober := bed.Probe(t, c.file)
		time.Sleep(50 * time.Millisecond) // of probing
		if seen := prober.Stop(); seen.Tries < 20 || len(seen.Won) > 0 != c.wins {
			t.Errorf("%s: %d tries, won %q", c.file, seen.Tries, seen.Won)
		}
	}
}

// The table of locks is read piece by piece, and what comes and goes meanwhile
// must not hide what stays.
func TestKernelLocksSeesWhatStays(t *testing.T) {
	dir := bed.Dir(t)
	image := bed.Image(t, dir, "a.img")
	defer bed.OFD.Foreign(t, image, unix.F_WRLCK).Close()
	var others []string
	for i := range 100 {
		others = append(others, bed.Image(t, dir, fmt.Sprintf("%d.img", i)))
	}
	ended := make(chan struct{})
	var churn sync.WaitGroup
	defer churn.Wait()
	defer close(ended)
	churn.Go(func() {
		var locks []io.Closer
		for i := 0; ; i++ {
			select {
			case <-ended:
				return
			case <-time.After(100 * time.Microsecond):
			}
			locks = append(locks, bed.OFD.Foreign(t, others[i%len(others)], unix.F_RDLCK))
			if len(locks) > 60 {
				locks[0].Close()
				locks = locks[1:]
			}
		}
	})
	for i := range 500 {
		if got := bed.KernelLocks(t, image); len(got) != 1 {
			t.Fatalf("look %d: kernel has %q", i, got)
		}
	}
}
