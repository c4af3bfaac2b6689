package lockspace

import (
	"os"
	"testing"
	"time"
)

func TestRenew(t *testing.T) {
	r := newRig(t)
	img, shared := r.file("img"), r.file("shared")
	before := time.Now()
	one, two := r.owner("one"), r.owner("two")
	r.take(one, direct(img, Exclusive))
	r.take(one, direct(shared, Shared))
	r.take(two, direct(shared, Shared))
	later := time.Now().Add(time.Nanosecond)

	for _, c := range []struct {
		what    string
		holder  Holder
		request Request
		earlier time.Time
		want    bool
	}{
		{"held since later", one, direct(img, Exclusive), before, false},
		{"another's", two, direct(img, Exclusive), later, false},
		{"in another mode", one, direct(img, Shared), later, false},
		{"not held", one, direct(img+"2", Exclusive), later, false},
		{"no lockspace", one, Request{Name: Name{"/nowhere", "a"}}, later, false},
		{"held", one, direct(img, Exclusive), later, true},
		{"renewed already", one, direct(img, Exclusive), later, false},
		{"held by two", one, direct(shared, Shared), later, true},
		{"renewed for the other only", two, direct(shared, Shared), later, true},
	} {
		if got := r.table.Renew(c.holder.Owner, c.request, c.earlier); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
	r.free(one, Name{"", img})
	r.free(one, Name{"", shared})
	r.free(two, Name{"", shared})
	r.clean()
}

// The lock is on the file that had the name, and would keep nobody from the other.
func TestRenewOfAReplacedFile(t *testing.T) {
	r := newRig(t)
	img, newer := r.file("img"), r.file("newer")
	one := r.owner("one")
	r.take(one, direct(img, Exclusive))
	must(t, os.Rename(newer, img))
	if r.table.Renew(one.Owner, direct(img, Exclusive), time.Now().Add(time.Hour)) {
		t.Error("granted a file that is not locked")
	}
	r.free(one, Name{"", img})
	r.clean()
}
