package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestWatchdog(t *testing.T) {
	h := newHost(t)
	m := newManager(t, h.path("notify"))
	for _, variables := range []string{"WATCHDOG_USEC=200000", "WATCHDOG_USEC=200000 WATCHDOG_PID=$$"} {
		p := h.startFor(m, variables)
		m.next("READY=1")
		m.next("WATCHDOG=1") // at once
		for range 3 {
			start := time.Now()
			m.next("WATCHDOG=1")
			if took := time.Since(start); took > 180*time.Millisecond {
				t.Errorf("%s: waited %v", variables, took)
			}
		}
		p.end()
		m.next("STOPPING=1")
	}
}

// Libvirt's daemon does not know the watchdog: it would be killed, and all locks
// with it. When it is executed the watchdog is turned off, and on again after it.
func TestWatchdogIsOffWhileLibvirtsDaemonRuns(t *testing.T) {
	h := newHost(t)
	m := newManager(t, h.path("notify"))
	program := h.path("program")
	lead := func(to string) {
		t.Helper()
		if err := errors.Join(os.Symlink(to, program+".new"), os.Rename(program+".new", program)); err != nil {
			t.Fatal(err)
		}
	}
	lead(ours)
	p := h.startProgramFor(m, program, "WATCHDOG_USEC=20000000")
	m.next("READY=1")
	for range 2 {
		lead(theirs)
		p.signal(syscall.SIGUSR1)
		m.next("WATCHDOG_USEC=0")
		m.next("READY=1") // libvirt's daemon says so, too
		lead(ours)
		p.signal(syscall.SIGUSR1)
		m.next("WATCHDOG_USEC=20000000")
		m.next("WATCHDOG=1")
	}
	// A program of ours knows it: it stays on.
	p.signal(syscall.SIGUSR1)
	m.next("RELOADING=1")
	for got := m.nextAny(); got.value("READY") != "1"; got = m.nextAny() {
		if got.value("WATCHDOG_USEC") != "" {
			t.Errorf("told %q", got.text)
		}
	}
	p.end()
}

func TestWatchdogPeriod(t *testing.T) {
	for _, test := range []struct {
		microseconds, pid string
		want              time.Duration
	}{
		{"30000000", "", 30 * time.Second},
		{"30000000", strconv.Itoa(os.Getpid()), 30 * time.Second},
		{"30000000", "1", 0},
		{"30000000", "x", 0},
		{"", "", 0},
		{"0", "", 0},
		{"-1", "", 0},
		{"x", "", 0},
		{"9223372036854775807", "", maxPeriod},
		{"9223372036854775808", "", 0},
	} {
		if got := parseWatchdog(test.microseconds, test.pid); got != test.want {
			t.Errorf("%q, %q: %v", test.microseconds, test.pid, got)
		}
	}
}

// The watchdog hears nothing while the daemon is unhealthy, and again when that
// has passed, before a period is over.
func TestWatchdogHearsOfHealthOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const period = 20 * time.Second
		start := time.Now()
		var looks, pings []time.Duration
		log := slog.New(slog.NewTextHandler(writerOf(func(string) {
			pings = append(pings, time.Since(start)) // the socket is none, and that is logged
		}), nil))
		n := &notifier{socket: "nowhere", log: log}
		ctx, end := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			n.keepWatch(ctx, period, func(look context.Context) error {
				looks = append(looks, time.Since(start))
				switch len(looks) {
				case 2: // hangs
					<-look.Done()
					return look.Err()
				case 3:
					return errors.New("fails")
				}
				return nil
			})
		}()
		time.Sleep(38 * time.Second)
		end()
		<-done
		want := []time.Duration{0, 10 * time.Second, 16 * time.Second, 17 * time.Second, 27 * time.Second, 37 * time.Second}
		if !slices.Equal(looks, want) {
			t.Errorf("looked at %v", looks)
		}
		if want := []time.Duration{0, 17 * time.Second, 27 * time.Second, 37 * time.Second}; !slices.Equal(pings, want) {
			t.Errorf("told at %v", pings)
		}
	})
}

// writerOf gets the lines of a log that are about a notification.
type writerOf func(string)

func (w writerOf) Write(line []byte) (int, error) {
	if strings.Contains(string(line), "cannot notify") {
		w(string(line))
	}
	return len(line), nil
}

func TestChildEnvironment(t *testing.T) {
	for _, name := range serviceVariables {
		t.Setenv(name, "1")
	}
	t.Setenv("NOTIFY_SOCKETS", "another")
	got := childEnvironment()
	if !slices.Contains(got, "NOTIFY_SOCKETS=another") || len(got) != len(os.Environ())-len(serviceVariables) {
		t.Errorf("got %q", got)
	}
}
