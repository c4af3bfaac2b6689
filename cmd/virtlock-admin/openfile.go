package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// openFile is a file descriptor of a process.
type openFile struct {
	FD int `json:"fd"`
	// Name is the file's name when it was opened, as the kernel shows it now.
	Name  string       `json:"name"`
	Read  bool         `json:"read"`
	Write bool         `json:"write"`
	Locks []kernelLock `json:"-"`
	id    fileID
}

// openFiles are the descriptors of a process that lead to wanted files, with
// their locks. It fails when the process is gone, or another user's.
func openFiles(pid int, wanted func(fileID) bool) ([]openFile, error) {
	dir, err := os.Open(procFile(pid, "fd"))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	var list []openFile
	for _, name := range names {
		link := filepath.Join(dir.Name(), name)
		id, err := identify(link)
		if err != nil || !wanted(id) { // it was closed meanwhile
			continue
		}
		f := openFile{id: id}
		f.FD, _ = strconv.Atoi(name)
		f.Name, _ = os.Readlink(link)
		f.readInfo(procFile(pid, "fdinfo/"+name))
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b openFile) int { return a.FD - b.FD })
	return list, err
}

// readInfo reads how the descriptor was opened and its locks.
func (f *openFile) readInfo(path string) {
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch key {
		case "flags":
			flags, _ := strconv.ParseUint(value, 8, 64)
			how := flags & unix.O_ACCMODE
			f.Read, f.Write = how != unix.O_WRONLY, how != unix.O_RDONLY
		case "lock":
			if l, ok := parseKernelLock(value); ok {
				f.Locks = append(f.Locks, l)
			}
		}
	}
}

// use says in words how the file is open.
func (f openFile) use() string {
	switch {
	case f.Read && f.Write:
		return "for reading and writing"
	case f.Write:
		return "for writing"
	}
	return "for reading"
}
