package main

import (
	"io"
	"strings"
)

// keys is what a person types, on its way to the line editor. The editor has
// trouble with some keys, which are translated or dropped here: on an empty line
// it takes Delete for Ctrl-D, Ctrl-Z stops the program that started the shell,
// Ctrl-T lets it fall over, Ctrl-Space ends the input or the line, and Home and End
// of some terminals are unknown to it.
type keys struct {
	in     io.Reader
	ended  func()
	out    []byte // to be read
	escape []byte // a sequence that is not whole yet
}

// What the Delete key becomes. These are no characters, so that nobody types them.
const (
	deleteRight rune = '\ufdd0' // move over the character
	deleteLeft  rune = '\ufdd1' // and delete it
)

// longestEscape is as long as a sequence may be.
const longestEscape = 32

const escapeKey = '\x1b'

// Read returns keys that the editor can deal with.
func (k *keys) Read(p []byte) (int, error) {
	for len(k.out) == 0 {
		n, err := k.in.Read(p)
		for _, c := range p[:n] {
			k.add(c)
		}
		if err != nil && len(k.out) == 0 {
			k.ended()
			return 0, err
		}
	}
	n := copy(p, k.out)
	k.out = k.out[n:]
	return n, nil
}

// Close ends nothing: whoever owns the input does.
func (k *keys) Close() error { return nil }

func (k *keys) add(c byte) {
	switch {
	case len(k.escape) > 0:
		k.addEscape(c)
	case c == escapeKey:
		k.escape = append(k.escape, c)
	default:
		k.addPlain(c)
	}
}

// addPlain passes on a byte, unless it is a key that means nothing here: those
// that the editor would put into the line, and those named above.
func (k *keys) addPlain(c byte) {
	if c >= ' ' || strings.IndexByte("\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x10\x12\x13\x15\x17\x19", c) >= 0 {
		k.out = append(k.out, c)
	}
}

// addEscape reads one more byte of a sequence: Escape and a key, or the code of a
// key, which starts with [ or O and ends with a letter or ~.
func (k *keys) addEscape(c byte) {
	second := len(k.escape) == 1
	switch {
	case c == escapeKey: // the one before was a key of its own
		k.escape = append(k.escape[:0], c)
		return
	case c < ' ':
		k.escape = k.escape[:0]
		k.addPlain(c)
		return
	case second && (c == '[' || c == 'O'), !second && (c < '@' || c == '[') && len(k.escape) < longestEscape:
		k.escape = append(k.escape, c)
		return
	}
	k.out = append(k.out, translate(string(k.escape[1:])+string(rune(c)))...)
	k.escape = k.escape[:0]
}

// translate returns what the editor knows for a sequence, without its Escape.
func translate(sequence string) string {
	switch sequence {
	case "[A", "OA":
		return "\x10"
	case "[B", "OB":
		return "\x0e"
	case "[C", "OC":
		return "\x06"
	case "[D", "OD":
		return "\x02"
	case "[H", "OH", "[1~", "[7~":
		return "\x01"
	case "[F", "OF", "[4~", "[8~":
		return "\x05"
	case "[3~":
		return string(deleteRight) + string(deleteLeft)
	case "[1;5C", "[1;3C", "f":
		return "\x1bf"
	case "[1;5D", "[1;3D", "b":
		return "\x1bb"
	case "d", "\x7f":
		return "\x1b" + sequence
	}
	return ""
}
