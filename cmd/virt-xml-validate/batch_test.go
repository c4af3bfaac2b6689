package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// set makes a directory with files, by their path in it, and goes there.
func set(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for path, text := range files {
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil {
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestSeveral names files in all ways, good and bad ones.
func TestSeveral(t *testing.T) {
	set(t, map[string]string{
		"a.xml": network, "b.xml": "<network/>", "c.xml": "<network>", "d/e.xml": network, "d/f/g.xml": network,
		"d/note.txt": "x", "network": network, "empty/x": "", "[.xml": network,
	})
	bad := "b.xml:1:1: /network: an element is missing in it; expected: name\nb.xml fails to validate\n"
	cut := "c.xml:1:10: the file ends before element \"network\" of line 1 does\nc.xml is not well-formed XML\n"
	tests := map[string]struct {
		words, want string
		status      int
	}{
		"Two":             {"a.xml ./b.xml", "a.xml validates\n./" + strings.ReplaceAll(bad, "\nb", "\n./b") + "1 of 2 files validate\n", 3},
		"FileAndSchema":   {"a.xml network", "a.xml validates\n", 0},
		"FileForced":      {"a.xml ./network", "a.xml validates\n./network validates\n2 of 2 files validate\n", 0},
		"ThreeAreFiles":   {"a.xml network b.xml", "a.xml validates\nnetwork validates\n" + bad + "2 of 3 files validate\n", 3},
		"Option":          {"--schema network a.xml network", "a.xml validates\nnetwork validates\n2 of 2 files validate\n", 0},
		"Worst":           {"a.xml c.xml none.xml", "a.xml validates\n" + cut + "none.xml: no such file or directory\n1 of 3 files validate\n", 2},
		"Directory":       {"d", "d/e.xml validates\nd/f/g.xml validates\n2 of 2 files validate\n", 0},
		"Nothing":         {"empty", "empty: no file in it has a name that ends with .xml\n0 of 1 file validate\n", 2},
		"Glob":            {"[ab].xml", "a.xml validates\n" + bad + "1 of 2 files validate\n", 3},
		"GlobOfDirectory": {"[ad]*", "a.xml validates\nd/e.xml validates\nd/f/g.xml validates\n3 of 3 files validate\n", 0},
		"GlobOfNone":      {"z*.xml", "z*.xml: no such file or directory\n", 2},
		"NoPattern":       {"[.xml", "[.xml validates\n", 0},
		"Quiet":           {"-q a.xml b.xml", bad + "1 of 2 files validate\n", 3},
		"QuietGood":       {"-q a.xml d", "", 0},
		"QuietRaw":        {"-q --raw a.xml", "", 0},
		"Twice":           {"- a.xml -", "error: standard input can be read only once\n", 1},
		"WithInput":       {"a.xml -", "a.xml validates\n- validates\n2 of 2 files validate\n", 0},
		"OptionsAfter":    {"a.xml --quiet", "", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := runLine(t, network, strings.Fields(test.words)...)
			compare(t, got.err, test.want)
			if got.status != test.status || got.out != "" {
				t.Errorf("status %d, want %d, output %q", got.status, test.status, got.out)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	set(t, map[string]string{"a.xml": network, "b.xml": "<network>\n<name>x</name><foo/></network>"})
	got := runLine(t, "", "--json", "a.xml", "b.xml", "c.xml")
	compare(t, got.out, `{
  "files": [
    {
      "file": "a.xml",
      "verdict": "valid",
      "status": 0,
      "schema": "network"
    },
    {
      "file": "b.xml",
      "verdict": "invalid",
      "status": 3,
      "schema": "network",
      "problems": [
        {
          "line": 2,
          "column": 15,
          "path": "/network/foo",
          "message": "element \"network\" has no place for \"foo\" here"
        }
      ]
    },
    {
      "file": "c.xml",
      "verdict": "missing",
      "status": 2,
      "reason": "no such file or directory"
    }
  ],
  "valid": 1,
  "failed": 2,
  "status": 3
}
`)
	if got.status != 3 || got.err != "" {
		t.Errorf("status %d, error %q", got.status, got.err)
	}
}

// TestOrder checks many files side by side.
func TestOrder(t *testing.T) {
	files := make(map[string]string)
	for i := range 60 {
		files[fmt.Sprintf("%02d.xml", i)] = network
	}
	set(t, files)
	var all struct{ Files []result }
	if err := json.Unmarshal([]byte(runLine(t, "", "--json", ".").out), &all); err != nil {
		t.Fatal(err)
	}
	for i, r := range all.Files {
		if r.File != fmt.Sprintf("%02d.xml", i) || r.Verdict != valid {
			t.Errorf("result %d is %s of %s", i, r.Verdict, r.File)
		}
	}
	if len(all.Files) != 60 {
		t.Errorf("%d results", len(all.Files))
	}
}

// TestSchemaPlaces looks where the schemas are taken from.
func TestSchemaPlaces(t *testing.T) {
	const any = `<element name="network" xmlns="http://relaxng.org/ns/structure/1.0"><text/></element>`
	set(t, map[string]string{"option/network.rng": any, "variable/network.rng": any, "a.xml": "<network>x</network>", "broken/network.rng": "<x/>"})
	for _, test := range []struct {
		variable string
		words    string
		status   int
	}{
		{"", "a.xml", exitInvalid},
		{"variable", "a.xml", exitOK},
		{"nowhere", "a.xml", exitNoSchema},
		{"nowhere", "--schema-dir option a.xml", exitOK},
		{"variable", "--schema-dir=nowhere a.xml", exitNoSchema},
		{"", "--schema-dir broken a.xml", exitFailed},
		{"", "--schema=nosuch a.xml", exitNoSchema},
	} {
		t.Setenv(schemaDirVariable, test.variable)
		if got := runLine(t, "", strings.Fields(test.words)...); got.status != test.status {
			t.Errorf("%+v: status %d: %s", test, got.status, got.err)
		}
	}
}
