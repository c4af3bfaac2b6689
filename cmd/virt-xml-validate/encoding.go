package main

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
)

// Byte order marks, and how a document in UTF-16 starts without one.
var (
	mark8                   = []byte("\xef\xbb\xbf")
	markLittle, markBig     = []byte("\xff\xfe"), []byte("\xfe\xff")
	startLittle, startBig   = []byte("<\x00"), []byte("\x00<")
	declaredEncoding        = regexp.MustCompile(`encoding[ \t\r\n]*=[ \t\r\n]*["']([^"']*)["']`)
	declaration, afterwards = []byte("<?xml"), []byte("?>")
)

// decode returns a document in UTF-8, or in the encoding it has where that
// writes ASCII as ASCII. In any other encoding, or in one that changes on the
// way, libxml2 could see markup that is not seen here: such a document is refused.
func decode(content []byte) ([]byte, error) {
	text, wide := bytes.TrimPrefix(content, mark8), true
	switch {
	case bytes.HasPrefix(content, markLittle), bytes.HasPrefix(content, startLittle):
		text = decode16(content, binary.LittleEndian)
	case bytes.HasPrefix(content, markBig), bytes.HasPrefix(content, startBig):
		text = decode16(content, binary.BigEndian)
	default:
		wide = false
	}
	if !startsAsXML(text) {
		return nil, errNotXML
	}
	if name := encodingOf(text); !isUnicode(name) && (wide || !likeASCII(name)) {
		return nil, refusef("its encoding %q is not known here", name)
	}
	return text, nil
}

// startsAsXML reports whether markup is the first thing there is.
func startsAsXML(text []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("<"))
}

// decode16 returns the UTF-8 of a text in UTF-16.
func decode16(content []byte, order binary.ByteOrder) []byte {
	units := make([]uint16, 0, len(content)/2)
	for ; len(content) > 1; content = content[2:] {
		units = append(units, order.Uint16(content))
	}
	return bytes.TrimPrefix([]byte(string(utf16.Decode(units))), mark8)
}

// encodingOf is the encoding that the XML declaration names, or "".
func encodingOf(text []byte) string {
	inner, found := bytes.CutPrefix(text, declaration)
	if !found || len(inner) == 0 || bytes.IndexByte([]byte(" \t\r\n"), inner[0]) < 0 {
		return ""
	}
	declared, _, _ := bytes.Cut(inner, afterwards)
	named := declaredEncoding.FindSubmatch(declared)
	if named == nil {
		return ""
	}
	return string(named[1])
}

// isUnicode reports whether an encoding is one that libxml2 recognises by the
// first bytes, and does not change to because a declaration names it.
func isUnicode(name string) bool {
	return slices.Contains([]string{"", "utf-8", "utf8", "utf-16"}, strings.ToLower(name))
}

// likeASCII reports whether an encoding has one byte for each character, with
// ASCII at its place.
func likeASCII(name string) bool {
	name = strings.ToLower(name)
	for _, family := range []string{"iso-8859-", "iso8859-", "iso_8859-", "windows-125"} {
		if strings.HasPrefix(name, family) {
			return true
		}
	}
	return slices.Contains([]string{"us-ascii", "ascii", "latin1"}, name)
}
