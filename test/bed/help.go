package bed

import (
	"os"
	"testing"
	"time"
)

// Patience bounds every wait for something that is expected to happen. It is
// long because two processors carry several guests without hardware help.
const Patience = 30 * time.Second

// Dir is an empty directory that all hosts see and all users may enter. Unlike
// that of t.TempDir its path is short: a socket's may have 107 bytes.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "t")
	if err != nil {
		t.Fatalf("make directory: %v", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatalf("make directory: %v", err)
	}
	return dir
}

// Eventually waits until true is what check says.
func Eventually(t testing.TB, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !check(); {
		if time.Now().After(deadline) {
			t.Fatalf("still not so after %v: %s", Patience, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
