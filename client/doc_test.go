package client_test

import (
	"context"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"

	"virtlock/client"
	"virtlock/client/api"
)

// Example asks the daemon of the calling user. It is not run, since there may be
// none.
func Example() {
	if err := writeDisk(context.Background()); err != nil {
		fmt.Println(err)
	}
}

func writeDisk(ctx context.Context) error {
	var c client.Client
	defer c.Close()
	held, err := c.Acquire(ctx, 0, api.Resource{Name: "/srv/web01.raw"})
	if errors.Is(err, client.ErrBusy) {
		return fmt.Errorf("in use: %w", err) // err says who holds it
	}
	if err != nil {
		return err // for example no daemon to ask
	}
	defer held.Release(ctx)
	return write("/srv/web01.raw")
}

// write stands for what needs the lock.
func write(path string) error { return os.WriteFile(path, nil, 0o600) }

// TestPackageCommentCompiles finds the function of the package comment in this
// file, which the compiler sees.
func TestPackageCommentCompiles(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	for line := range strings.Lines(file.Doc.Text()) {
		if code, ok := strings.CutPrefix(line, "\t"); ok {
			shown.WriteString(code)
		}
	}
	here, err := os.ReadFile("doc_test.go")
	if err != nil {
		t.Fatal(err)
	}
	if shown.Len() == 0 || !strings.Contains(string(here), shown.String()) {
		t.Errorf("the package comment shows other code than the example:\n%s", shown.String())
	}
}
