package lockspace

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Two lists in opposite order neither wait for each other for ever nor hold
// half of what they want.
func TestListsInOppositeOrder(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var group sync.WaitGroup
	lists := [][]Request{
		{r.auto("a", Exclusive), r.auto("b", Exclusive)},
		{r.auto("b", Exclusive), r.auto("a", Exclusive)},
		{r.auto("b", Exclusive), r.auto("c", Shared), r.auto("a", Shared)},
	}
	for i, list := range lists {
		group.Go(func() {
			h := r.owner(fmt.Sprint(i))
			for range 100 {
				if _, err := r.table.Acquire(ctx, h, list, Options{Wait: true}); err != nil {
					t.Error(err)
					return
				}
				if _, err := r.table.Release(ctx, h, names(list)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	r.clean()
}

func names(list []Request) (names []Name) {
	for _, r := range list {
		names = append(names, r.Name)
	}
	return names
}

// Shared locks that come and go make and remove the file all the time. None of
// them is ever refused.
func TestSharedChurn(t *testing.T) {
	r := newRig(t)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			h := r.owner(fmt.Sprint(i))
			for range 300 {
				if err := r.try(h, r.auto("disk", Shared)); err != nil {
					t.Error(err)
					return
				}
				if _, err := r.table.Release(context.Background(), h, []Name{r.name("disk")}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if r.exists("disk") {
		t.Error("the file is still there")
	}
	r.clean()
}

// users counts who holds a file, to check the table with.
type users struct{ state atomic.Int32 } // -1 exclusive, else how many share

func (u *users) enter(m Mode) bool {
	if m == Exclusive {
		return u.state.CompareAndSwap(0, -1)
	}
	return u.state.Add(1) > 0
}

func (u *users) leave(m Mode) {
	if m == Exclusive {
		u.state.Store(0)
	} else {
		u.state.Add(-1)
	}
}

// stress is what many owners do at once to a few files with two names each.
type stress struct {
	*rig
	files [6]users
}

// request asks for a random name of the i-th file. The first half are
// autocreated, by two names of one lockspace each.
func (s *stress) request(i int, m Mode) Request {
	if i < len(s.files)/2 {
		space := []string{s.dir, s.dir + "/."}[rand.IntN(2)]
		return Request{Name: Name{space, fmt.Sprint("auto", i)}, Mode: m, Autocreate: true}
	}
	return direct(fmt.Sprintf("%s/%s%d", s.dir, []string{"disk", "alias"}[rand.IntN(2)], i), m)
}

// list makes a random list of distinct files.
func (s *stress) list() (files []int, list []Request) {
	files = rand.Perm(len(s.files))[:1+rand.IntN(3)]
	for _, i := range files {
		list = append(list, s.request(i, Mode(rand.IntN(2))))
	}
	return files, list
}

// once takes a list, looks whether it really has it, and gives it back.
func (s *stress) once(h Holder) {
	files, list := s.list()
	o := Options{Wait: rand.IntN(3) > 0, Overtake: rand.IntN(4) == 0}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(20))*time.Millisecond)
	defer cancel()
	if _, err := s.table.Acquire(ctx, h, list, o); err != nil {
		if _, ok := errors.AsType[*BusyError](err); !ok && !errors.Is(err, ErrOwnerGone) {
			s.t.Error(err)
		}
		return
	}
	for i, file := range files {
		if !s.files[file].enter(list[i].Mode) {
			s.t.Errorf("%v is not alone", list[i])
		}
	}
	if rand.IntN(4) == 0 {
		s.checkKernel(list)
	}
	for i, file := range files {
		s.files[file].leave(list[i].Mode)
	}
	if rand.IntN(10) == 0 {
		s.table.End(h.Owner, OwnerExited)
	} else if _, err := s.table.Release(context.Background(), h, names(list)); err != nil {
		s.t.Error(err)
	}
}

func (s *stress) checkKernel(list []Request) {
	for _, req := range list {
		want := int16(unix.F_WRLCK)
		if req.Mode == Shared {
			want = unix.F_RDLCK
		}
		if got := kernelLock(s.t, req.Path()); got != want {
			s.t.Errorf("the kernel's lock for %v is %d", req, got)
		}
	}
}

func TestManyOwnersAtOnce(t *testing.T) {
	s := &stress{rig: newRig(t)}
	must(t, s.table.CreateSpace(s.dir+"/.", 0))
	for i := len(s.files) / 2; i < len(s.files); i++ {
		s.file(fmt.Sprint("disk", i))
		s.alias(fmt.Sprint("disk", i), fmt.Sprint("alias", i))
	}
	var group sync.WaitGroup
	for worker := range 16 {
		group.Go(func() {
			h := s.owner(fmt.Sprint(worker))
			for range 150 {
				s.once(h)
				if rand.IntN(20) == 0 {
					s.table.End(h.Owner, ConnectionClosed)
					h = s.owner(fmt.Sprint(worker))
				}
				h = s.alive(h)
			}
			s.table.End(h.Owner, OwnerExited)
		})
	}
	looking := make(chan struct{})
	go func() {
		defer close(looking)
		for range 100 {
			for _, l := range s.table.Locks() {
				if len(l.Holders) == 0 {
					t.Errorf("nobody holds %v", l)
				}
			}
			s.table.Inspect(s.request(rand.IntN(len(s.files)), Shared).Name)
			s.table.Totals()
		}
	}()
	group.Wait()
	<-looking
	s.clean()
	if n := s.descriptors(); n != 0 {
		t.Errorf("%d descriptors are left", n)
	}
	if left, _ := filepath.Glob(s.dir + "/auto*"); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	if left, _ := os.ReadDir(s.dir); len(left) != len(s.files) {
		t.Errorf("left %v", left)
	}
	totals := s.table.Totals()
	t.Logf("%+v", totals.Counts)
	if totals.Granted == 0 || totals.Refused == 0 || totals.Granted != totals.Released {
		t.Errorf("%+v", totals)
	}
}

// alive gives an owner that is not gone.
func (s *stress) alive(h Holder) Holder {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	if !h.Owner.gone {
		return h
	}
	h.Owner = new(Owner)
	return h
}
