package handover

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

// update writes the files of testdata anew. They are for ever: a release that
// changes one cannot speak with the keeper of the release before, and only new
// ones may come.
var update = flag.Bool("update", false, "write testdata anew")

// messages are those of version 1, by name.
func messages() map[string]*message {
	c := sizeable()
	c.Hold.FD = 11
	h := holdOf(5)
	return map[string]*message{
		"daemon hello":   {Kind: kindHello, Version: 1},
		"daemon change":  {Kind: kindChange, Change: &c},
		"daemon drop":    {Kind: kindChange, Change: &Change{Drop: 300}},
		"daemon drops":   {Kind: kindChange, Change: &Change{Drop: 300, Drops: []uint64{301, 1}}},
		"daemon ask":     {Kind: kindAsk, Number: 2},
		"daemon let go":  {Kind: kindLetGo},
		"keeper welcome": {Kind: kindWelcome, Version: 1, PID: 4242},
		"keeper taken":   {Kind: kindTaken, PID: 4243},
		"keeper totals":  {Kind: kindChange, Change: &Change{Totals: Totals{1, 2, 3, 4, 5, 6, 7, 8}}},
		"keeper space":   {Kind: kindChange, Change: &Change{Space: "/space"}},
		"keeper hold":    {Kind: kindHold, Hold: string(h.append(nil))},
		"keeper ended":   {Kind: kindEnded, Hold: string(h.append(nil))},
		"daemon full":    {Kind: kindFull},
		"keeper all":     {Kind: kindAll},
		"keeper has all": {Kind: kindAll, Number: complete},
		"keeper kept":    {Kind: kindKept, Number: 2, Kept: &Kept{Locks: 1, Holds: 2, Ended: 3, Lost: 4}},
	}
}

const messageFile, journalFile = "testdata/keeper-1.txt", "testdata/journal-1"

// goldenMessages reads lines of a name, a colon and hex.
func goldenMessages(t *testing.T) map[string][]byte {
	t.Helper()
	file, err := os.Open(messageFile)
	must(t, err)
	defer file.Close()
	found := make(map[string][]byte)
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if name, digits, ok := strings.Cut(lines.Text(), ": "); ok && name[0] != '#' {
			found[name], err = hex.DecodeString(digits)
			must(t, err)
		}
	}
	must(t, lines.Err())
	return found
}

// Keepers and daemons of different releases meet at each upgrade.
func TestMessagesOfVersion1(t *testing.T) {
	if *update {
		writeMessages(t)
	}
	golden := goldenMessages(t)
	equal(t, "the number of messages", len(golden), len(messages()))
	for name, m := range messages() {
		if got := m.append(nil); !bytes.Equal(got, golden[name]) {
			t.Errorf("%s is written as %x", name, got)
		}
		var got message
		must(t, got.read(golden[name]))
		if !reflect.DeepEqual(&got, m) {
			t.Errorf("%s is read as %+v", name, got)
		}
	}
	var o order
	must(t, o.read(golden["daemon change"]))
	c := sizeable()
	r := &o.hold
	if o.drop != c.Drop || string(o.space) != c.Space || o.totals != c.Totals || r.id != c.Hold.ID || r.lock != c.Hold.Lock ||
		r.device != c.Hold.File.Device || r.pid != c.Hold.Owner.PID || r.start != c.Hold.Owner.Start {
		t.Errorf("the keeper reads %+v", o)
	}
	var h Hold
	must(t, h.read(r.raw))
	h.FD = -1
	equal(t, "the hold", h, *c.Hold)
}

func writeMessages(t *testing.T) {
	t.Helper()
	var b strings.Builder
	b.WriteString("# What daemon and keeper say to each other in version 1. It is not to be changed.\n")
	for _, who := range []string{"daemon hello", "daemon change", "daemon drop", "daemon drops", "daemon ask", "daemon full", "daemon let go", "keeper welcome", "keeper taken", "keeper totals", "keeper space", "keeper hold", "keeper ended", "keeper all", "keeper has all", "keeper kept"} {
		fmt.Fprintf(&b, "%s: %x\n", who, messages()[who].append(nil))
	}
	must(t, os.WriteFile(messageFile, []byte(b.String()), 0o644))
}

// goldenChanges is what the journal of version 1 has to say.
func goldenChanges() []Change {
	return []Change{{Space: "/a"}, granted(1), granted(2), {Drop: 1, Totals: Totals{Released: 1}}, granted(3), {Space: "/ä"}}
}

func TestJournalOfVersion1(t *testing.T) {
	if *update {
		b, _ := journalOf(t, goldenChanges()...)
		must(t, os.WriteFile(journalFile, b, 0o644))
	}
	golden, err := os.ReadFile(journalFile)
	must(t, err)
	if b, _ := journalOf(t, goldenChanges()...); !bytes.Equal(b, golden) {
		t.Error("the journal is written in another way")
	}
	path := scratch(t, "journal")
	must(t, os.WriteFile(path, golden, 0o600))
	_, s := openAt(t, path, thisBoot)
	want := &State{
		Spaces: []string{"/a", "/ä"}, Holds: []Hold{holdOf(2), holdOf(3)},
		Totals: Totals{Hold: 3, Granted: 3, Released: 1},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("the state is %+v", s)
	}
}

// What a newer release adds is passed over.
func TestUnknownIsPassedOver(t *testing.T) {
	k, socket := keep(t)
	must(t, k.tell(&message{Kind: 99, PID: 5}))
	c := granted(1)
	c.Hold.Owner, c.Hold.FD = identity(t, os.Getpid()), -1
	b := (&message{Kind: kindChange, Change: &c}).append(nil)
	b = appendElement(b, 1000, "from the future")
	must(t, k.send(b, nil))
	must(t, k.send([]byte{0xff}, nil)) // nothing at all
	equal(t, "what it keeps", ask(t, k), Kept{Locks: 1, Holds: 1, Lost: 1})
	must(t, k.Close())
	k, s, _ := find(t, socket)
	wantIDs(t, s, 1)
	must(t, k.Pass(Change{Drop: 1}))
	equal(t, "what it keeps", ask(t, k), Kept{Lost: 1})
}
