package main

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
)

// scanned is a process and those of its files that were looked for.
type scanned struct {
	process
	files []openFile
}

// scan looks through all processes for descriptors of wanted files. hidden is
// how many processes may not be looked into: those of other users, for who is
// not root.
func scan(wanted func(fileID) bool) (found []scanned, hidden int, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, 0, err
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		files, err := openFiles(pid, wanted)
		if errors.Is(err, fs.ErrPermission) {
			hidden++
		}
		if len(files) > 0 {
			found = append(found, scanned{findProcess(pid), files})
		}
	}
	return found, hidden, nil
}

// locks are the locks of a process, each once: the kernel shows one that belongs
// to the process at each of its descriptors.
func (s scanned) locks() []kernelLock {
	var list []kernelLock
	for _, f := range s.files {
		for _, l := range f.Locks {
			if !hasLock(list, l) {
				list = append(list, l)
			}
		}
	}
	return list
}

func hasLock(list []kernelLock, l kernelLock) bool {
	for _, other := range list {
		if other.Kind == l.Kind && other.Write == l.Write && other.First == l.First && other.last() == l.last() {
			return true
		}
	}
	return false
}
