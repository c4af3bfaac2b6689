package chaos

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
)

const workers = 12

// board is memory that all processes of the test share.
type board struct {
	stop       atomic.Uint64 // 1: the workers, 2: the checker
	checks     atomic.Uint64 // of a grant, by the checker
	pairs      atomic.Uint64 // grants of one file that it compared
	violations atomic.Uint64
	workers    [workers]slot
}

// slot is a worker's part.
type slot struct {
	// life is even while the worker lives, and odd from just before it is killed
	// until there is a new one: what it says then means nothing.
	life atomic.Uint64
	// claims are what is granted to it just now: written after the answer, and
	// cleared before the release is asked for.
	claims [2]atomic.Uint64
	counts [tallies]atomic.Uint64
}

// tally is what a worker counts.
type tally int

const (
	requests tally = iota
	replies
	ends // requests whose connection ended
	cut  // requests whose worker was killed
	grants
	refusals
	waits // grants that were waited for
	releases
	unknown // acquires whose connection ended
	unknownHeld
	claimed  // connections whose locks were claimed
	across   // locks held across the end of their connection
	tallies_ // none
	tallies  = int(tallies_)
)

var tallyNames = [tallies]string{
	"requests", "replies", "ends", "cut", "grants", "refusals", "waits", "releases", "unknown", "unknownHeld", "claimed", "across",
}

func (s *slot) count(what tally) { s.counts[what].Add(1) }

// A claim has a number that makes each one unique, a mode and a file.
const (
	claimExclusive = 1 << 8
	claimNumber    = 16 // first bit
)

// newBoard makes the board in a file.
func newBoard(path string) (*board, error) {
	if err := os.WriteFile(path, make([]byte, unsafe.Sizeof(board{})), 0o644); err != nil {
		return nil, err
	}
	return openBoard(path)
}

func openBoard(path string) (*board, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b, err := unix.Mmap(int(file.Fd()), 0, int(unsafe.Sizeof(board{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return (*board)(unsafe.Pointer(&b[0])), nil
}

// violation reports what must not be.
func (b *board) violation(format string, args ...any) {
	b.violations.Add(1)
	fmt.Printf("VIOLATION: "+format+"\n", args...)
}

// Where everything is, below the directory of the test.
func boardPath(dir string) string { return filepath.Join(dir, "board") }
func spacePath(dir string) string { return filepath.Join(dir, "leases") }

const (
	images = 4
	leases = 3
)

// resources are what is locked: images, and leases that are made for the lock.
func resources(dir string) (list []api.Resource) {
	for i := range images {
		list = append(list, api.Resource{Name: filepath.Join(dir, fmt.Sprintf("%d.img", i))})
	}
	for i := range leases {
		list = append(list, api.Resource{Lockspace: spacePath(dir), Name: fmt.Sprint("lease", i), Autocreate: true})
	}
	return list
}

// part is a process of the test: its environment says which.
type part struct {
	dir    string
	number int
	seed   uint64
}

const (
	dirVariable    = "VIRTLOCK_CHAOS_DIR"
	numberVariable = "VIRTLOCK_CHAOS_NUMBER"
	seedVariable   = "VIRTLOCK_CHAOS_SEED"
)

func (p part) command(role string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleVariable+"="+role, dirVariable+"="+p.dir, "GOMAXPROCS=2",
		numberVariable+"="+strconv.Itoa(p.number), seedVariable+"="+strconv.FormatUint(p.seed, 10))
	return cmd
}

func thisPart() (p part, b *board, err error) {
	p.dir = os.Getenv(dirVariable)
	p.number, _ = strconv.Atoi(os.Getenv(numberVariable))
	p.seed, _ = strconv.ParseUint(os.Getenv(seedVariable), 10, 64)
	b, err = openBoard(boardPath(p.dir))
	return p, b, err
}
