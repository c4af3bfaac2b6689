package lockspace

import (
	"io/fs"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is the most bytes of a name or a path: PATH_MAX of limits.h, with its
// closing NUL.
const maxName = 4095

// checkName says whether a lockspace may have a resource of that name. Names
// come from clients: one that leaves its directory or that cannot be shown as
// it is must not get further than here.
func checkName(s *space, name string) error {
	reason := badText(name)
	switch {
	case reason != "":
	case s.path == "":
		reason = badPath(name)
	case !fs.ValidPath(name) || name == ".":
		reason = `is empty, absolute, or has an empty, "." or ".." element`
	}
	if reason != "" {
		return &NameError{What: "resource name", Name: name, Reason: reason}
	}
	return nil
}

// checkDirectory says whether a lockspace may have that path.
func checkDirectory(dir string) error {
	if reason := badPath(dir); reason != "" {
		return &NameError{What: "lockspace path", Name: dir, Reason: reason}
	}
	return nil
}

func badPath(p string) string {
	if !path.IsAbs(p) {
		return "is not an absolute path"
	}
	return badText(p)
}

func badText(s string) string {
	switch {
	case len(s) > maxName:
		return "is too long"
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case strings.ContainsFunc(s, unicode.IsControl):
		return "has a control character"
	}
	return ""
}
