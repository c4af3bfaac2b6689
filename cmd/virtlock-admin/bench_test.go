package main

import (
	"fmt"
	"io"
	"testing"
	"time"

	"virtlock/client/api"
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
