// Package systemd tests the units: a real systemd in a container starts, stops,
// reloads and restarts the daemon, while a process outside tries all the time to
// take a lock that is held.
package systemd

import (
	"os"
	"testing"

	"virtlock/test/bed"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(proberVar); path != "" {
		os.Exit(probe(path))
	}
	bed.Main(m)
}
