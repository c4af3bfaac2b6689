package main

import (
	"strings"
	"testing"
)

// TestBadLines asks for nothing that exists.
func TestBadLines(t *testing.T) {
	const hint = "\nhint: virt-xml-validate --help lists the options; ./"
	for line, want := range map[string]string{
		"":                 "error: needs an XML-FILE, or - for standard input\nhint: virt-xml-validate --help says how to use it\n",
		"-x.xml":           "error: unrecognized option \"-x.xml\"" + hint + "-x.xml would be a file\n",
		"-qh":              "error: unrecognized option \"-qh\"" + hint + "-qh would be a file\n",
		"-json":            "error: unrecognized option \"-json\"" + hint + "-json would be a file\n",
		"--js x":           "error: unrecognized option \"--js\"" + hint + "--js would be a file\n",
		"x --hel":          "error: unrecognized option \"--hel\"" + hint + "--hel would be a file\n",
		"--json=yes x":     "error: option \"--json\" takes no value\n",
		"--schema":         "error: option \"--schema\" needs a value\n",
		"--schema= x":      "error: option \"--schema\" needs a value that is not empty\n",
		"-q=1 x":           "error: option \"-q\" takes no value\n",
		"--schema-dir= -h": "error: option \"--schema-dir\" needs a value that is not empty\n",
	} {
		got := runLine(t, "", strings.Fields(line)...)
		compare(t, got.err, want)
		if got.status != exitUsage || got.out != "" {
			t.Errorf("%q: status %d, output %q", line, got.status, got.out)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, line := range []string{"-h", "--h", "--hel", "--help nofile", "nofile -h", "-q --help"} {
		got := runLine(t, "", strings.Fields(line)...)
		if got.status != exitOK || got.err != "" || !strings.HasPrefix(got.out, programName+" [OPTION...] XML-FILE [SCHEMA-NAME]\n") {
			t.Errorf("%q: %+v", line, got)
		}
	}
	for _, line := range []string{"-V", "--v", "--version"} {
		compare(t, runLine(t, "", line).out, "virt-xml-validate (virtlock) "+version+"\n")
	}
}
