package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"virtlock/client"
	"virtlock/client/api"
)

// usage is all that is known about who uses a file: the answer of who.
type usage struct {
	File string `json:"file"` // as it was asked for
	Path string `json:"path"` // with links resolved
	// Device and Inode are as in a lock. Block says that it is a block device.
	Device string `json:"device"`
	Inode  uint64 `json:"inode,omitempty"`
	Block  bool   `json:"block"`
	Host   string `json:"host"`
	Users  []user `json:"users"`
	// Waiters are those who wait for the daemon's lock.
	Waiters []api.Waiter `json:"waiters"`
	// Elsewhere are locks of nobody that can be seen here.
	Elsewhere []kernelLock `json:"elsewhere"`
	// Layers are devices of the kernel that are made of the file.
	Layers []string `json:"layers"`
	// Hidden is how many processes could not be looked into.
	Hidden int `json:"hidden_processes"`
	// Unasked is why the daemon was not asked, if it was not.
	Unasked string `json:"unasked,omitempty"`
	// Advice is what to do next, in sentences.
	Advice []string `json:"advice"`

	id fileID
}

// role says what a process is, as far as locks go.
type role string

const (
	roleGuest   role = "guest"     // it is a QEMU
	roleOwner   role = "owner"     // the daemon holds the lock for it
	roleTool    role = "qemu-tool" // qemu-img and the like
	roleDaemon  role = "virtlockd" // the daemon that was asked
	roleKeeper  role = "keeper"    // and its keeper
	roleOther   role = "other-virtlockd"
	roleLibvirt role = "libvirt"
	roleProgram role = "program"
)

// user is a process that has something to do with a file.
type user struct {
	PID     int       `json:"pid"`
	Role    role      `json:"role"`
	Name    string    `json:"name,omitempty"` // of the guest, or of the owner
	UUID    string    `json:"uuid,omitempty"`
	Program string    `json:"program"`
	Command string    `json:"command"`
	Alive   bool      `json:"alive"`
	Started time.Time `json:"started,omitzero"`
	// Holds are what the daemon holds for it, Locks what the kernel holds.
	Holds []hold `json:"holds"`
	// Under is the owner that it was started by, which holds the lock for it, or 0.
	Under int          `json:"under,omitempty"`
	Locks []kernelLock `json:"locks"`
	Files []openFile   `json:"files"`

	keeper bool // of a virtlockd, with the role of another one
}

// hold is a hold on a lock in the daemon's table.
type hold struct {
	Lockspace string     `json:"lockspace"`
	Name      string     `json:"name"`
	Mode      api.Mode   `json:"mode"`
	Since     time.Time  `json:"since"`
	Client    uint64     `json:"client"`
	TiedTo    api.TiedTo `json:"tied_to"`
}

// daemonView is what the daemon says, as far as it is about one file.
type daemonView struct {
	status  api.Status
	locks   []api.Lock
	waiters []api.Waiter
}

// who finds out who uses a file. It fails when there is no such file; a daemon
// that does not answer is no reason not to look at the rest.
func (e *env) who(ctx context.Context, file string) (usage, error) {
	u, err := inTime(ctx, strconv.Quote(file), func() (usage, error) { return locateFile(file) })
	if err != nil {
		return usage{}, err
	}
	view, err := e.lookUp(ctx, u)
	if err != nil {
		message, _, _ := explain(err)
		u.Unasked = harmless(message)
	}
	return inTime(ctx, strconv.Quote(file), func() (usage, error) { return u.complete(view) })
}

// locateFile finds out which file it is.
func locateFile(file string) (usage, error) {
	id, err := identify(file)
	if err == nil {
		err = lockable(file)
	}
	if err != nil {
		return usage{}, err
	}
	u := usage{File: file, Path: resolved(file), Device: id.String(), Inode: id.inode, Block: id.block, id: id}
	u.Host, _ = os.Hostname()
	return u, nil
}

// complete is the usage with all that this host knows.
func (u usage) complete(view daemonView) (usage, error) {
	// What was taken between the two looks has its process by the second one.
	for range 2 {
		if err := u.look(view); err != nil {
			return usage{}, err
		}
		if len(u.Elsewhere) == 0 {
			break
		}
	}
	u.Layers = layers(u.id)
	u.Advice = advice(u)
	return u, nil
}

func resolved(file string) string {
	path, err := filepath.EvalSymlinks(file)
	if err != nil {
		return file
	}
	return path
}

// lookUp asks the daemon for its locks on a file and on the lease that libvirt
// takes for it.
func (e *env) lookUp(ctx context.Context, u usage) (daemonView, error) {
	return ask(ctx, e, func(ctx context.Context, c *client.Client) (view daemonView, err error) {
		if view.status, err = c.Status(ctx); err != nil {
			return view, err
		}
		locks, err := c.Locks(ctx, api.LockFilter{})
		if err != nil {
			return view, err
		}
		for _, lock := range locks {
			if !u.isOf(lock) {
				continue
			}
			view.locks = append(view.locks, lock)
			if result, err := c.Inspect(ctx, lock.Lockspace, lock.Name); err == nil {
				view.waiters = append(view.waiters, result.Waiters...)
			}
		}
		return view, nil
	})
}

