// Package guest tests virtlockd through the front door: a real libvirtd starts
// real QEMU guests against it. What libvirt's own daemon does in the same place
// is tested beside it.
package guest

import (
	"testing"

	"virtlock/test/bed"
)

func TestMain(m *testing.M) { bed.Main(m) }
