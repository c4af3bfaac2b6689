package validate

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"regexp"
	"strings"
	"unicode/utf16"
)

// The parts of a whole document that are changed.
var (
	startTag  = regexp.MustCompile(`<[A-Za-z]+`)
	firstLeaf = regexp.MustCompile(`(?m)^  <.*/>\n|^  <(\w+)[^>]*>[^<]*</\w+>\n`)
	anyValue  = regexp.MustCompile(`='[^']*'`)
	anyText   = regexp.MustCompile(`>[^<>\n]+<`)
	rootEnd   = regexp.MustCompile(`</\w+>\n$`)
)

// replaceFirst replaces what is found first.
func replaceFirst(what *regexp.Regexp, doc, with string) string {
	at := what.FindStringIndex(doc)
	if at == nil {
		return doc
	}
	return doc[:at[0]] + with + doc[at[1]:]
}

// beforeEnd puts something before the end tag of the root.
func beforeEnd(doc, more string) string {
	at := rootEnd.FindStringIndex(doc)
	return doc[:at[0]] + more + doc[at[0]:]
}

// withRoot returns the document with another name for its root.
func withRoot(doc, name string) string {
	old := startTag.FindString(doc)[1:]
	doc = strings.Replace(doc, "<"+old, "<"+name, 1)
	return rootEnd.ReplaceAllLiteralString(doc, "</"+name+">\n")
}

