package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// jsonText says in the words of the protocol why something is not what a
// request has to be: encoding/json speaks of this program's types. whole is what
// to call all of it.
func jsonText(err error, whole string) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("not JSON: %v at byte %d", err, syntax.Offset)
	case errors.As(err, &kind):
		return kindText(kind, whole)
	}
	text := strings.TrimPrefix(err.Error(), "json: ")
	return strings.Replace(text, "unknown field", "unknown member", 1)
}

func kindText(e *json.UnmarshalTypeError, whole string) string {
	subject := whole
	if e.Field != "" {
		subject = quote(e.Field)
	}
	return fmt.Sprintf("%s has to be %s, not %s", subject, wantedKind(e.Type), givenKind(e.Value))
}

// wantedKind is JSON's word for a type.
func wantedKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Uint, reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("a whole number of 0 to %d", uint64(1)<<t.Bits()-1)
	}
	return "a whole number"
}

// givenKind is a word for what stood there: encoding/json gives the kind of a
// value, and the number itself when it does not fit.
func givenKind(value string) string {
	if number, ok := strings.CutPrefix(value, "number "); ok {
		return number
	}
	switch value {
	case "array", "object":
		return "an " + value
	case "bool":
		return "true or false"
	}
	return "a " + value
}
