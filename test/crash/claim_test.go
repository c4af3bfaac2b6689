package crash

import (
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/test/bed"
)

// register registers this process, its locks tied to the connection, and gives the
// connection's number.
func register(c *bed.Conn, claim uint64) uint64 {
	var us api.RegisterResult
	c.Must(api.OwnerRegister, api.RegisterParams{Claim: claim}, &us)
	return us.Client
}

// A connection that has claimed what a former one held, and has taken more, may
// break as well. Who took any of it may be named then, for all of it.
func TestClaimAfterTwoCrashes(t *testing.T) {
	t.Parallel()
	for name, chosen := range map[string]int{"first": 0, "second": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := bed.NewHost(t, bed.WithFailpoints(t))
			dir := bed.Dir(t)
			var numbers [2]uint64
			claim := uint64(0)
			for i, image := range []string{"a.img", "b.img"} {
				lockd := h.StartVirtlockd()
				c := h.Connect()
				numbers[i] = register(c, claim)
				c.MustAcquire(bed.Direct(bed.Image(t, dir, image)))
				claim = numbers[i]
				lockd.Stop(unix.SIGKILL)
			}
			h.StartVirtlockd()
			c := h.Connect()
			register(c, numbers[chosen])
			c.MustRelease(bed.Direct(dir + "/a.img"))
			c.MustRelease(bed.Direct(dir + "/b.img"))
		})
	}
}
