package validate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"virtlock/test/bed"
)

// real is a libvirtd with one object of each kind that a host without hardware
// of its own can have.
type real struct {
	*bed.Host
	t   *testing.T
	dir string
	set []document
}

// keep keeps what a command of virsh prints as a document of a schema.
func (r *real) keep(schema, name string, command ...string) {
	r.t.Helper()
	write(r.t, r.dir, name+".xml", r.MustVirsh(command...)+"\n")
	r.set = append(r.set, document{name + ".xml", schema})
}

// define gives a document to a command of virsh, at the end of its words.
func (r *real) define(doc string, command ...string) {
	r.t.Helper()
	const path = "/run/define.xml"
	r.Write(path, doc)
	r.MustVirsh(append(command, path)...)
}

// TestRealDocuments compares the programs over what virsh prints.
func TestRealDocuments(t *testing.T) {
	r := &real{Host: bed.NewHost(t, bed.Libvirts), t: t, dir: bed.Dir(t)}
	r.StartVirtlockd() // guests do not start without one
	r.StartLibvirtd()
	r.hostDocuments()
	r.guestDocuments()
	r.networkDocuments()
	r.storageDocuments()
	for _, d := range r.set {
		text, err := os.ReadFile(filepath.Join(r.dir, d.file))
		if err != nil {
			t.Fatal(err)
		}
		broken := "broken-" + d.file
		write(t, r.dir, broken, variants["UnknownElement"](string(text)))
		r.set = append(r.set, document{broken, d.schema})
	}
	compareAll(t, r.dir, r.set)
}

func (r *real) hostDocuments() {
	r.keep("capability", "capabilities", "capabilities")
	r.keep("domaincaps", "domcapabilities", "domcapabilities", "--virttype", "qemu")
	r.keep("storagepoolcaps", "pool-capabilities", "pool-capabilities")
	for name := range strings.FieldsSeq(r.MustVirsh("nodedev-list")) {
		r.keep("nodedev", "nodedev-"+name, "nodedev-dumpxml", name)
	}
	r.define(whole["secret"], "secret-define", "--file")
	id := strings.Fields(r.MustVirsh("secret-list"))[0]
	r.keep("secret", "secret", "secret-dumpxml", id)
	r.define(whole["nwfilter"], "nwfilter-define")
	r.keep("nwfilter", "nwfilter", "nwfilter-dumpxml", "no-arp")
}

func (r *real) guestDocuments() {
	r.define(whole["domain"], "define")
	r.keep("domain", "domain", "dumpxml", "web01")
	r.keep("domain", "domain-migratable", "dumpxml", "--migratable", "web01")
	image := bed.Image(r.t, bed.Dir(r.t), "a.img")
	r.MustCreate(bed.WithDisk("web02", image))
	r.keep("domain", "domain-running", "dumpxml", "web02")
	r.define("<domainsnapshot><name>s</name><state>shutoff</state><creationTime>1</creationTime>"+
		"<disks><disk name='vda' snapshot='external'><source file='/srv/s'/></disk></disks>"+
		r.MustVirsh("dumpxml", "web01")+"</domainsnapshot>", "snapshot-create", "web01", "--redefine")
	r.keep("domainsnapshot", "snapshot", "snapshot-dumpxml", "web01", "s")
}

func (r *real) networkDocuments() {
	r.define(strings.Replace(whole["network"], "default", "made", 1), "net-define")
	r.keep("network", "network", "net-dumpxml", "made")
	r.keep("interface", "interface", "iface-dumpxml", "lo")
}

func (r *real) storageDocuments() {
	path := bed.Dir(r.t)
	r.define("<pool type='dir'><name>images</name><target><path>"+path+"</path></target></pool>", "pool-create")
	r.keep("storagepool", "pool", "pool-dumpxml", "images")
	r.MustVirsh("vol-create-as", "images", "a.raw", "1M")
	r.keep("storagevol", "volume", "vol-dumpxml", "a.raw", "images")
	r.MustVirsh("vol-create-as", "images", "b.qcow2", "1M", "--format", "qcow2")
	r.keep("storagevol", "volume-qcow2", "vol-dumpxml", "b.qcow2", "images")
}
