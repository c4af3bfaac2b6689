package storage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"virtlock/client/api"
	"virtlock/test/bed"
)

// TestCheckOfDisksOnHungStorage asks about a guest with disks of which some hang: who
// asks is told which, and how it is with the others.
func TestCheckOfDisksOnHungStorage(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"lookup", "open"} {
		t.Run(operation, func(t *testing.T) {
			h := bed.NewHost(t, bed.Ours)
			h.StartVirtlockd()
			storage, hung := mountHung(t, h, "a.img", "b.img")
			dir := bed.Dir(t)
			disks := []string{hung + "/a.img", bed.Image(t, dir, "c.img"), hung + "/b.img"}
			web01 := h.Owner("web01", unix.Getpid())
			for _, path := range disks[1:] {
				web01.MustAcquire(api.Resource{Name: path})
			}
			storage.hang(operation, "a.img")
			storage.hang(operation, "b.img")
			answer := checkDisks(t, h, dir, disks)
			storage.answerAll()
			for i, want := range []string{"\tunknown\tits storage does not answer\n", "\tbusy\tweb01 (process ", "\tbusy\tweb01 (process "} {
				if row := "disk\t" + disks[i] + "\t-\t" + disks[i] + "\texclusive"; !strings.Contains(answer, row+want) {
					t.Errorf("no %q in:\n%s", row+want, answer)
				}
			}
		})
	}
}

// checkDisks asks about a guest with these disks. It returns what is said up to the last
// line, since the process ends only when the storage answers.
func checkDisks(t *testing.T, h *bed.Host, dir string, disks []string) string {
	t.Helper()
	description, answer := filepath.Join(dir, "web02.xml"), filepath.Join(dir, "answer")
	text := "<domain><name>web02</name><devices>"
	for _, path := range disks {
		text += "<disk><source file='" + path + "'/><target dev='disk'/></disk>"
	}
	if err := os.WriteFile(description, []byte(text+"</devices></domain>"), 0o644); err != nil {
		t.Fatal(err)
	}
	command := bed.Binary(t, "virtlock-admin") + " -q check " + description + " >" + answer + " 2>&1 &"
	if out, err := h.Run("sh", "-c", command); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var said []byte
	bed.Eventually(t, "check has said all", func() bool {
		said, _ = os.ReadFile(answer)
		return strings.Contains(string(said), "\nhint: ")
	})
	return string(said)
}