// isOf reports whether a lock is on the file, or on a lease for it.
func (u usage) isOf(lock api.Lock) bool {
	if lock.Lockspace != "" && (lock.Name == leaseName(u.Path) || lock.Name == leaseName(u.File)) {
		return true
	}
	id, ok := lockedFile(lock)
	return ok && id == u.id
}

// leaseName is how libvirt names the lease for a disk in a lockspace for files.
func leaseName(path string) string {
	sum := sha256.Sum256([]byte(path))
	return hex.EncodeToString(sum[:])
}

// look looks through the processes of this host, and asks the kernel whether
// that explains all locks on the file.
func (u *usage) look(view daemonView) error {
	found, hidden, err := scan(func(id fileID) bool { return id == u.id })
	if err != nil {
		return err
	}
	u.Users, u.Hidden, u.Waiters = []user{}, hidden, append([]api.Waiter{}, view.waiters...)
	for _, s := range found {
		u.add(s.process, view.status).meet(s)
	}
	for _, lock := range view.locks {
		for _, holder := range lock.Holders {
			u.add(findProcess(holder.Owner.PID), view.status).holds(lock, holder)
		}
	}
	u.findParents()
	u.Elsewhere = u.unexplained(view.locks)
	slices.SortStableFunc(u.Users, func(a, b user) int { return a.rank() - b.rank() })
	return nil
}

// add returns the user that is a process.
func (u *usage) add(p process, status api.Status) *user {
	for i := range u.Users {
		if u.Users[i].PID == p.pid {
			return &u.Users[i]
		}
	}
	who := user{
		PID: p.pid, Role: p.role(status), Program: p.program(), Command: p.command(), Alive: p.alive, Started: p.started,
		Holds: []hold{}, Locks: []kernelLock{}, Files: []openFile{},
	}
	who.Name, who.UUID = p.guest()
	who.keeper = who.Role == roleOther && p.isKeeper()
	u.Users = append(u.Users, who)
	return &u.Users[len(u.Users)-1]
}

// meet adds what the process has of the file.
func (w *user) meet(s scanned) {
	w.Files, w.Locks = s.files, append(w.Locks, s.locks()...)
	for i, l := range w.Locks {
		w.Locks[i].Meaning = l.meaning()
	}
}

// findParents finds out who works under the lock of another process.
func (u *usage) findParents() {
	var owners []int
	for _, w := range u.Users {
		if len(w.Holds) > 0 {
			owners = append(owners, w.PID)
		}
	}
	for i, w := range u.Users {
		if len(w.Holds) == 0 {
			u.Users[i].Under = ancestorAmong(w.PID, owners)
		}
	}
}

// holds adds what the daemon holds for the process. The daemon knows best who it
// is.
func (w *user) holds(lock api.Lock, holder api.Holder) {
	w.Holds = append(w.Holds, hold{
		Lockspace: lock.Lockspace, Name: lock.Name, Mode: lock.Mode,
		Since: holder.Since, Client: holder.Client, TiedTo: holder.Owner.TiedTo,
	})
	w.Name = holder.Owner.Name
	if holder.Owner.UUID != "" {
		w.UUID = holder.Owner.UUID
	}
	if w.Role == roleProgram {
		w.Role = roleOwner
	}
}

// role says what a process is. The daemon that was asked says itself which
// processes it is.
func (p process) role(status api.Status) role {
	name := p.program()
	switch {
	case p.pid == status.PID:
		return roleDaemon
	case status.Keeper != nil && p.pid == status.Keeper.PID:
		return roleKeeper
	case name == "virtlockd":
		return roleOther
	case p.isQEMU():
		return roleGuest
	case p.isQEMUTool():
		return roleTool
	case name == "libvirtd" || name == "virtqemud":
		return roleLibvirt
	}
	return roleProgram
}

// rank is the order in which users are told: who uses the file before those who
// only keep its lock.
func (w user) rank() int {
	return slices.Index([]role{roleGuest, roleOwner, roleTool, roleProgram, roleLibvirt, roleOther, roleDaemon, roleKeeper}, w.Role)
}

// unexplained are the locks that the kernel has and no user. It opens the file
// for reading, and may not be able to.
func (u *usage) unexplained(held []api.Lock) []kernelLock {
	list := []kernelLock{}
	for _, l := range askKernel(u.File) {
		explained := l.First == byteVirtlockd && len(held) > 0
		for _, w := range u.Users {
			for _, known := range w.Locks {
				explained = explained || known.ranged() && known.covers(l.First)
			}
		}
		if !explained {
			l.Meaning = l.meaning()
			list = append(list, l)
		}
	}
	return list
}

// writes reports whether a user has the file open for writing.
func (w user) writes() bool {
	return slices.ContainsFunc(w.Files, func(f openFile) bool { return f.Write })
}

// keeps reports whether a user only keeps locks for others.
func (w user) keeps() bool {
	return slices.Contains([]role{roleDaemon, roleKeeper, roleOther}, w.Role)
}
