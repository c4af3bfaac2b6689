// Package crash kills our daemon at each place where a crash could hurt, and its
// keeper too, and looks what the next daemon makes of it.
package crash

import (
	"os"
	"testing"

	"virtlock/test/bed"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(witnessVariable); path != "" {
		os.Exit(witness(path))
	}
	bed.Main(m)
}
