package validate

import (
	"testing"

	"virtlock/test/bed"
)

// TestMadeDocuments compares the programs over each variant of a document of
// each schema.
func TestMadeDocuments(t *testing.T) {
	dir := bed.Dir(t)
	var set []document
	for schema, doc := range whole {
		for name, change := range variants {
			file := schema + "-" + name + ".xml"
			write(t, dir, file, change(doc))
			set = append(set, document{file, schema})
		}
	}
	if len(set) < 200 || len(whole) != 17 {
		t.Errorf("%d documents of %d schemas", len(set), len(whole))
	}
	compareAll(t, dir, set)
}

// TestOneByOne compares the programs in all three ways to name a document.
func TestOneByOne(t *testing.T) {
	dir := bed.Dir(t)
	for name, change := range variants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			write(t, dir, name+".xml", change(whole["network"]))
			sameEnd(t, dir, "", name+".xml")
			sameEnd(t, dir, "", name+".xml", "network")
			sameEnd(t, dir, name+".xml", "-")
		})
	}
}

// TestShippedDocuments compares the programs over what comes with libvirt.
func TestShippedDocuments(t *testing.T) {
	const shipped = "/usr/share/libvirt"
	var set []document
	for _, file := range xmlFiles(t, shipped) {
		set = append(set, document{file, "domain"})
	}
	compareAll(t, shipped, set)
}

// TestCommandLines compares what the programs make of their words.
func TestCommandLines(t *testing.T) {
	dir := bed.Dir(t)
	write(t, dir, "net.xml", whole["network"])
	write(t, dir, "with blank.xml", whole["network"])
	write(t, dir, "a:b%20c.xml", whole["network"])
	write(t, dir, "bad.xml", "<network/>")
	makeSpecial(t, dir)
	for _, line := range [][]string{
		{},
		{""},
		{"--"},
		{"nofile.xml"},
		{"nofile.xml", "network"},
		{"nofile.xml", "nosuchschema"},
		{"empty.d"},
		{"pipe"},
		{"/dev/null"},
		{"dangling"},
		{"link.xml"},
		{"unreadable.xml"},
		{"with blank.xml"},
		{"a:b%20c.xml"},
		{"./net.xml"},
		{"--", "net.xml"},
		{"--", "net.xml", "network"},
		{"--", "--"},
		{"--", "-"},
		{"--", "nofile.xml"},
		{"net.xml", ""},
		{"net.xml", "domain"},
		{"net.xml", "inactiveDomain"},
		{"net.xml", "domaincommon"},
		{"net.xml", "nosuchschema"},
		{"net.xml", "Network"},
		{"net.xml", " "},
		{"net.xml", "../schemas/network"},
		{"bad.xml", "nosuchschema"},
		{"-", "nosuchschema"},
		{"-"},
		{"-h"},
		{"--h"},
		{"--he"},
		{"--hel"},
		{"--help"},
		{"-h", "net.xml"},
		{"-V"},
		{"--v"},
		{"--ve"},
		{"--vers"},
		{"--versio"},
		{"--version"},
		{"-V", "net.xml"},
		{"-hx"},
		{"-help"},
		{"--help=x"},
		{"--helpx"},
		{"--fnord"},
		{"-x"},
		{"-v"},
		{"-x", "net.xml"},
	} {
		sameEnd(t, dir, "", line...)
	}
}
