package bed

import (
	"crypto/rand"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// controlGroup is one of our own. A lock on its directory says that it is in use:
// it stays when a test is killed, which the lock does not.
type controlGroup struct {
	path string
	lock *os.File
}

// groupName begins the names of our control groups.
const groupName = "virtlock-test-"

// newControlGroups makes a control group in each hierarchy that systemd keeps its
// services in: there is one, or two where it is that of old kernels with the new
// one beside it. They have one name, as systemd-nspawn wants it.
func newControlGroups(t testing.TB) []controlGroup {
	t.Helper()
	name := groupName + rand.Text()
	var groups []controlGroup
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"} {
		if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err != nil {
			continue
		}
		removeOldGroups(root)
		path := filepath.Join(root, name)
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatalf("make control group: %v", err)
		}
		group, err := takeGroup(path)
		if err != nil {
			t.Fatalf("take control group: %v", err)
		}
		groups = append(groups, group)
	}
	return groups
}

// takeGroup takes the lock of a control group, unless somebody has it.
func takeGroup(path string) (controlGroup, error) {
	lock, err := os.Open(path)
	if err == nil {
		err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if err != nil {
		lock.Close()
	}
	return controlGroup{path, lock}, err
}

// removeOldGroups removes what tests have left that were killed.
func removeOldGroups(root string) {
	old, _ := filepath.Glob(filepath.Join(root, groupName+"*"))
	for _, path := range old {
		if group, err := takeGroup(path); err == nil {
			group.remove()
			group.lock.Close()
		}
	}
}

// removeControlGroups removes control groups whose processes are about to end.
func removeControlGroups(t testing.TB, groups []controlGroup) {
	for _, group := range groups {
		Eventually(t, "the control group is gone", group.remove)
		group.lock.Close()
	}
}

// remove removes a control group and those in it, and reports whether it is gone.
// The kernel keeps one that has processes.
func (g controlGroup) remove() bool {
	var dirs []string
	filepath.WalkDir(g.path, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, name)
		}
		return nil
	})
	for _, dir := range slices.Backward(dirs) {
		os.Remove(dir)
	}
	_, err := os.Stat(g.path)
	return os.IsNotExist(err)
}
