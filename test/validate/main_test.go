// Package validate compares virt-xml-validate with libvirt's script over the
// same documents: those of a real libvirtd, and ones made here of every schema,
// whole and broken.
package validate

import (
	"testing"

	"virtlock/test/bed"
)

func TestMain(m *testing.M) { bed.Main(m) }
