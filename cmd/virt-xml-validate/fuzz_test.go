package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// FuzzReadDocument reads anything as a document.
func FuzzReadDocument(f *testing.F) {
	for _, seed := range []string{
		network, laughs(), external, wide16(external), wide16(network), "<!DOCTYPE network>" + network,
		"<?xml version='1.0' encoding='ISO-8859-1'?>" + network, "<!-- a -- b -->" + network, "<?x?><a", "\xef\xbb\xbf<a/>",
		"\x1f\x8b\x08", "]\x00", "<!DOCTYPE a [", "<!---->", "<!-->-->", "<?" + external + "?><a/>", "", " ", "<", "<a",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		d, err := readDocument(bytes.NewReader(content))
		if err != nil {
			return
		}
		if len(d.root) > nameLimit || strings.ContainsAny(d.root, nameEnds) {
			t.Errorf("root %q", d.root)
		}
	})
}

// FuzzFindRoot lets libxml2 see what is not refused: it must find no entity there
// and read no other file. Where it reads the document to its end, a root was
// found here too.
func FuzzFindRoot(f *testing.F) {
	for _, seed := range []string{
		network, "<!DOCTYPE network>" + network, "<!-- <a> --><b/>", "<?a <b> ?><c/>", "\n\n<a:b xmlns:a='x'/>", "<a\n/>", "<é/>",
		external, "<!DOCTYPE>[", "<? <!DOCTYPE a SYSTEM 'b'><a/>?><b/>", wide16(external), "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
	} {
		f.Add([]byte(seed))
	}
	path, err := exec.LookPath(xmllint)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		d, err := readDocument(bytes.NewReader(content))
		if err != nil || len(content) > 4096 {
			return
		}
		a, err := linter{path}.run(t.Context(), d.bytes, "--debugent", "--load-trace", "-")
		if err != nil {
			return
		}
		others := bytes.ReplaceAll(a.err, []byte(`Loaded URL="-"`), nil)
		if bytes.Contains(others, []byte("\nEntities in")) || bytes.Contains(others, []byte("\nLoaded URL")) {
			t.Errorf("libxml2 sees entities or other files: %q\n%s", content, a.err)
		}
		if a.status == exitOK {
			sameRoot(t, linter{path}, d)
		}
	})
}

// sameRoot compares the root with libxml2's, for a name in ASCII.
func sameRoot(t *testing.T, l linter, d *document) {
	t.Helper()
	a, err := l.run(t.Context(), d.bytes, "--stream", "--debug", "-")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(append([]byte("\n"), a.out...), []byte("\n0 1 "))
	name, _, _ := bytes.Cut(after, []byte(" "))
	if ascii := !strings.ContainsFunc(string(name), func(r rune) bool { return r > 126 }); ascii && string(name) != d.root {
		t.Errorf("root %q, but libxml2 finds %q in %q", d.root, name, d.bytes)
	}
}

// FuzzReadMessages reads anything as xmllint's words, and shows it safely.
func FuzzReadMessages(f *testing.F) {
	for _, seed := range []string{
		"-:3: element foo: Relax-NG validity error : Element network has extra content: foo\n- fails to validate\n",
		"Relax-NG validity error : Extra element ip in interleave\n",
		"-:1: parser error : Opening and ending tag mismatch: a line 1 and b\n<a></b>\n      ^\n",
		"-:1: element a: Relax-NG validity error : Type string doesn't allow value 'a\nb'\n",
		"-:1: namespace error : Namespace prefix u on x is not defined\n", "-:x: parser error : y", "- validates", "-:1: element a", "\x1b[31m", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, output []byte) {
		messages := readMessages(output)
		for _, list := range [][]problem{syntaxProblems(messages, output), plainProblems(messages)} {
			for _, p := range list {
				safe(t, p.String())
			}
			if len(list) > problemLimit {
				t.Errorf("%d problems", len(list))
			}
		}
		safe(t, strings.NewReplacer("\n", "", "\t", "").Replace(rawText("a\x1b", output)))
	})
}

// safe fails for a text that would play tricks on a terminal.
func safe(t *testing.T, text string) {
	t.Helper()
	if strings.ContainsFunc(text, isTrick) {
		t.Errorf("not safe to show: %q", text)
	}
}

// FuzzTree takes apart documents as if they were well formed, and puts them
// together without their parts.
func FuzzTree(f *testing.F) {
	for _, seed := range []string{network, guest, "<a b='c' d=\"e>\"/>", "<a/>", "<a><![CDATA[<b>]]></a>", "<a></a></a>", "<a b=c/>", "<é x='ü'>ö</é>"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		tree := readTree(&document{bytes: text, text: text})
		if tree == nil {
			return
		}
		if spread := tree.spread(); len(spread) != len(text)+len(tree.elements) {
			t.Errorf("spread to %q", spread)
		}
		for _, e := range tree.elements {
			safe(t, problem{Message: "x"}.in(e).String())
			for _, p := range partsOf(e) {
				if start, end := p.span(); len(tree.without([]part{p})) != len(text)-(end-start) {
					t.Errorf("left out %q", text[start:end])
				}
			}
		}
	})
}
