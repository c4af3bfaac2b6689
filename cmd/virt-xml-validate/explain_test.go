package main

import (
	"strings"
	"testing"
)

// guest has faults in several places.
const guest = `<domain type='qemu'>
  <name>web01</name>
  <memory>1024</memory>
  <os><type>hvm</type></os>
  <devices>
    <disk type='file' device='disk'>
      <source file='/srv/a.raw'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <disk type='file' device='bogus'>
      <source file='/srv/b.raw'/>
      <target dev='vdb' bus='virtio'/>
      <foo/>
    </disk>
    <interface type='network'><source network='x'/><madel type='virtio'/></interface>
  </devices>
</domain>
`

// TestFaults looks for what a person is told.
func TestFaults(t *testing.T) {
	tests := map[string]struct {
		doc, want string
		status    int
	}{
		"SeveralDeepInside": {guest, `-:10:5: /domain/devices/disk[2]/@device: attribute "device" has no place here, or its value "bogus" is wrong
-:13:7: /domain/devices/disk[2]/foo: element "foo" has no place here, or its content is wrong
-:15:52: /domain/devices/interface/madel: element "madel" has no place here, or lacks something, or has a wrong value
- fails to validate
`, 3},
		"ValueOfWhatIsNeeded": {
			strings.NewReplacer("vda' bus='virtio'", "vda' bus='fnord'", "bogus", "disk", "<foo/>", "", "madel", "model").Replace(guest),
			"-:8:7: /domain/devices/disk[1]/target/@bus: attribute \"bus\" has no place here, or its value \"fnord\" is wrong\n- fails to validate\n", 3,
		},
		"ThreeInOneElement": {strings.NewReplacer("1024", "much", "  <os>", "  <vcpu>some</vcpu><os>").Replace(guest), `-:3:3: /domain/memory: the value "much" is of the wrong type; expected: unsignedLong
-:4:3: /domain/vcpu: element "vcpu" has no place here, or its content "some" is wrong
-:10:5: /domain/devices/disk[2]/@device: attribute "device" has no place here, or its value "bogus" is wrong
-:13:7: /domain/devices/disk[2]/foo: element "foo" has no place here, or its content is wrong
-:15:52: /domain/devices/interface/madel: element "madel" has no place here, or lacks something, or has a wrong value
- fails to validate
`, 3},
		"ManyChildren": {
			strings.Replace(guest, "  </devices>", strings.Repeat("<graphics type='vnc' port='-1'/>\n", 50)+"<graphics type='x'/>\n<sound model='none'/></devices>", 1),
			`-:10:5: /domain/devices/disk[2]/@device: attribute "device" has no place here, or its value "bogus" is wrong
-:13:7: /domain/devices/disk[2]/foo: element "foo" has no place here, or its content is wrong
-:15:52: /domain/devices/interface/madel: element "madel" has no place here, or lacks something, or has a wrong value
-:66:1: /domain/devices/graphics[51]: element "graphics" has no place here a second time, or lacks something, or has a wrong value
-:67:1: /domain/devices/sound: element "sound" has no place here, or lacks something, or has a wrong value
- fails to validate
`, 3,
		},
		"RequiredAttribute": {
			"<domain type='none'>\n<name>x</name><os><type>hvm</type></os></domain>",
			"-:1:1: /domain: element \"domain\" lacks something, or an attribute of it is wrong\n- fails to validate\n", 3,
		},
		"Value": {
			"<domain type='qemu'><name>ü</name><memory>abc</memory><os><type>hvm</type></os></domain>",
			"-:1:35: /domain/memory: the value \"abc\" is of the wrong type; expected: unsignedLong\n- fails to validate\n", 3,
		},
		"Missing": {"<network/>", "-:1:1: /network: an element is missing in it; expected: name\n- fails to validate\n", 3},
		"Attribute": {
			"<network foo='1'><name>x</name></network>",
			"-:1:1: /network/@foo: attribute \"foo\" has no place here, or its value \"1\" is wrong\n- fails to validate\n", 3,
		},
		"Twice": {
			"<network><name>a</name><name>b</name></network>",
			"-:1:10: /network/name[1]: element \"name\" has no place here a second time, or its content \"a\" is wrong\n- fails to validate\n", 3,
		},
		"Namespace": {
			"<n:network xmlns:n='urn:x'/>",
			"-:1:1: /n:network: element \"network\" must not have a namespace\n- fails to validate\n", 3,
		},
		"AttributeInside": {
			"<filter name='x'><rule action='zap' direction='in'/></filter>",
			"-:1:18: /filter/rule: an attribute of element \"rule\" is missing, or is wrong\n- fails to validate\n", 3,
		},
		"EndTag": {"<network>\n <name>a</network>", "-:2:19: end tag \"network\", but element \"name\" of line 2 is still open\n" +
			"-:2:19: the file ends before element \"network\" of line 1 does\n- is not well-formed XML\n", 3},
		"Empty":       {"", "-: it does not start with an element\n- is not well-formed XML\n", 3},
		"UnknownRoot": {"<wibble/>", "-: no schema is for the root element wibble\nhint: --schema NAME names one; virt-xml-validate --help lists them\n", 3},
		"Trick": {
			"<network a='\u009b31m'><name>x</name></network>",
			"-:1:1: /network/@a: attribute \"a\" has no place here, or its value \"\\u009b31m\" is wrong\n- fails to validate\n", 3,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := runLine(t, test.doc, "-")
			compare(t, got.err, test.want)
			if got.status != test.status {
				t.Errorf("status %d, want %d", got.status, test.status)
			}
		})
	}
}

// TestFaultWithoutScratch has no place for the documents that tell more.
func TestFaultWithoutScratch(t *testing.T) {
	t.Setenv("TMPDIR", "/nonexistent")
	got := runLine(t, guest, "-")
	compare(t, got.err, "-:5:3: /domain/devices: element \"devices\" has no place here, or is wrong inside\n- fails to validate\n")
}
