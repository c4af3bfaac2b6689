package conf_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"virtlock/daemon/internal/conf"
)

// accepted are texts with the value of their setting x.
var accepted = []struct {
	name, text, want string
}{
	{"string", `x = "a"`, "a"},
	{"single quotes", `x = 'a"b'`, `a"b`},
	{"empty string", `x=""`, ""},
	{"three quotes", "x = \"\"\"a\n\"b\"\"\"\n", "a\n\"b"},
	{"no escapes", `x = "\"`, `\`},
	{"no blanks", `x="a"`, "a"},
	{"blanks", "\t x \t=\t 'a' \t", "a"},
	{"blank lines", "\n \n\r\n x='a'\n\n", "a"},
	{"comments", "# one\n  # two\nx = 'a' # three\n#", "a"},
	{"semicolon", `y=1;x='a';`, "a"},
	{"first one counts", "x='a'\nx='b'", "a"},
	{"carriage returns", "y=1\r\nx='a'\r\n", "a"},
	{"name with digits", "y_2Z=1\nx='a'", "a"},
	{"lists before", "y = [ 'a', \"b\" ,\n[1],\n]\nz=[]\nx='a'", "a"},
	{"not UTF-8", "x = '\xff'", "\xff"},
	{"NUL", "x = 'a\x00b'", "a\x00b"},
}

func TestParse(t *testing.T) {
	for _, test := range accepted {
		t.Run(test.name, func(t *testing.T) {
			f, err := conf.Parse("F", []byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			got, set, err := f.String("x")
			if got != test.want || !set || err != nil {
				t.Errorf("got %q, %v, %v, want %q", got, set, err, test.want)
			}
		})
	}
}

// refused are texts with what the real daemon says about them.
var refused = []struct {
	text, want string
}{
	{"max_clients", "F:1: expecting an assignment"},
	{"\n\nmax_clients", "F:3: expecting an assignment"},
	{"x-y = 5", "F:1: expecting an assignment"},
	{"x.y = 5", "F:1: expecting an assignment"},
	{"x\n= 5", "F:1: expecting an assignment"},
	{"x =", "F:1: expecting a value"},
	{"x =\n5", "F:1: expecting a value"},
	{"x = abc", "F:1: expecting a value"},
	{"x = @5", "F:1: expecting a value"},
	{"y=1\r\nx = z\r\n", "F:2: expecting a value"},
	{"x = [ 'a',, 'b' ]", "F:1: expecting a value"},
	{"x = [ , 'a' ]", "F:1: expecting a value"},
	{"x = [ 'a', # c\n 'b' ]", "F:1: expecting a value"},
	{"= 5", "F:1: expecting a name"},
	{"5 = 5", "F:1: expecting a name"},
	{"_x = 5", "F:1: expecting a name"},
	{"\xc3\xa9 = 5", "F:1: expecting a name"},
	{"x = 5 x", "F:1: expecting a separator"},
	{"x = 5abc", "F:1: expecting a separator"},
	{"x = 0x10", "F:1: expecting a separator"},
	{"x = 5,", "F:1: expecting a separator"},
	{`x = "a"y=5`, "F:1: expecting a separator"},
	{`x = "a\"b"`, "F:1: expecting a separator"},
	{"x = -", "F:1: unterminated number"},
	{"x = - 5", "F:1: unterminated number"},
	{`x = "a`, "F:1: unterminated string"},
	{"x = 'a", "F:1: unterminated string"},
	{"x = \"a\nb\"", "F:1: unterminated string"},
	{"x = \"\"\"a\nb\"\ny = q", "F:3: unterminated string"},
	{"x = [ 'a' 'b' ]", "F:1: expecting a separator in list"},
	{"x = [ 'a';'b' ]", "F:1: expecting a separator in list"},
	{"x = [ 'a',\n'b' # c\n]", "F:2: expecting a separator in list"},
	{"x = [ 'a', 'b'", "F:1: list is not closed with ]"},
	{"x = [[1]]\n\n\ny", "F:4: expecting an assignment"},
}

func TestParseErrors(t *testing.T) {
	for _, test := range refused {
		t.Run(test.text, func(t *testing.T) {
			_, err := conf.Parse("F", []byte(test.text))
			want := "configuration file syntax error: " + test.want
			if err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

func TestParseNestsAtMostAHundredDeep(t *testing.T) {
	nested := func(depth int) []byte {
		return []byte("x = " + strings.Repeat("[", depth) + strings.Repeat("]", depth))
	}
	if _, err := conf.Parse("F", nested(100)); err != nil {
		t.Error(err)
	}
	var syntax *conf.SyntaxError
	if _, err := conf.Parse("F", nested(1_000_000)); !errors.As(err, &syntax) {
		t.Errorf("got %v, want a *SyntaxError", err)
	}
}

func TestUint(t *testing.T) {
	tests := []struct {
		value string
		want  uint32
		err   string
	}{
		{"5", 5, ""},
		{"+5", 5, ""},
		{"010", 10, ""},
		{"0", 0, ""},
		{"4294967295", 4294967295, ""},
		{"4294967296", 0, "value for 'x' parameter must be in range 0:4294967295"},
		{"99999999999999999999", 0, "value for 'x' parameter must be in range 0:4294967295"},
		// The real one takes 2 to the 64th for 0.
		{"18446744073709551616", 0, "value for 'x' parameter must be in range 0:4294967295"},
		{"-1", 0, "expected an unsigned integer for 'x' parameter"},
		{"'5'", 0, "expected an unsigned integer for 'x' parameter"},
		{"[5]", 0, "expected an unsigned integer for 'x' parameter"},
	}
	for _, test := range tests {
		t.Run(test.value, func(t *testing.T) {
			f, err := conf.Parse("F", []byte("x = "+test.value))
			if err != nil {
				t.Fatal(err)
			}
			n, set, err := f.Uint("x")
			if test.err != "" {
				if want := "internal error: F: " + test.err; err == nil || err.Error() != want {
					t.Errorf("got %v, want %s", err, want)
				}
			} else if n != test.want || !set || err != nil {
				t.Errorf("got %d, %v, %v, want %d", n, set, err, test.want)
			}
		})
	}
}

func TestValuesThatAreNotSet(t *testing.T) {
	f, err := conf.Parse("F", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, set, err := f.Uint("x"); set || err != nil {
		t.Errorf("Uint: got set %v, error %v", set, err)
	}
	if _, set, err := f.String("x"); set || err != nil {
		t.Errorf("String: got set %v, error %v", set, err)
	}
}

func TestStringOfAnotherType(t *testing.T) {
	f, err := conf.Parse("F", []byte("x = 5"))
	if err != nil {
		t.Fatal(err)
	}
	want := "internal error: F: expected a string for 'x' parameter"
	if _, _, err := f.String("x"); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing")
	huge := filepath.Join(dir, "huge")
	if err := os.WriteFile(huge, make([]byte, 1<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ file, want string }{
		{missing, "Failed to open file '" + missing + "': No such file or directory"},
		{"", "Failed to open file '': No such file or directory"},
		{dir, "Failed to read file '" + dir + "': Is a directory"},
		{huge, "Failed to read file '" + huge + "': Value too large for defined data type"},
	}
	for _, test := range tests {
		if _, err := conf.Read(test.file); err == nil || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
	if _, err := conf.Read(missing); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v is not os.ErrNotExist", err)
	}
	good := filepath.Join(dir, "good")
	if err := os.WriteFile(good, []byte("x = 5"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := conf.Read(good)
	if err != nil {
		t.Fatal(err)
	}
	if n, _, _ := f.Uint("x"); n != 5 {
		t.Errorf("got %d, want 5", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, test := range accepted {
		f.Add([]byte(test.text))
	}
	for _, test := range refused {
		f.Add([]byte(test.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := conf.Parse("F", text)
		var syntax *conf.SyntaxError
		switch {
		case err == nil:
			again, err := conf.Parse("F", append(text, "\n# more\n"...))
			if err != nil || !reflect.DeepEqual(file, again) {
				t.Errorf("with a comment after it: %v", err)
			}
		case !errors.As(err, &syntax):
			t.Errorf("error %v is not a *SyntaxError", err)
		case syntax.Line < 1 || syntax.Line > strings.Count(string(text), "\n")+1:
			t.Errorf("line %d is outside the text", syntax.Line)
		}
	})
}
