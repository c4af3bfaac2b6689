package daemon

import (
	"time"

	"virtlock/daemon/internal/virnet"
)

// adminSetTimeout changes after which time of idleness the daemon leaves.
func adminSetTimeout(c *conn, call virnet.Header, a *virnet.TimeoutArgs) (virnet.Payload, error) {
	if err := checkFlags(call, a.Flags); err != nil {
		return nil, err
	}
	c.daemon.setIdleTimeout(c, time.Duration(a.Seconds)*time.Second)
	return nil, nil
}

// adminShutdown ends Serve in order, as a signal would. ShutdownPreserve makes no
// difference: no way to stop the daemon gives up what another would keep.
func adminShutdown(c *conn, call virnet.Header, a *virnet.FlagsArgs) (virnet.Payload, error) {
	if err := checkFlags(call, a.Flags&^virnet.ShutdownPreserve); err != nil {
		return nil, err
	}
	c.daemon.log.Info("an administrator ends the daemon", "client", c.id, "pid", c.peer.PID)
	c.daemon.stop(errShutdown)
	return nil, nil
}
