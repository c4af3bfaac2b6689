package virtlock_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// house is every package and the packages of this module that it may import:
// the import rule of ARCHITECTURE.md. A package that is not here has no place
// yet.
var house = map[string][]string{
	"client/api":                {},
	"client":                    {"client/api"},
	"cmd/virt-xml-validate":     {},
	"cmd/virtlock-admin":        {"client", "client/api"},
	"cmd/virtlockd":             {"daemon"},
	"daemon":                    {"client/api", "daemon/internal/*"},
	"daemon/daemontest":         {"client", "daemon"},
	"daemon/internal/audit":     {},
	"daemon/internal/conf":      {},
	"daemon/internal/failpoint": {},
	"daemon/internal/filelock":  {},
	"daemon/internal/handover":  {"daemon/internal/failpoint", "daemon/internal/owner", "daemon/internal/peer"},
	"daemon/internal/lockspace": {"daemon/internal/failpoint", "daemon/internal/filelock"},
	"daemon/internal/logging":   {},
	"daemon/internal/owner":     {},
	"daemon/internal/peer":      {},
	"daemon/internal/virnet":    {},
	"demo":                      {"client", "client/api"},
	"test/bed":                  {"client/api"},
}

// libraries is where the modules of others may be used.
var libraries = map[string][]string{
	"golang.org/x/sys/unix":             {"*"},
	"github.com/urfave/cli/v2":          {"cmd/virtlock-admin", "cmd/virt-xml-validate"},
	"github.com/olekukonko/tablewriter": {"cmd/virtlock-admin/table.go"},
	"github.com/chzyer/readline":        {"cmd/virtlock-admin/lineedit.go"},
}

// source is a file of Go that is no test.
type source struct {
	path    string // relative to the module
	imports []string
	comment bool // on the package
}

func sources(t *testing.T) []source {
	t.Helper()
	var found []source
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "bin" || len(d.Name()) > 1 && strings.HasPrefix(d.Name(), ".")) {
			return filepath.SkipDir
		}
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		s := source{path: name, comment: f.Doc != nil}
		for _, i := range f.Imports {
			s.imports = append(s.imports, strings.Trim(i.Path.Value, `"`))
		}
		found = append(found, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("found no sources")
	}
	return found
}

// TestImportRule keeps the layers apart: who may know of whom.
func TestImportRule(t *testing.T) {
	missing := maps.Clone(house)
	defer func() {
		for pkg := range missing {
			t.Errorf("the house has no package %q any more", pkg)
		}
	}()
	for _, s := range sources(t) {
		pkg := path.Dir(s.path)
		allowed, known := house[pkg]
		delete(missing, pkg)
		if !known {
			t.Errorf("%s: package %q has no place in the house", s.path, pkg)
			continue
		}
		for _, i := range s.imports {
			if own, ok := strings.CutPrefix(i, "virtlock/"); ok && !matchesAny(allowed, own) {
				t.Errorf("%s must not import %q", s.path, i)
			}
		}
	}
}

// TestLibraries keeps the modules of others where they belong.
func TestLibraries(t *testing.T) {
	for _, s := range sources(t) {
		for _, i := range s.imports {
			if !strings.Contains(i, ".") {
				continue // the standard library, or ours
			}
			if !slices.ContainsFunc(libraries[libraryOf(i)], func(place string) bool {
				return place == "*" || place == s.path || place == path.Dir(s.path)
			}) && !strings.HasPrefix(s.path, "test/") {
				t.Errorf("%s must not import %q", s.path, i)
			}
		}
	}
}

// libraryOf is the entry of libraries that an import belongs to.
func libraryOf(imported string) string {
	for name := range libraries {
		if imported == name || strings.HasPrefix(imported, name+"/") {
			return name
		}
	}
	return ""
}

// TestPackageComments asks every package to say what it is.
func TestPackageComments(t *testing.T) {
	commented := make(map[string]bool)
	for _, s := range sources(t) {
		pkg := path.Dir(s.path)
		commented[pkg] = commented[pkg] || s.comment
	}
	for pkg, ok := range commented {
		if !ok {
			t.Errorf("package %q has no comment", pkg)
		}
	}
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return ok && err == nil
	})
}
