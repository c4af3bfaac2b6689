package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// schema is a schema that libvirt has for documents of its own, and what the
// name of their root element contains.
type schema struct{ name, root string }

// schemas are the schemas by root element. The first one that fits is taken, so
// that what contains another's root comes before it.
var schemas = []schema{
	{"cpu", "cpu"},
	{"domainsnapshot", "domainsnapshot"},
	{"domaincheckpoint", "domaincheckpoint"},
	{"domainbackup", "domainbackup"},
	{"domaincaps", "domainCap"},
	{"domain", "domain"},
	{"networkport", "networkport"},
	{"network", "network"},
	{"storagepoolcaps", "storagepoolCap"},
	{"storagepool", "pool"},
	{"storagevol", "volume"},
	{"capability", "capabilities"},
	{"nodedev", "device"},
	{"nwfilterbinding", "filterbinding"},
	{"nwfilter", "filter"},
	{"secret", "secret"},
	{"interface", "interface"},
}

// schemaNames are the names of all schemas, sorted.
func schemaNames() []string {
	names := make([]string, len(schemas))
	for i, s := range schemas {
		names[i] = s.name
	}
	slices.Sort(names)
	return names
}

// schemaOf is the name of the schema for a root element, or "".
func schemaOf(root string) string {
	for _, s := range schemas {
		if strings.Contains(root, s.root) {
			return s.name
		}
	}
	return ""
}

// schemaDirs is where libvirt, or whoever built it, puts its schemas.
var schemaDirs = []string{
	"/usr/share/libvirt/schemas",
	"/usr/share/xml/libvirt/schemas",
	"/usr/local/share/libvirt/schemas",
}

// schemaDirVariable is the environment variable that names another directory.
const schemaDirVariable = "VIRT_XML_SCHEMA_DIR"

// dirs are the directories to look for schemas in, in this order.
func (e *env) dirs() []string {
	if e.options.schemaDir != "" {
		return []string{e.options.schemaDir}
	}
	if dir := os.Getenv(schemaDirVariable); dir != "" {
		return []string{dir}
	}
	return schemaDirs
}

// schemaFile is the file of a schema, and whether it exists. A name that libvirt
// has no documents for, such as that of a part of a schema, is looked for too.
func (e *env) schemaFile(name string) (path string, exists bool) {
	dirs := e.dirs()
	for _, dir := range dirs {
		path := filepath.Join(dir, name+".rng")
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, true
		}
	}
	return filepath.Join(dirs[0], name+".rng"), false
}
