// Package client talks to virtlockd, the daemon that keeps two programs from
// writing one disk image.
//
// The zero value of [Client] is ready for use. It asks the daemon of the
// calling user, root or not, and registers the calling process as the owner of
// the locks when the first one is taken:
//
//	func writeDisk(ctx context.Context) error {
//		var c client.Client
//		defer c.Close()
//		held, err := c.Acquire(ctx, 0, api.Resource{Name: "/srv/web01.raw"})
//		if errors.Is(err, client.ErrBusy) {
//			return fmt.Errorf("in use: %w", err) // err says who holds it
//		}
//		if err != nil {
//			return err // for example no daemon to ask
//		}
//		defer held.Release(ctx)
//		return write("/srv/web01.raw")
//	}
//
// # Losing the connection
//
// A client has one connection, made when it is needed and made again after it
// broke. What that means for the locks depends on what they are tied to.
//
// Tied to the connection, which is the default, they are gone with it, unless it
// broke because the daemon crashed: then the daemon's keeper holds them until it
// is back, and the client claims them on a new connection. It tries that by
// itself, and the calls that need the owner wait for it. Where the daemon gives
// them back nothing has happened. Otherwise, or when it stays away for two
// minutes, their [Held.Lost] is closed and [Held.Release] fails with [ErrLost];
// the next call connects and registers anew, and does not take them again.
//
// Tied to the process they stay. The first call that needs the owner registers
// it again and asks the daemon for its locks. One that is not there any more,
// for example because the daemon had to be started anew, is lost from then on.
//
// A call whose answer never came fails with [ErrBroken]. Whether it was carried
// out is not known, but for locks tied to the connection: they are not held, or
// only until the client or the daemon has given them back.
//
// # Errors
//
// The daemon's refusals are of type [*Error] and match one of the sentinels,
// such as [ErrBusy], with errors.Is. When there is no daemon to ask, the error
// is an [*UnreachableError]. Both say what to do about it.
package client
