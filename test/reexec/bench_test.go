package reexec

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/test/bed"
)

// BenchmarkBlackout measures for how long nobody is answered because of a re-exec:
// an established client, and one that connects anew for each call. The second is
// measured with ours only: libvirt's daemon does not survive a client that has not
// registered yet. CPU is what the daemon and its children use.
func BenchmarkBlackout(b *testing.B) {
	for _, locks := range []int{10, 1000, 10000, 19000} {
		for _, d := range []bed.Daemon{bed.At(quickBinary(b)), bed.Libvirts} {
			name := map[bool]string{true: "libvirts", false: "ours"}[d == bed.Libvirts]
			b.Run(fmt.Sprintf("%s/%d", name, locks), func(b *testing.B) { blackout(b, d, locks) })
		}
	}
}

func blackout(b *testing.B, d bed.Daemon, locks int) {
	r := &rig{Host: bed.NewHost(b, d), t: b}
	r.daemon = r.StartVirtlockd()
	time.Sleep(100 * time.Millisecond) // the probe of StartVirtlockd has to be gone
	guest := r.guest().PID()
	c, dir := r.guestRPC("vm", guest), bed.Dir(b)
	for i := range locks {
		check(b, c.acquire(bed.Image(b, dir, fmt.Sprintf("disk-of-a-guest-%05d.img", i)), 0))
	}
	var gaps, fresh, cpu []float64
	for range max(b.N, 5) {
		used := r.cpu()
		gap, anew := r.gaps(c, guest, d != bed.Libvirts)
		gaps, fresh, cpu = append(gaps, gap), append(fresh, anew), append(cpu, r.cpu()-used)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(gaps), "ms/gap")
	b.ReportMetric(median(fresh), "ms/newgap")
	b.ReportMetric(median(cpu), "ms/cpu")
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

// gaps re-executes, and gives the longest time without a reply, in milliseconds.
// Requests are sent whether they are answered or not: libvirt's daemon loses some.
func (r *rig) gaps(c *rpc, guest int, anew bool) (established, fresh float64) {
	stop, done, anewDone := make(chan struct{}), make(chan float64), make(chan float64)
	go func() {
		m := c.message(procRelease, resourceArgs("", "/nothing", 0))
		for {
			select {
			case <-stop:
				return
			case <-time.After(500 * time.Microsecond):
				c.Write(m)
			}
		}
	}()
	go func() { done <- longestGap(stop, func() { c.Read(make([]byte, 4096)) }) }()
	if anew {
		go func() {
			anewDone <- longestGap(stop, func() {
				fresh := &rpc{Conn: r.rpc().Conn}
				fresh.call(procRegister, registerArgs("vm", guest))
				fresh.Close()
			})
		}()
	}
	time.Sleep(100 * time.Millisecond)
	check(r.t, unix.Kill(r.daemon.PID(), unix.SIGUSR1))
	time.Sleep(1500 * time.Millisecond)
	close(stop)
	established = <-done
	if anew {
		fresh = <-anewDone
	}
	return established, fresh
}

func longestGap(stop chan struct{}, call func()) float64 {
	longest, last := time.Duration(0), time.Now()
	for {
		select {
		case <-stop:
			return longest.Seconds() * 1000
		default:
			call()
			longest, last = max(longest, time.Since(last)), time.Now()
		}
	}
}

// cpu is what the daemon and its children have used, in milliseconds.
func (r *rig) cpu() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", r.daemon.PID()))
	check(r.t, err)
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	ticks := 0
	for _, f := range fields[11:15] { // utime, stime and those of the children
		n, _ := strconv.Atoi(string(f))
		ticks += n
	}
	return float64(ticks) * 10
}
