package client_test

import (
	"bufio"
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"virtlock/client/api"
	"virtlock/daemon/daemontest"
)

func manPage(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../man/virtlock-protocol.7")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestManPageNamesAll finds every word that package api puts on the wire in the
// man page: methods, codes, types and members.
func TestManPageNamesAll(t *testing.T) {
	page := manPage(t)
	files, err := filepath.Glob("api/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no source of package api:", err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range wireWords(file) {
			if !regexp.MustCompile(`(^|[^\w.])` + regexp.QuoteMeta(word) + `($|[^\w.])`).MatchString(page) {
				t.Errorf("%s: %q is not in the man page", name, word)
			}
		}
	}
}

// wireWords are the string constants and the names of JSON members in a file.
func wireWords(file *ast.File) []string {
	var words []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			if n.Tag != nil {
				tag, _ := strconv.Unquote(n.Tag.Value)
				name, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
				words = append(words, name)
			}
			return false
		case *ast.BasicLit:
			if n.Kind == token.STRING {
				word, _ := strconv.Unquote(n.Value)
				words = append(words, word)
			}
		}
		return true
	})
	return words
}

// example returns the example of the man page with the given text in it, made
// for a daemon and for images in a directory.
func example(t *testing.T, d *daemontest.Daemon, images, text string) string {
	t.Helper()
	for _, part := range strings.Split(manPage(t), "\n.Bd -literal")[1:] {
		_, part, _ = strings.Cut(part, "\n")
		part, _, _ = strings.Cut(part, ".Ed\n")
		if !strings.Contains(part, text) {
			continue
		}
		return strings.NewReplacer(
			`\e`, `\`, "/run/libvirt/virtlockd-sock", d.Socket, "/srv/", images+"/",
		).Replace(part)
	}
	t.Fatalf("no example has %q", text)
	return ""
}

// exampleHouse is a daemon and the images of the examples.
func exampleHouse(t *testing.T) (d *daemontest.Daemon, images string) {
	t.Helper()
	images = t.TempDir()
	for _, name := range []string{"web01.raw", "web02.raw"} {
		if err := os.WriteFile(filepath.Join(images, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return daemontest.Start(t), images
}

// TestManSession types the session of the man page and compares the answers,
// but for what differs from host to host.
func TestManSession(t *testing.T) {
	d, images := exampleHouse(t)
	lines := strings.Split(strings.TrimSpace(example(t, d, images, "# socat -")), "\n")
	command := strings.TrimPrefix(lines[0], "# ")
	cmd := exec.Command("sh", "-c", command)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewScanner(out)
	for _, line := range lines[1:] {
		if typed, ok := strings.CutPrefix(line, "-> "); ok {
			_, _ = in.Write([]byte(typed + "\n"))
			continue
		}
		if !answers.Scan() {
			t.Fatalf("no answer, want %s", line)
		}
		if got, want := sameEverywhere(t, answers.Text()), sameEverywhere(t, line); !reflect.DeepEqual(got, want) {
			t.Errorf("the answer is\n%s\nthe man page has\n%s", answers.Text(), line)
		}
	}
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// sameEverywhere decodes an answer and evens out what depends on the host.
func sameEverywhere(t *testing.T, line string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(line), &v); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	return evenOut(v)
}

func evenOut(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = evenOut(v[i])
		}
	case map[string]any:
		for name := range v {
			switch name {
			case "pid", "client", "inode", "device", "since", "message", "hint":
				v[name] = nil
			default:
				v[name] = evenOut(v[name])
			}
		}
	}
	return v
}

// runExample runs a script of the man page with bash.
func runExample(t *testing.T, script string) string {
	t.Helper()
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", script)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, script)
	}
	return string(out)
}

func TestManList(t *testing.T) {
	d, images := exampleHouse(t)
	c := d.Client(t)
	c.Owner.Name = "web01"
	acquire(t, c, api.Resource{Name: images + "/web01.raw"})
	if got, want := runExample(t, example(t, d, images, "lock.list")), images+"/web01.raw\texclusive\tweb01\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestManWait(t *testing.T) {
	d, images := exampleHouse(t)
	got := runExample(t, example(t, d, images, "coproc")+`ask lock.list '{"owner": "backup"}'; jq -r '.result.locks[].mode' <<<"$reply"`)
	if want := "shared\nshared\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestManFollow(t *testing.T) {
	d, images := exampleHouse(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", example(t, d, images, "event.subscribe"))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := d.Client(t)
	c.Owner.Name = "web01"
	for {
		status, err := c.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if status.Subscribers == 1 {
			break
		}
	}
	if err := acquire(t, c, api.Resource{Name: images + "/web01.raw"}).Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for _, want := range []api.EventType{api.EventLockAcquired, api.EventLockReleased} {
		if !lines.Scan() || !strings.HasSuffix(lines.Text(), "\t"+string(want)+"\t"+images+"/web01.raw\tweb01") {
			t.Errorf("line %q, want a %s", lines.Text(), want)
		}
	}
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
