package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// addDirectory adds the XML files of a directory and of those below it. Links to
// files are followed, links to directories are not: they could lead round in
// circles. A directory without any is as good as a file that does not exist.
func (j *job) addDirectory(dir string) {
	before := len(j.files)
	walk := func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			j.missing = append(j.missing, missingResult(path, cause(err)))
		case strings.HasSuffix(path, ".xml") && isFile(path):
			j.files = append(j.files, path)
		}
		return nil
	}
	_ = filepath.WalkDir(dir, walk) // walk returns none
	j.several = true
	if len(j.files) == before && len(j.missing) == 0 {
		j.missing = append(j.missing, missingResult(dir, "no file in it has a name that ends with .xml"))
	}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