// variants are ways to change a document: most of them break it, and some leave
// it as it was for whoever reads XML.
var variants = map[string]func(doc string) string{
	"whole":            func(doc string) string { return doc },
	"UnknownElement":   func(doc string) string { return beforeEnd(doc, "  <fnord/>\n") },
	"UnknownElements":  func(doc string) string { return beforeEnd(doc, "  <fnord><a b='c'/></fnord>\n  <other/>\n") },
	"UnknownAttribute": func(doc string) string { return replaceFirst(regexp.MustCompile(`>`), doc, " fnord='1'>") },
	"MissingElement":   func(doc string) string { return replaceFirst(firstLeaf, doc, "") },
	"TwiceAnElement": func(doc string) string {
		return replaceFirst(firstLeaf, doc, strings.Repeat(firstLeaf.FindString(doc), 2))
	},
	"WrongAttribute":   func(doc string) string { return replaceFirst(anyValue, doc, "='no such value'") },
	"EmptyAttribute":   func(doc string) string { return replaceFirst(anyValue, doc, "=''") },
	"MissingAttribute": func(doc string) string { return replaceFirst(regexp.MustCompile(` \w+='[^']*'`), doc, "") },
	"WrongText":        func(doc string) string { return replaceFirst(anyText, doc, ">no/such\x20value<") },
	"AllTextWrong":     func(doc string) string { return anyText.ReplaceAllLiteralString(doc, ">?<") },
	"StrayText":        func(doc string) string { return beforeEnd(doc, "stray") },
	"NoContent":        func(doc string) string { return "<" + startTag.FindString(doc)[1:] + "/>" },
	"CutEarly":         func(doc string) string { return doc[:len(doc)/3] },
	"CutLate":          func(doc string) string { return doc[:len(doc)-3] },
	"CutFarIn":         func(doc string) string { return doc[:len(doc)-9] + strings.Repeat(" \n", 600) },
	"BadEndTag":        func(doc string) string { return rootEnd.ReplaceAllLiteralString(doc, "</fnord>\n") },
	"BadEndTagFarIn": func(doc string) string {
		return rootEnd.ReplaceAllLiteralString(doc, "<!-- "+strings.Repeat("far ", 1200)+"--></fnord>\n")
	},
	"SecondRoot":     func(doc string) string { return doc + doc },
	"TextAfter":      func(doc string) string { return doc + "more" },
	"BareAmpersand":  func(doc string) string { return beforeEnd(doc, "a & b") },
	"UnknownEntity":  func(doc string) string { return beforeEnd(doc, "&fnord;") },
	"BadByte":        func(doc string) string { return beforeEnd(doc, "\xff") },
	"ZeroByte":       func(doc string) string { return beforeEnd(doc, "\x00") },
	"ZeroByteAfter":  func(doc string) string { return doc + "\x00" },
	"ZeroByteFarIn":  func(doc string) string { return strings.TrimSpace(doc) + strings.Repeat(" ", 600) + "\x00<" },
	"TwiceAttribute": func(doc string) string { return replaceFirst(regexp.MustCompile(`>`), doc, " a='1' a='2'>") },
	"UnboundPrefix":  func(doc string) string { return beforeEnd(doc, "  <n:fnord/>\n") },
	"OtherNamespace": func(doc string) string { return replaceFirst(regexp.MustCompile(`>`), doc, " xmlns='urn:fnord'>") },
	"OtherRoot":      func(doc string) string { return withRoot(doc, "network") },
	"UnknownRoot":    func(doc string) string { return withRoot(doc, "fnord") },
	"RootInPart":     func(doc string) string { return withRoot(doc, "mydomainCapital") },
	"RootWithPrefix": func(doc string) string { return withRoot(doc, "n:secret") },
	"Wrapped":        func(doc string) string { return "<fnord>" + doc + "</fnord>" },
	"Declaration":    func(doc string) string { return "<?xml version='1.0' encoding='UTF-8'?>\n" + doc },
	"LateDeclaration": func(doc string) string {
		return "\n<?xml version='1.0' encoding='UTF-8'?>\n" + doc
	},
	"Comments":       func(doc string) string { return "<!-- <network/> -->\n<?note ?>\n" + doc + "<!-- end -->\n" },
	"NoteUnderscore": func(doc string) string { return "<?_note <network/> ?>\n" + doc },
	"NoteColon":      func(doc string) string { return "<?:note?>\n" + doc },
	"NoteForeign":    func(doc string) string { return "<?א?><?é?>\n" + doc },
	"NoteNameless":   func(doc string) string { return "<??>\n<? note?>\n" + doc },
	"NoteNumber":     func(doc string) string { return "<?1?>\n" + doc },
	"BadComment":     func(doc string) string { return "<!-- a -- b -->" + doc },
	"DocumentType":   func(doc string) string { return "<!DOCTYPE " + startTag.FindString(doc)[1:] + ">\n" + doc },
	"ByteOrderMark":  func(doc string) string { return "\ufeff" + doc },
	"UTF16":          wide,
	"Latin1":         func(doc string) string { return "<?xml version='1.0' encoding='ISO-8859-1'?>\n<!-- \xe9 -->" + doc },
	"Version11":      func(doc string) string { return "<?xml version='1.1'?>\n" + doc },
	"OneLine":        func(doc string) string { return strings.Join(strings.Fields(doc), " ") },
	"CarriageReturn": func(doc string) string { return strings.ReplaceAll(doc, "\n", "\r\n") },
	"Compressed":     packed,
	"CompressedCut":  func(doc string) string { return packed(doc)[:40] },
	"Empty":          func(string) string { return "" },
	"Blank":          func(string) string { return " \n" },
	"NoXML":          func(string) string { return "name=web01\n" },
	"Deep":           func(doc string) string { return beforeEnd(doc, strings.Repeat("<a>", 300)+strings.Repeat("</a>", 300)) },
	"Shout":          func(doc string) string { return strings.ToUpper(doc) },
}

// wide is a document in UTF-16.
func wide(doc string) string {
	out := []byte("\xff\xfe")
	for _, unit := range utf16.Encode([]rune(doc)) {
		out = binary.LittleEndian.AppendUint16(out, unit)
	}
	return string(out)
}

// packed is a compressed document.
func packed(doc string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write([]byte(doc))
	if closed := w.Close(); err != nil || closed != nil {
		panic("a buffer takes everything")
	}
	return out.String()
}
