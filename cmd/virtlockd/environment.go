package main

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// The variables of sd_notify(3) and sd_watchdog_enabled(3).
const (
	notifyVariable      = "NOTIFY_SOCKET"
	watchdogVariable    = "WATCHDOG_USEC"
	watchdogPIDVariable = "WATCHDOG_PID"
)

// serviceVariables are what the service manager says to the daemon alone.
var serviceVariables = []string{
	notifyVariable, watchdogVariable, watchdogPIDVariable,
	"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
}

// childEnvironment is the environment for a process that is not to be the daemon:
// it must not speak for the daemon, nor think that its descriptors are sockets.
func childEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(serviceVariables, name)
	})
}

// bequeathWatchdog lets the process that is to be the daemon, which this one
// starts, be the one that is watched.
func bequeathWatchdog() {
	if os.Getenv(watchdogPIDVariable) == strconv.Itoa(os.Getpid()) {
		os.Unsetenv(watchdogPIDVariable)
	}
}
