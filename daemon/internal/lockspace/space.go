package lockspace

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// CreateSpace makes a lockspace of a directory, which is made, with its parents
// and mode 0700, when it is missing. It fails with a *NameError, a
// *SpaceExistsError, or a *FileError: there is no lockspace without its
// directory. by is the connection that asks.
func (t *Table) CreateSpace(dir string, by uint64) error {
	if dir == "" {
		return &SpaceExistsError{dir}
	}
	if err := checkDirectory(dir); err != nil {
		return err
	}
	// Also that of a lockspace that is known: somebody may have removed it.
	if err := makeDirectory(dir); err != nil {
		return err
	}
	if t.hasSpace(dir) {
		return &SpaceExistsError{dir}
	}
	if err := t.recorder.Space(dir); err != nil {
		return &FileError{Name: Name{Name: dir}, Action: "note down", Err: err}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.addSpaceLocked(dir) {
		return &SpaceExistsError{dir}
	}
	t.observe(Change{Kind: SpaceCreated, Name: Name{Space: dir}, By: by})
	return nil
}

func (t *Table) hasSpace(dir string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.spaces[dir] != nil
}

// addSpaceLocked adds a lockspace, and reports whether it is new.
func (t *Table) addSpaceLocked(dir string) bool {
	if t.spaces[dir] != nil {
		return false
	}
	t.spaces[dir] = &space{path: dir, resources: make(map[string]*resource)}
	return true
}

func makeDirectory(dir string) error {
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		return nil
	}
	failed := &FileError{Name: Name{Name: dir}, Action: "make directory", Err: err}
	var perr *fs.PathError
	if errors.As(err, &perr) {
		failed.Err = perr.Err
	}
	if st, serr := os.Stat(dir); serr == nil && !st.IsDir() {
		failed.Err = ErrNotDirectory
	}
	return failed
}

// Space is a lockspace and how many of its resources are held.
type Space struct {
	Path  string
	Locks int
}

// Spaces lists the lockspaces by path, the direct one first.
func (t *Table) Spaces() []Space {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]Space, 0, len(t.spaces))
	for _, s := range t.spaces {
		list = append(list, Space{s.path, len(s.resources)})
	}
	slices.SortFunc(list, func(a, b Space) int { return strings.Compare(a.Path, b.Path) })
	return list
}

// spaceLocked finds a lockspace.
func (t *Table) spaceLocked(path string) (*space, error) {
	s := t.spaces[path]
	if s == nil {
		return nil, &NoSpaceError{path}
	}
	return s, nil
}
