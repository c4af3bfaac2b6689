package daemon

import (
	"fmt"
	"math"
	"strings"
	"time"

	"virtlock/client/api"
)

// daemonLog answers daemon.log: it changes how the daemon logs, until its configuration
// is read again, and says how it does. All that is named is changed, or nothing.
func (d *Daemon) daemonLog(c *conn, p api.LogParams) (api.LogSettings, error) {
	d.changing.Lock()
	defer d.changing.Unlock()
	log := d.config.Log
	if p.Filters != nil {
		check := DefaultSettings()
		check.LogFilters = *p.Filters
		if err := check.CheckLog(); err != nil {
			return api.LogSettings{}, invalid("%v", err)
		}
	}
	if p.Outputs != nil {
		if err := log.SetOutputs(*p.Outputs); err != nil {
			return api.LogSettings{}, invalid("%v", err)
		}
		d.settingChanged(c, "log outputs", log.Outputs())
	}
	if p.Filters != nil {
		if err := log.SetFilters(*p.Filters); err != nil {
			return api.LogSettings{}, invalid("%v", err)
		}
		d.settingChanged(c, "log filters", log.Filters())
	}
	return api.LogSettings{Filters: log.Filters(), Outputs: log.Outputs()}, nil
}

// daemonLimits answers daemon.limits in the same way.
func (d *Daemon) daemonLimits(c *conn, p api.LimitsParams) (api.Limits, error) {
	for _, limit := range []struct {
		name  string
		value *int
		least int
	}{{"max_clients", p.MaxClients, 1}, {"admin_max_clients", p.AdminMaxClients, 1}, {"idle_timeout", p.IdleTimeout, 0}} {
		if limit.value != nil && (*limit.value < limit.least || *limit.value > math.MaxInt32) {
			return api.Limits{}, invalid("%s is %d, of %d to %d", limit.name, *limit.value, limit.least, math.MaxInt32)
		}
	}
	d.changing.Lock()
	defer d.changing.Unlock()
	if p.MaxClients != nil {
		d.main.setMax(*p.MaxClients)
		d.settingChanged(c, d.main.setting(), *p.MaxClients)
	}
	if p.AdminMaxClients != nil {
		d.admin.setMax(*p.AdminMaxClients)
		d.settingChanged(c, d.admin.setting(), *p.AdminMaxClients)
	}
	if p.IdleTimeout != nil {
		d.setIdleTimeout(c, time.Duration(*p.IdleTimeout)*time.Second)
	}
	return api.Limits{
		MaxClients: d.main.limits().clients, AdminMaxClients: d.admin.limits().clients,
		IdleTimeout: int(time.Duration(d.idle.timeout.Load()) / time.Second),
	}, nil
}

func (d *Daemon) setIdleTimeout(c *conn, timeout time.Duration) {
	d.idle.setTimeout(timeout)
	d.settingChanged(c, "timeout", timeout)
}

// settingChanged tells that a client has changed a setting.
func (d *Daemon) settingChanged(c *conn, what string, to any) {
	d.log.Info(what+" changed", "to", to, "client", c.id, "pid", c.peer.PID)
	d.events.publish(api.EventDaemonChanged, c.caller(), func(e *api.Event) {
		e.Client, e.Message = c.id, strings.TrimSpace(fmt.Sprintf("%s: %v", what, to))
	})
}
