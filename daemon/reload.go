package daemon

import (
	"virtlock/client/api"
	"virtlock/daemon/internal/audit"
)

// reloadError says that the configuration cannot be used, and that all settings stay
// as they were.
type reloadError struct{ Err error }

func (e *reloadError) Error() string { return "not reloaded: " + e.Err.Error() }

// Unwrap gives the reason.
func (e *reloadError) Unwrap() error { return e.Err }

// Reload reads the configuration file again. When it fails the old settings
// stay.
func (d *Daemon) Reload() error {
	d.gate.enter() // a successor gets all of the new settings, or reads them itself
	defer d.gate.leave()
	return d.reload(nil)
}

// reload is Reload for a client that asks. The caller is inside the gate.
func (d *Daemon) reload(by *api.Caller) error {
	if d.config.ReadSettings == nil {
		return nil
	}
	d.changing.Lock()
	defer d.changing.Unlock()
	s, err := d.config.ReadSettings()
	if err != nil {
		return err
	}
	if err := audit.Check(s.AuditFile); err != nil {
		return err
	}
	if err := d.config.Log.Apply(s); err != nil {
		return err
	}
	d.main.setMax(s.MaxClients)
	d.admin.setMax(s.AdminMaxClients)
	d.log.Info("configuration reloaded")
	d.events.publish(api.EventDaemonReloaded, by, func(*api.Event) {})
	d.history.Apply(s.audit())
	return nil
}

// daemonReload answers daemon.reload.
func (d *Daemon) daemonReload(c *conn, _ api.Empty) (api.Empty, error) {
	if err := d.reload(c.caller()); err != nil {
		return api.Empty{}, &reloadError{err}
	}
	return api.Empty{}, nil
}
