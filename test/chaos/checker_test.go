package chaos

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// check is the process that knows nothing but the board and the kernel.
func check() int {
	p, b, err := thisPart()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	c := checker{board: b}
	for _, r := range resources(p.dir) {
		c.files = append(c.files, filepath.Join(r.Lockspace, r.Name))
	}
	for b.stop.Load() < 2 {
		c.look()
		time.Sleep(100 * time.Microsecond)
	}
	return 0
}

type checker struct {
	board *board
	files []string
}

// grant is a claim that was seen.
type grant struct {
	*slot
	worker, claim int
	life, value   uint64
}

func (g *grant) file() int       { return int(g.value&0xff) - 1 }
func (g *grant) exclusive() bool { return g.value&claimExclusive != 0 }

// stands reports whether the grant was there all the time since it was seen.
func (g *grant) stands() bool {
	return g.claims[g.claim].Load() == g.value && g.slot.life.Load() == g.life
}

// look looks at each grant once.
func (c *checker) look() {
	var seen []grant
	for i := range c.board.workers {
		s := &c.board.workers[i]
		for j := range s.claims {
			g := grant{slot: s, worker: i, claim: j, life: s.life.Load()}
			g.value = s.claims[j].Load()
			if g.value == 0 || g.life%2 == 1 || !g.stands() {
				continue
			}
			for k := range seen {
				c.compare(&seen[k], &g)
			}
			seen = append(seen, g)
			c.askKernel(&g)
		}
	}
}

// compare looks at two grants of one file: all but two shared ones exclude each
// other. Both were there when the later one was seen.
func (c *checker) compare(a, b *grant) {
	if a.file() != b.file() || !a.stands() || !b.stands() {
		return
	}
	c.board.pairs.Add(1)
	if a.exclusive() || b.exclusive() {
		c.board.violation("%s is granted to worker %d (exclusive: %v) and to worker %d (exclusive: %v)",
			c.files[a.file()], a.worker, a.exclusive(), b.worker, b.exclusive())
	}
}

// askKernel asks whether a lock in the way of the grant's could be had, which must
// not be. Every so often it tries to take it.
func (c *checker) askKernel(g *grant) {
	path := c.files[g.file()]
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if g.stands() {
			c.board.violation("%s is granted to worker %d, and is not there", path, g.worker)
		}
		return
	}
	if err != nil {
		c.board.violation("open %s: %v", path, err)
		return
	}
	defer file.Close()
	// A shared lock is in the way of an exclusive one only.
	lock := unix.Flock_t{Type: unix.F_WRLCK, Len: 1}
	if g.exclusive() {
		lock.Type = unix.F_RDLCK
	}
	free := false
	switch n := c.board.checks.Add(1); {
	case n%64 == 0:
		free = unix.FcntlFlock(file.Fd(), unix.F_OFD_SETLK, &lock) == nil
	case n%64 == 32:
		free = unix.FcntlFlock(file.Fd(), unix.F_SETLK, &lock) == nil
	default:
		err := unix.FcntlFlock(file.Fd(), unix.F_OFD_GETLK, &lock)
		free = err == nil && lock.Type == unix.F_UNLCK
	}
	if free && g.stands() {
		c.board.violation("%s is granted to worker %d (exclusive: %v), and is free; the kernel has %q",
			path, g.worker, g.exclusive(), kernelLocks(file))
	}
}

// kernelLocks are the lines about a file in proc(5)'s list.
func kernelLocks(file *os.File) (lines []string) {
	var st unix.Stat_t
	if unix.Fstat(int(file.Fd()), &st) != nil {
		return nil
	}
	list, _ := os.ReadFile("/proc/locks")
	for line := range strings.Lines(string(list)) {
		if strings.Contains(line, fmt.Sprintf(":%d ", st.Ino)) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}
