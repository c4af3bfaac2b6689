package validate

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// makeSpecial makes what is not a regular file, or looks like none.
func makeSpecial(t *testing.T, dir string) {
	t.Helper()
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.Mkdir(in("empty.d"), 0o755),
		unix.Mkfifo(in("pipe"), 0o600),
		os.Symlink("nowhere", in("dangling")),
		os.Symlink("net.xml", in("link.xml")),
		os.WriteFile(in("unreadable.xml"), []byte(whole["network"]), 0),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// xmlFiles are the XML files below a directory, by their path in it.
func xmlFiles(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && filepath.Ext(path) == ".xml" {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("find XML files in %s: %d, %v", dir, len(files), err)
	}
	return files
}
