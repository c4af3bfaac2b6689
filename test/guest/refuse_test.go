package guest

import (
	"fmt"
	"strings"
	"testing"

	"virtlock/test/bed"
)

// refused fails the test unless err is virtlockd's refusal of a lock. Our
// daemon's also has to contain what says who holds it.
func refused(t *testing.T, h *bed.Host, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("granted a disk that somebody else holds")
	}
	if !strings.Contains(err.Error(), "resource busy: Lockspace resource '") ||
		!strings.Contains(err.Error(), "' is locked") {
		t.Fatalf("failed for another reason: %v", err)
	}
	if h.Lockd == bed.Libvirts {
		return
	}
	for _, say := range says {
		if !strings.Contains(err.Error(), say) {
			t.Errorf("the refusal does not say %q: %v", say, err)
		}
	}
}

// wantLocks fails the test unless these are the kernel's locks on a file.
func wantLocks(t *testing.T, h *bed.Host, path string, modes ...string) {
	t.Helper()
	kind := "OFDLCK"
	if h.Lockd == bed.Libvirts {
		kind = "POSIX"
	}
	want := []string{}
	for _, mode := range modes {
		want = append(want, kind+" "+mode)
	}
	if got := bed.KernelLocks(t, path); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("kernel has %q on %s, want %q", got, path, want)
	}
}

// runs fails the test unless the guest runs as it should.
func runs(t *testing.T, h *bed.Host, guest string) {
	t.Helper()
	if state := h.State(guest); state != "running" {
		t.Errorf("guest %s is %s, want running", guest, state)
	}
}

// must fails the test when a step of it fails.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
