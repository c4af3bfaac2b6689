package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// laughs is a document of a kilobyte with an entity of a gigabyte.
func laughs() string {
	var s strings.Builder
	s.WriteString("<!DOCTYPE network [<!ENTITY a0 \"lol\">")
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&s, "<!ENTITY a%d %q>", i, strings.Repeat(fmt.Sprintf("&a%d;", i-1), 10))
	}
	return s.String() + "]><network><name>&a9;</name></network>"
}

// wide16 is ASCII in UTF-16.
func wide16(text string) string {
	var s strings.Builder
	s.WriteString("\xff\xfe")
	for _, c := range []byte(text) {
		s.Write([]byte{c, 0})
	}
	return s.String()
}

func packed(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write([]byte(text))
	if closed := w.Close(); err != nil || closed != nil {
		t.Fatal(err, closed)
	}
	return out.String()
}

const external = "<!DOCTYPE network [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><network><name>&a;</name></network>"

// TestHostile gives documents that must not be read as they ask for. libxml2
// never sees those that are refused.
func TestHostile(t *testing.T) {
	tests := map[string]struct{ doc, verdict string }{
		"Laughs":           {laughs(), "refused"},
		"ExternalFile":     {external, "refused"},
		"ExternalType":     {"<!DOCTYPE network SYSTEM 'file:///etc/passwd'>" + network, "refused"},
		"PublicType":       {"<!DOCTYPE network PUBLIC 'x' 'http://127.0.0.1:1/'>" + network, "refused"},
		"Parameter":        {"<!DOCTYPE network [<!ENTITY % a SYSTEM 'http://127.0.0.1:1/'>%a;]>" + network, "refused"},
		"AfterComment":     {"<!-- x --><?y ?>\n" + external, "refused"},
		"AfterNameless":    {"<?" + external + "?>" + network, "refused"},
		"AfterForeign":     {"<?\u00d7" + external + "?>" + network, "refused"},
		"AfterGarbage":     {"<!x>" + external, "refused"},
		"SecondType":       {"<!DOCTYPE network>" + external, "refused"},
		"Wide":             {wide16(external), "refused"},
		"Compressed":       {packed(t, external), "refused"},
		"CompressedTwice":  {packed(t, packed(t, external)), "not_well_formed"},
		"OtherCompression": {"\xfd7zXZ\x00" + external, "refused"},
		"OtherEncoding":    {"<?xml version='1.0' encoding='UTF-7'?>+ADw-!DOCTYPE+AD4-" + network, "refused"},
		"ChangedEncoding":  {"<?xml version='1.0' encoding='UTF-16LE'?>" + wide16(external), "refused"},
		"OpenType":         {"<!DOCTYPE network", "refused"},
		"Deep":             {strings.Repeat("<network>", 1_000_000), "not_well_formed"},
		"Big":              {"<network>" + strings.Repeat(" ", 100<<20) + "</network>", "refused"},
		"BigUnpacked":      {packed(t, strings.Repeat(" ", 100<<20)), "refused"},
		"ManyElements":     {"<network>" + strings.Repeat("<a/>", 4<<20-10) + "</network>", "invalid"},
		"ManyAttributes":   {"<network a='" + strings.Repeat("1' b='", 1<<16) + "'/>", "not_well_formed"},
		"Catalog":          {"<?oasis-xml-catalog catalog='http://127.0.0.1:1/'?>" + network, "valid"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := newFile(t, "hostile.xml", test.doc)
			for _, words := range [][]string{{path}, {path, "network"}} { // found and named
				started := time.Now()
				got := runLine(t, "", append(words, "--json")...)
				if !strings.Contains(got.out, fmt.Sprintf("\"verdict\": %q", test.verdict)) {
					t.Errorf("not %s: %.600s%.600s", test.verdict, got.out, got.err)
				}
				if took := time.Since(started); took > timeLimit {
					t.Errorf("took %v", took)
				}
				if strings.Contains(got.out, "root:") {
					t.Error("told what stands in /etc/passwd")
				}
			}
		})
	}
}

