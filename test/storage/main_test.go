// Package storage tests our daemon on storage that misbehaves: file systems
// that stop answering, that are full, that forbid. The clients speak JSON.
package storage

import (
	"testing"

	"virtlock/client/api"
	"virtlock/test/bed"
)

func TestMain(m *testing.M) { bed.Main(m) }

// bad fails the test unless err is an error with one of these codes.
func bad(t *testing.T, err *api.Error, codes ...api.Code) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("no error, want %q", codes)
	case err.Data == nil:
		t.Errorf("error without data: %s", err.Message)
	default:
		for _, code := range codes {
			if err.Data.Code == code {
				return
			}
		}
		t.Errorf("error %q (%s), want %q", err.Data.Code, err.Message, codes)
	}
}

// works fails the test unless a new client and an old one can lock other files.
func works(t *testing.T, h *bed.Host, old *bed.Conn) {
	t.Helper()
	fresh := h.Connect()
	defer fresh.Close()
	fresh.Must(api.OwnerRegister, api.RegisterParams{}, nil)
	for _, c := range []*bed.Conn{fresh, old} {
		disk := bed.Direct(bed.Image(t, bed.Dir(t), "other.img"))
		c.MustAcquire(disk)
		c.MustRelease(disk)
	}
}
