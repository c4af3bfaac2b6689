package handover

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"unicode/utf8"
)

// tree is an object of JSON. What is not there, or of another type, is zero.
type tree map[string]any

// maxDepth is how deep values may be in each other: libvirt's are 9.
const maxDepth = 32

var (
	errTooDeep  = errors.New("values are too deep in each other")
	errNotUTF8  = errors.New("text that is not UTF-8")
	errNoObject = errors.New("not an object")
)

// readTree reads an object. Of one that is broken it gives what comes before the
// damage, and the error.
func readTree(text []byte) (tree, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := readValue(d, 0)
	root, isObject := v.(tree)
	switch {
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	case err == nil && !isObject:
		err = errNoObject
	case err == nil && !utf8.Valid(text):
		err = errNotUTF8
	}
	return root, err
}

// readValue gives a value, or the part of it before an error.
func readValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return readObject(d, depth)
	case json.Delim('['):
		return readList(d, depth)
	}
	return token, nil
}

func readObject(d *json.Decoder, depth int) (tree, error) {
	object := make(tree)
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return object, err
		}
		v, err := readValue(d, depth+1)
		object[fmt.Sprint(key)] = v
		if err != nil {
			return object, err
		}
	}
	_, err := d.Token() // the closing brace
	return object, err
}

func readList(d *json.Decoder, depth int) ([]any, error) {
	var list []any
	for d.More() {
		v, err := readValue(d, depth+1)
		list = append(list, v)
		if err != nil {
			return list, err
		}
	}
	_, err := d.Token() // the closing bracket
	return list, err
}

func (o tree) object(key string) tree {
	v, _ := o[key].(tree)
	return v
}

func (o tree) list(key string) []any {
	v, _ := o[key].([]any)
	return v
}

// objects gives the objects of a list.
func (o tree) objects(key string) []tree {
	var objects []tree
	for _, v := range o.list(key) {
		if object, ok := v.(tree); ok {
			objects = append(objects, object)
		}
	}
	return objects
}

func (o tree) text(key string) string {
	v, _ := o[key].(string)
	return v
}

func (o tree) flag(key string) bool { return o[key] == true }

// number gives a number between 0 and most, or -1.
func (o tree) number(key string, most int64) int64 { return numberOf(o[key], most) }

func numberOf(v any, most int64) int64 {
	digits, _ := v.(json.Number)
	n, err := digits.Int64()
	if err != nil || n < 0 || n > most {
		return -1
	}
	return n
}

// magicKey is how the key and its value look wherever they are: inside a text
// the quotes would be escaped.
var magicKey = regexp.MustCompile(`"magic"\s*:\s*"([0-9]+)"`)

// findMagic finds for whom a state is that is broken before it says so.
func findMagic(text []byte) string {
	found := magicKey.FindSubmatch(text)
	if found == nil {
		return ""
	}
	return string(found[1])
}
