package storage

import (
	"os"
	"testing"

	"virtlock/client/api"
	"virtlock/test/bed"
)

// Only a daemon without privileges can be forbidden a file.
func TestForbiddenFiles(t *testing.T) {
	t.Parallel()
	s := bed.NewHost(t, bed.Ours).NewSession()
	s.StartVirtlockd()
	c := s.Connect()
	c.Must(api.OwnerRegister, api.RegisterParams{}, nil)
	dir := bed.Dir(t) // root's
	own, readable, secret := bed.Image(t, dir, "own.img"), bed.Image(t, dir, "readable.img"), bed.Image(t, dir, "secret.img")
	bed.Give(t, own)
	if err := os.Chmod(secret, 0o600); err != nil {
		t.Fatal(err)
	}

	bad(t, c.Acquire(bed.Direct(secret)), api.CodeDenied)
	bad(t, c.Acquire(bed.Direct(readable)), api.CodeDenied)
	bad(t, c.Call(api.LockspaceCreate, api.LockspaceParams{Path: dir + "/new"}, nil), api.CodeDenied)
	c.Must(api.LockspaceCreate, api.LockspaceParams{Path: dir}, nil)
	bad(t, c.Acquire(api.Resource{Lockspace: dir, Name: "new", Autocreate: true}), api.CodeDenied)
	c.MustAcquire(bed.Direct(own))
}

func TestUserMayNotSpeakForProcessesOfOthers(t *testing.T) {
	t.Parallel()
	s := bed.NewHost(t, bed.Ours).NewSession()
	s.StartVirtlockd()
	roots := s.Start(sleeper())
	c := s.Connect()
	register := api.RegisterParams{Owner: api.Owner{Name: "web01", PID: roots.PID()}}
	bad(t, c.Call(api.OwnerRegister, register, nil), api.CodeDenied)
	c.Must(api.OwnerRegister, api.RegisterParams{}, nil)
	c.MustAcquire(bed.Direct(ownImage(t)))
}

// ownImage makes an image that belongs to the user of the session.
func ownImage(t *testing.T) string {
	t.Helper()
	image := bed.Image(t, bed.Dir(t), "own.img")
	bed.Give(t, image)
	return image
}
