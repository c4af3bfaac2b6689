package daemon

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/logging"
	"virtlock/daemon/internal/virnet"
)

func adminGetLogOutputs(c *conn, call virnet.Header, a *virnet.FlagsArgs) (virnet.Payload, error) {
	if err := checkFlags(call, a.Flags); err != nil {
		return nil, err
	}
	outputs := c.daemon.config.Log.Outputs()
	return virnet.LoggingOutputsResult{Outputs: outputs, Count: countWords(outputs)}, nil
}

// adminGetLogFilters ends the list with a space, and has none at all when it is
// empty, like libvirt.
func adminGetLogFilters(c *conn, call virnet.Header, a *virnet.FlagsArgs) (virnet.Payload, error) {
	if err := checkFlags(call, a.Flags); err != nil {
		return nil, err
	}
	filters := c.daemon.config.Log.Filters()
	r := virnet.LoggingFiltersResult{Count: countWords(filters)}
	if filters != "" {
		r.Filters = new(filters + " ")
	}
	return r, nil
}

// countWords counts what a space separates: nothing else does in these settings.
func countWords(s string) uint32 {
	if s == "" {
		return 0
	}
	return uint32(strings.Count(s, " ")) + 1
}

func adminSetLogOutputs(c *conn, call virnet.Header, a *virnet.LoggingArgs) (virnet.Payload, error) {
	return c.setLog(call, a, "outputs", (*Log).SetOutputs)
}

func adminSetLogFilters(c *conn, call virnet.Header, a *virnet.LoggingArgs) (virnet.Payload, error) {
	return c.setLog(call, a, "filters", (*Log).SetFilters)
}

// setLog changes a setting of the log; an absent one and "" both go back to
// what holds without the setting.
func (c *conn) setLog(call virnet.Header, a *virnet.LoggingArgs, what string, set func(*Log, string) error) (virnet.Payload, error) {
	if err := checkFlags(call, a.Flags); err != nil {
		return nil, err
	}
	var setting string
	if a.Setting != nil {
		setting = *a.Setting
	}
	if err := set(c.daemon.config.Log, setting); err != nil {
		return nil, rpcLogError(err)
	}
	c.daemon.settingChanged(c, "log "+what, setting)
	return nil, nil
}

// rpcLogError words an error of the log for libvirt.
func rpcLogError(err error) error {
	var bad *logging.InvalidError
	var file *logging.OpenError
	var errno unix.Errno
	switch {
	case errors.As(err, &bad):
		return virnet.NewError(virnet.CodeInvalidArgument, virnet.DomainNone, bad.Detail)
	case errors.As(err, &file) && errors.As(file.Err, &errno):
		return virnet.SystemError(virnet.DomainNone, int32(errno), file.Error())
	}
	return err
}
