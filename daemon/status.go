package daemon

import (
	"os"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
)

// daemonStatus answers daemon.status.
func (d *Daemon) daemonStatus(*conn, api.Empty) (api.Status, error) {
	totals := d.table.Totals()
	s := api.Status{
		Version: d.config.Version, Protocol: api.Version, PID: os.Getpid(), Started: d.started,
		Socket:     d.config.Listener.Addr().String(),
		Lockspaces: totals.Spaces, Locks: totals.Locks, Holders: totals.Holders, Waiters: totals.Waiters,
		Owners: d.processes.count(), Subscribers: d.events.count(),
		OpenFiles: openFiles(), MaxOpenFiles: maxOpenFiles(),
		Granted: totals.Granted, Refused: totals.Refused, Released: totals.Released,
	}
	s.Clients, s.MaxClients = d.main.usage()
	s.AdminClients, s.AdminMaxClients = d.admin.usage()
	s.Keeper, s.Missing = d.recorder.status(), d.missing.status()
	return s, nil
}

// openFiles counts this process's descriptors; 0 when that cannot be told.
func openFiles() int {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(names) - 1 // the one that reads the directory
}

func maxOpenFiles() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(limit.Cur)
}
