package bed

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// privateDirs are where libvirt and virtlockd keep their files.
var privateDirs = []string{
	"/run", "/etc/libvirt", "/var/lib/libvirt", "/var/log/libvirt", "/var/cache/libvirt",
}

// enterNew moves the calling thread into the host's new namespaces.
func (h *Host) enterNew() error {
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	for _, dir := range privateDirs {
		if err := mountTmpfs(dir); err != nil {
			return err
		}
	}
	// The /sys of this network: libvirtd asks about each interface it sees there.
	if err := unix.Mount("sysfs", "/sys", "sysfs", 0, ""); err != nil {
		return fmt.Errorf("mount /sys: %w", err)
	}
	var err error
	if h.namespace, err = os.Readlink("/proc/thread-self/ns/mnt"); err != nil {
		return err
	}
	if h.mnt, err = os.Open("/proc/thread-self/ns/mnt"); err != nil {
		return err
	}
	h.net, err = os.Open("/proc/thread-self/ns/net")
	return err
}

// Do runs f on a thread inside the host: paths mean the host's files, and what
// f starts runs there.
func (h *Host) Do(f func() error) error {
	return onThread(func() error {
		// A thread may change its mounts only when it shares no cwd with others.
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return fmt.Errorf("unshare cwd: %w", err)
		}
		if err := unix.Setns(int(h.mnt.Fd()), unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("enter mount namespace: %w", err)
		}
		if err := unix.Setns(int(h.net.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter network namespace: %w", err)
		}
		return f()
	})
}

// onThread runs f on a thread that ends with it: it never unlocks the thread,
// so the runtime throws it away, namespaces and all.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		// The first thread stands for the process in /proc and is never thrown
		// away. While this goroutine sits on it the next one gets another.
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread()
			done <- onThread(f)
			return
		}
		done <- f()
	}()
	return <-done
}

// mountTmpfs mounts an empty file system in memory, for everybody to enter.
func mountTmpfs(dir string) error {
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mount tmpfs on %s: %w", dir, err)
	}
	return nil
}
