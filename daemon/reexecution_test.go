package daemon

import (
	"errors"
	"testing"
)

// Who asks for a program while the daemon is about to become another one is not told
// that it became his.
func TestOneReexecutionIsAsOneProgram(t *testing.T) {
	var r reexecution
	image := &Image{Path: "/usr/sbin/virtlockd"}
	for _, test := range []struct {
		name    string
		program *Image
		caller  *reexecCaller
		first   bool
		refused bool
	}{
		{"the first", image, new(reexecCaller), true, false},
		{"the same", image.as(image.Path), new(reexecCaller), false, false},
		{"without a path", image.as(""), new(reexecCaller), false, false},
		{"another", image.as("/tmp/virtlockd"), new(reexecCaller), false, true},
		{"a signal", image, nil, false, false},
	} {
		first, err := r.begin(test.program, test.caller)
		if refused := errors.As(err, new(*RefusedError)); first != test.first || refused != test.refused {
			t.Errorf("%s: %v, %v", test.name, first, err)
		}
	}
	r.running.Done()
	if callers := r.end(); len(callers) != 3 {
		t.Errorf("%d wait", len(callers))
	}
	if first, err := r.begin(image.as("/tmp/virtlockd"), new(reexecCaller)); !first || err != nil {
		t.Errorf("after it: %v, %v", first, err)
	}
}
