package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
)

// say sends lines on a connection of their own and gives the answer to each.
func say(t *testing.T, socket string, lines ...string) (answers []string) {
	t.Helper()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for _, line := range lines {
		if _, err := fmt.Fprintln(c, line); err != nil {
			t.Fatal(err)
		}
		answer, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, answer)
	}
	return answers
}

// lockDisk has a guest lock a disk, and gives what registers it, what names the
// disk, and its process.
func (h *host) lockDisk() (register, resources string, pid int) {
	h.t.Helper()
	h.write("disk", "")
	guest := exec.Command("sleep", "1000")
	if err := guest.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { guest.Process.Kill(); guest.Wait() })
	register = fmt.Sprintf(`{"id":1,"method":"owner.register","params":{"owner":{"name":"vm","pid":%d},"tied_to":"process"}}`, guest.Process.Pid)
	resources = fmt.Sprintf(`"resources":[{"lockspace":"","name":%q}]`, h.path("disk"))
	say(h.t, h.socket(), register, `{"id":1,"method":"lock.acquire","params":{`+resources+`}}`)
	return register, resources, guest.Process.Pid
}

const auditLog = "log/libvirt/virtlockd-audit.log"

// The next program goes on with the history, and knows what was taken by force.
func TestTheHistoryOutlivesAReexec(t *testing.T) {
	h := newHost(t)
	p := h.start(ours)
	register, resources, _ := h.lockDisk()
	got := say(t, h.socket(), `{"id":1,"method":"lock.force_release","params":{`+resources+`,"leave_running":true,"reason":"split brain"}}`,
		`{"id":2,"method":"daemon.reexec"}`)
	checkContains(t, got[0], `"released":[{"lock"`)
	checkContains(t, got[1], `"result"`)
	late := say(t, h.socket(), register, `{"id":1,"method":"lock.release","params":{`+resources+`}}`)[1]
	checkContains(t, late, `"code":"forced"`)
	checkContains(t, late, "split brain")
	eventually(t, "the re-exec is noted down", func() bool { return strings.Contains(h.read(auditLog), "daemon.reexecuted") })
	history := h.read(auditLog)
	checkContains(t, history, `"reason":"forced","by":{"client":3`)
	checkContains(t, history, `"type":"daemon.reexecuted","message":"was re-executed, version `+version+`; locks: 0, clients: 1","by":{"client":3`)

	h.write("work/virtlockd.conf", `audit_file = ""`)
	p.signal(syscall.SIGHUP)
	eventually(t, "no history is kept", func() bool { return strings.Contains(ask(t, h.socket(), "audit.list"), "not_found") })
	ask(t, h.socket(), "daemon.reexec")
	checkContains(t, ask(t, h.socket(), "audit.list"), "not_found")
	p.end()
}

// Where the history cannot be written the daemon serves all the same.
func TestNoPlaceForTheHistory(t *testing.T) {
	h := newHost(t)
	h.write("work/virtlockd.conf", fmt.Sprintf("audit_file = '%s'\nlog_outputs = '3:file:%s'", h.path("nowhere/audit"), h.path("daemon.log")))
	p := h.start(ours)
	say(t, h.socket(), fmt.Sprintf(`{"id":1,"method":"lockspace.create","params":{"path":%q}}`, h.path("space")))
	eventually(t, "the log says so", func() bool {
		return h.exists("daemon.log") && strings.Contains(h.read("daemon.log"), "cannot write the audit file")
	})
	p.end()
}

// A lock that could not be taken back may be given up, so that nobody goes on trying
// to get it for an owner who has moved away.
func TestForceOfALockThatIsMissing(t *testing.T) {
	h := newHost(t)
	p := h.start(ours)
	register, resources, pid := h.lockDisk()
	var status struct{ Result api.Status }
	if err := json.Unmarshal([]byte(ask(t, h.socket(), "daemon.status")), &status); err != nil {
		t.Fatal(err)
	}
	for _, process := range []int{status.Result.PID, status.Result.Keeper.PID} {
		syscall.Kill(process, syscall.SIGKILL)
	}
	p.wait()
	f, err := os.OpenFile(h.path("disk"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	eventually(t, "another program has it", func() bool {
		return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Len: 1}) == nil
	})
	p = h.start(ours)
	checkContains(t, ask(t, h.socket(), "daemon.status"), `"missing":[{`)
	params := fmt.Sprintf(`{"id":1,"method":"lock.force_release","params":{"owner_pid":%d,"reason":"it has moved"`, pid)
	got := say(t, h.socket(), params+`}}`, params+`,"leave_running":true,"dry_run":true}}`, params+`,"leave_running":true}}`, params+`}}`)
	checkContains(t, got[0], `"released":[],"refused":[{"lock"`)
	checkContains(t, got[1], `"released":[{"lock"`)
	checkContains(t, got[2], `"released":[{"lock"`)
	checkContains(t, got[3], `"released":[],"refused":[]`)
	if status := ask(t, h.socket(), "daemon.status"); strings.Contains(status, `"missing"`) {
		t.Errorf("it is missing still: %s", status)
	}
	late := say(t, h.socket(), register, `{"id":1,"method":"lock.release","params":{`+resources+`}}`)[1]
	checkContains(t, late, `"code":"forced"`)
	p.end()
	checkContains(t, h.read(auditLog), `"type":"lock.missing"`)
	checkContains(t, h.read(auditLog), `"message":"it has moved"`)
}