// TestNobodyIsCalled listens where a document wants something fetched from.
func TestNobodyIsCalled(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	called := make(chan struct{})
	go func() {
		defer close(called)
		if c, err := l.Accept(); err == nil {
			t.Error("somebody called")
			_ = c.Close()
		}
	}()
	url := "http://" + l.Addr().String() + "/"
	for _, doc := range []string{
		"<!DOCTYPE network SYSTEM '" + url + "'>" + network,
		"<?oasis-xml-catalog catalog='" + url + "'?><!DOCTYPE network>" + network,
		"<?xml-stylesheet href='" + url + "'?>" + network,
		"<network xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='" + url + "'/></network>",
		"<network xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:schemaLocation='x " + url + "'/>",
	} {
		runLine(t, doc, "-", "network")
	}
	_ = l.Close()
	<-called
}

// TestBoundsOfXmllint runs something else in the place of xmllint, which never
// ends, takes all memory, or talks without end.
func TestBoundsOfXmllint(t *testing.T) {
	for name, test := range map[string]struct{ script, want string }{
		"Processor": {"cat >/dev/null; ulimit -t >&2; exit 9", "xmllint failed with status 9: 20\n"},
		"Memory":    {"cat >/dev/null; ulimit -v >&2; exit 9", "xmllint failed with status 9: 1048576\n"},
		"Lower":     {"ulimit -t 1; while :; do :; done", "ended by signal"},
		"Output":    {"yes | head -c 100000000 >&2; exit 9", "xmllint failed with status 9: y\n"},
		"File":      {"cat >/dev/null; echo x >" + filepath.Join(t.TempDir(), "written") + "; kill -9 $$", "ended by signal"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			script := "#!/bin/sh\nPATH=/usr/bin:/bin\n" + test.script + "\n"
			if err := os.WriteFile(filepath.Join(dir, "xmllint"), []byte(script), 0o700); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", dir)
			got := runLine(t, network, "-")
			if got.status != exitFailed || !strings.Contains(got.err, test.want) || len(got.err) > 4096 {
				t.Errorf("status %d, %.600s", got.status, got.err)
			}
		})
	}
}

// TestManyLines has a fault at the end of a document of nothing but ends of lines.
func TestManyLines(t *testing.T) {
	text := append(bytes.Repeat([]byte("\n"), 4<<20), "<network>&</network>"...)
	m := message{line: 4<<20 + 1, text: "xmlParseEntityRef: no name", shown: []string{"<network>&</network>", "          ^"}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	list := syntaxProblems([]message{m}, text)
	runtime.ReadMemStats(&after)
	if len(list) != 1 || list[0].Line != 4<<20+1 || list[0].Column != 11 {
		t.Errorf("%+v", list)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("took %d bytes", took)
	}
}

// TestXmllintLeavesAChild gives up a script in the place of xmllint, which does not
// read and whose child stays behind with its pipes.
func TestXmllintLeavesAChild(t *testing.T) {
	dir := t.TempDir()
	fifo, script := filepath.Join(dir, "fifo"), filepath.Join(dir, "xmllint")
	err := unix.Mkfifo(fifo, 0o600)
	if err == nil {
		err = os.WriteFile(script, []byte("#!/bin/sh\nPATH=/usr/bin:/bin\ncat "+fifo+"\n"), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	child := make(chan *os.File)
	go func() {
		writer, err := os.OpenFile(fifo, os.O_WRONLY, 0) // once the child is there
		if err != nil {
			t.Error(err)
		}
		cancel()
		child <- writer
	}()
	_, err = linter{script}.run(ctx, make([]byte, 1<<20))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("run: %v", err)
	}
	_ = (<-child).Close() // which ends it
}

func TestNoXmllint(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	got := runLine(t, network, "-")
	compare(t, got.err, "error: find xmllint, which does the checking: executable file not found in $PATH\n"+
		"hint: install it: apt install libxml2-utils, dnf install libxml2, zypper install libxml2-tools\n")
	if got.status != exitFailed {
		t.Errorf("status %d", got.status)
	}
}
