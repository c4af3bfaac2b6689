package lockspace

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// benchmark runs f over an empty table and over one with many locks.
func benchmark(b *testing.B, f func(b *testing.B, r *rig)) {
	for _, held := range []int{0, 15000} {
		b.Run(fmt.Sprintf("held=%d", held), func(b *testing.B) {
			r := newRig(b)
			other := r.owner("other")
			for i := range held {
				r.take(other, Request{Name: r.name(fmt.Sprintf("held%d", i)), Autocreate: true})
			}
			b.ReportAllocs()
			b.ResetTimer()
			f(b, r)
			b.StopTimer()
			r.table.End(other.Owner, OwnerExited)
		})
	}
}

func BenchmarkAcquireRelease(b *testing.B) {
	benchmark(b, func(b *testing.B, r *rig) {
		o := r.owner("guest")
		requests := []Request{{Name: r.name("disk"), Autocreate: true}}
		names := []Name{requests[0].Name}
		for range b.N {
			r.take(o, requests...)
			r.free(o, names...)
		}
	})
}

func BenchmarkAcquireReleaseDirect(b *testing.B) {
	benchmark(b, func(b *testing.B, r *rig) {
		o := r.owner("guest")
		requests := []Request{{Name: Name{"", r.file("disk.img")}}}
		names := []Name{requests[0].Name}
		for range b.N {
			r.take(o, requests...)
			r.free(o, names...)
		}
	})
}

func BenchmarkSharedJoin(b *testing.B) {
	benchmark(b, func(b *testing.B, r *rig) {
		o := r.owner("guest")
		requests := []Request{{Name: r.name("disk"), Mode: Shared, Autocreate: true}}
		names := []Name{requests[0].Name}
		r.take(r.owner("first"), requests...)
		for range b.N {
			r.take(o, requests...)
			r.free(o, names...)
		}
	})
}

func BenchmarkRefused(b *testing.B) {
	benchmark(b, func(b *testing.B, r *rig) {
		o := r.owner("guest")
		requests := []Request{{Name: r.name("disk"), Autocreate: true}}
		r.take(r.owner("first"), requests...)
		for range b.N {
			_, err := r.table.Acquire(context.Background(), o, requests, Options{})
			if _, ok := errors.AsType[*BusyError](err); !ok {
				b.Fatal(err)
			}
		}
	})
}
