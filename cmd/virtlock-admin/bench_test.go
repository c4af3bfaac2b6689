package main

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/daemon/daemontest"
)

// BenchmarkLockTable draws as many locks as a big host has.
func BenchmarkLockTable(b *testing.B) {
	var locks []api.Lock
	for i := range 15000 {
		lock := someLocks()[1]
		lock.Name = fmt.Sprintf("/var/lib/libvirt/images/guest%05d.qcow2", i)
		locks = append(locks, lock)
	}
	e := &env{now: func() time.Time { return now }}
	for _, width := range []int{0, 80} {
		b.Run(fmt.Sprint("Width", width), func(b *testing.B) {
			for b.Loop() {
				if err := e.lockTable(locks).print(io.Discard, width); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkList is the whole command against a daemon with that many locks. It
// has to stay below half a second.
func BenchmarkList(b *testing.B) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		b.Fatal(err)
	}
	limit.Cur = limit.Max
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		b.Fatal(err)
	}
	d, space := daemontest.Start(b), b.TempDir()
	c := d.Client(b)
	if err := c.CreateLockspace(b.Context(), space); err != nil {
		b.Fatal(err)
	}
	for first := 0; first < 15000; first += 1000 {
		var resources []api.Resource
		for i := range 1000 {
			name := fmt.Sprintf("%064x", first+i)
			resources = append(resources, api.Resource{Lockspace: space, Name: name, Autocreate: true})
		}
		if _, err := c.Acquire(b.Context(), 0, resources...); err != nil {
			b.Fatal(err)
		}
	}
	for _, words := range [][]string{{"list"}, {"-q", "list"}, {"--json", "list"}, {"list", "--format", "name,owner,pid"}} {
		b.Run(strings.Join(words, "_"), func(b *testing.B) {
			for b.Loop() {
				e := &env{out: io.Discard, err: io.Discard, now: time.Now, width: 80}
				if status := run(b.Context(), e, append([]string{"--socket", d.Socket}, words...)); status != exitOK {
					b.Fatal(status)
				}
			}
		})
	}
}
