package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestSignalsThatEndTheDaemon(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT} {
		t.Run(s.String(), func(t *testing.T) {
			h := newHost(t)
			p := h.start(ours, "-v")
			p.signal(s)
			got := p.wait()
			if got.status != exitOK {
				t.Errorf("status %d: %s", got.status, got.stderr)
			}
			checkContains(t, got.stderr, "info : daemon : leaving because of a signal\n")
			for _, name := range []string{"run/virtlockd.pid", "run/libvirt/virtlockd-sock", "run/libvirt/virtlockd-admin-sock"} {
				if h.exists(name) {
					t.Errorf("%s is left", name)
				}
			}
		})
	}
}

func TestSignalsThatAreIgnored(t *testing.T) {
	h := newHost(t)
	p := h.start(ours)
	for _, s := range ignored {
		p.signal(s.(syscall.Signal))
		checkContains(t, ask(t, h.socket(), "daemon.status"), "result")
	}
	for s := syscall.Signal(35); s <= 64; s++ { // the real-time ones, of which the C library keeps some
		p.signal(s)
	}
	checkContains(t, ask(t, h.socket(), "daemon.status"), "result")
	p.end()
}

func TestReload(t *testing.T) {
	h := newHost(t)
	h.write("work/virtlockd.conf", "max_clients = 7")
	p := h.start(ours)
	checkContains(t, ask(t, h.socket(), "daemon.status"), `"max_clients":7`)
	log := h.path("log/new.log")
	h.write("work/virtlockd.conf", fmt.Sprintf("max_clients = 8\nlog_outputs = '2:file:%s'\nlog_level = 2", log))
	p.signal(syscall.SIGHUP)
	eventually(t, "the new limit", func() bool {
		return strings.Contains(ask(t, h.socket(), "daemon.status"), `"max_clients":8`)
	})

	for _, bad := range []string{"max_clients = 'a'", "max_clients = 9\nlog_level = 9", "max_clients = 9\nlog_outputs = 'x'", "max_clients"} {
		before := logSize(log)
		h.write("work/virtlockd.conf", bad)
		p.signal(syscall.SIGHUP)
		eventually(t, "an error in the log for "+bad, func() bool {
			content, _ := os.ReadFile(log)
			return strings.Contains(string(content[before:]), "error : daemon : configuration not reloaded")
		})
		checkContains(t, ask(t, h.socket(), "daemon.status"), `"max_clients":8`)
	}
	p.end()
}

func logSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// A signal that comes while the daemon starts waits until it has started.
func TestASignalDuringTheStart(t *testing.T) {
	h := newHost(t)
	h.write("run/libvirt/x", "")
	claim, err := takeClaim(h.socket())
	if err != nil {
		t.Fatal(err)
	}
	p := startCommand(t, h.command(daemonWords(ours)...))
	eventually(t, "the PID file", func() bool { return h.exists("run/virtlockd.pid") })
	p.signal(syscall.SIGHUP)
	p.signal(syscall.SIGTERM)
	claim.release()
	if got := p.wait(); got.status != exitOK {
		t.Errorf("got %+v", got)
	}
	if h.exists("run/virtlockd.pid") || h.exists("run/libvirt/virtlockd-sock") {
		t.Error("files are left")
	}
}

// TestAnActionThatHangsHoldsUpNoOther lets a reload hang, as one does whose log
// file is on storage that hangs.
func TestAnActionThatHangsHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSignals(syscall.SIGHUP, syscall.SIGTERM)
		hang, left := make(chan struct{}), make(chan struct{})
		stop := s.handle(map[os.Signal]func(){
			syscall.SIGHUP:  func() { <-hang },
			syscall.SIGTERM: func() { close(left) },
		})
		s.caught[syscall.SIGHUP] <- syscall.SIGHUP
		synctest.Wait()
		s.caught[syscall.SIGTERM] <- syscall.SIGTERM
		<-left
		start := time.Now()
		stop()
		if took := time.Since(start); took != stopTime {
			t.Errorf("the end took %v", took)
		}
		close(hang)
	})
}
