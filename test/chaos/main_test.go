// Package chaos has clients of both protocols take and give back locks, each for a
// process of its own, while somebody re-executes, kills, stops and starts the
// daemon, kills its keeper, and kills the clients. A process that knows only the
// kernel's locks looks all the time whether what was granted is held.
package chaos

import (
	"os"
	"testing"

	"virtlock/test/bed"
)

// roleVariable makes the test binary another process of the test.
const roleVariable = "VIRTLOCK_CHAOS_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "worker":
		os.Exit(work())
	case "checker":
		os.Exit(check())
	}
	bed.Main(m)
}
