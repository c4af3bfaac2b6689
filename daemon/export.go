package daemon

import (
	"encoding/json"
	"os"
	"strconv"

	"virtlock/client/api"
	"virtlock/daemon/internal/handover"
	"virtlock/daemon/internal/lockspace"
)

// What the daemon knows, in the words of package handover. All of it is called
// with the gate shut, but for what is about single holds.

func exportOwner(i *lockspace.Identity) handover.Owner {
	return handover.Owner{Name: i.Name, UUID: i.UUID, ID: i.ID, PID: i.PID, Start: i.Start, Tie: i.Tie}
}

func exportHold(r *lockspace.Record) handover.Hold {
	h := handover.Hold{
		ID: r.ID, Lock: r.Lock, FD: r.Open.FD(), Space: r.Space, Name: r.Name.Name,
		Shared: r.Mode == lockspace.Shared, Autocreate: r.Autocreate,
		File:  handover.File{Device: r.Open.ID().Device, Inode: r.Open.ID().Inode, Node: r.Open.Inode()},
		Owner: exportOwner(r.Holder.Identity), Client: r.Holder.Client, Since: r.Since, Last: r.Last,
	}
	return h
}

func exportHolds(t *lockspace.Table) []handover.Hold {
	holds := make([]handover.Hold, 0, t.Totals().Holders)
	t.EachRecord(func(r *lockspace.Record) { holds = append(holds, exportHold(r)) })
	return holds
}

// exportSpaces lists the lockspaces but the direct one.
func (d *Daemon) exportSpaces() []string {
	var dirs []string
	for _, s := range d.table.Spaces() {
		if s.Path != "" {
			dirs = append(dirs, s.Path)
		}
	}
	return dirs
}

// totals are the figures that a successor counts on from.
func (d *Daemon) totals() handover.Totals {
	numbers, counts := d.table.Figures()
	return handover.Totals{
		Seq: d.events.lastSeq(), Client: d.clients.lastID(), Hold: numbers.Hold, Lock: numbers.Lock,
		Tie: d.processes.latestTie(), Granted: counts.Granted, Refused: counts.Refused, Released: counts.Released,
	}
}

// export describes all that the daemon is.
func (d *Daemon) export() *handover.State {
	s := &handover.State{
		PID: os.Getpid(), Program: d.config.Version, Started: d.started.UnixNano(),
		Totals: d.totals(), Spaces: d.exportSpaces(), Holds: exportHolds(d.table),
		Fences: d.fences.export(), Forced: d.forced.export(), Settings: d.exportSettings(),
	}
	d.missing.mark(s.Holds)
	s.Holds = append(s.Holds, d.missing.export()...)
	for _, c := range d.clients.list() {
		if c.ctx.Err() == nil { // one that ends has nothing to hand over
			s.Clients = append(s.Clients, c.export())
		}
	}
	for _, w := range d.listWaits() {
		if w.conn.ctx.Err() == nil {
			s.Waits = append(s.Waits, w.export())
		}
	}
	for _, l := range d.listeners {
		s.Sockets = append(s.Sockets, d.exportListener(l))
	}
	d.exportProgram(s)
	return s
}

// journalNote is the size of the journal when it was last written anew.
const journalNote = "journal"

// keeperFile names the connection to the keeper, and its process in the notes.
const keeperFile = "keeper"

// exportProgram adds what the program around the daemon wants to find again.
func (d *Daemon) exportProgram(s *handover.State) {
	if k := d.recorder.keeperNow(); k != nil {
		s.Files = append(s.Files, handover.NamedFile{Name: keeperFile, FD: k.FD()})
		s.Notes = append(s.Notes, handover.Note{Name: keeperFile, Value: strconv.Itoa(k.PID())})
	}
	if d.recorder != nil && d.recorder.journal != nil {
		s.Notes = append(s.Notes, handover.Note{Name: journalNote, Value: strconv.FormatInt(d.recorder.journal.Base(), 10)})
	}
	image := d.config.Image
	for name, file := range image.Files {
		s.Files = append(s.Files, handover.NamedFile{Name: name, FD: fdOf(file)})
	}
	for name, value := range image.Notes {
		s.Notes = append(s.Notes, handover.Note{Name: name, Value: value})
	}
}

func (d *Daemon) exportSettings() handover.Settings {
	log, history := d.config.Log.settings(), d.history.Settings()
	return handover.Settings{
		LogLevel: int(log.Level), LogFilters: log.Filters, LogOutputs: log.Outputs,
		MaxClients: d.main.limits().clients, AdminMaxClients: d.admin.limits().clients,
		IdleTimeout: d.idle.timeout.Load(),
		AuditFile:   history.File, AuditMaxSize: history.MaxSize, AuditFiles: history.Files,
	}
}

func (d *Daemon) exportListener(l listener) handover.Socket {
	most := l.slots.limits()
	return handover.Socket{
		Name: l.slots.name, FD: fdOf(l.file), Unlink: d.config.UnlinkSockets,
		MaxClients: most.clients, MaxAnonymous: most.unauthenticated,
	}
}

func (c *conn) export() handover.Client {
	h := handover.Client{
		ID: c.id, FD: c.fd, Socket: c.slots.name, Connected: c.connected.UnixNano(),
		Protocol: c.protocol, Restricted: c.restricted,
		In: c.in, Out: c.out, TooLong: c.tooLong, Skipped: c.skipped,
	}
	for _, r := range c.registrations() {
		o := exportOwner(r.holder.Identity)
		o.Gone = c.daemon.processes.isGone(r.process)
		h.Owners = append(h.Owners, o)
	}
	if c.subscriber != nil {
		h.Subscription = c.subscriber.export()
	}
	return h
}

func (s *subscriber) export() *handover.Subscription {
	e := new(handover.Subscription)
	for kind := range s.types {
		e.Types = append(e.Types, string(kind))
	}
	for _, event := range s.waiting {
		e.Waiting = append(e.Waiting, exportEvent(event))
	}
	if s.lost.Lost > 0 {
		e.Lost = exportEvent(s.lost)
	}
	return e
}

func exportEvent(e api.Event) []byte {
	b, err := json.Marshal(e)
	if err != nil {
		return nil // one of ours that JSON cannot say: a mistake in this program
	}
	return b
}

func (w waitOf) export() handover.Wait {
	h := handover.Wait{Client: w.conn.id, Request: w.request, Since: w.since.UnixNano()}
	for i, r := range w.conn.registrations() {
		if r == w.wait.registration {
			h.Owner = i
		}
	}
	for _, r := range w.wanted {
		h.Resources = append(h.Resources, handover.Resource{
			Space: r.Space, Name: r.Name.Name, Shared: r.Mode == lockspace.Shared, Autocreate: r.Autocreate,
		})
	}
	h.Deadline = nanoseconds(w.deadline)
	return h
}

// descriptors are all that a state names.
func descriptors(s *handover.State) []int {
	var fds []int
	add := func(fd int) {
		if fd >= 0 {
			fds = append(fds, fd)
		}
	}
	for i := range s.Holds {
		add(s.Holds[i].FD)
	}
	for i := range s.Clients {
		add(s.Clients[i].FD)
	}
	for _, l := range s.Sockets {
		add(l.FD)
	}
	for _, f := range s.Files {
		add(f.FD)
	}
	return fds
}

// fdOf gives the number of a file's descriptor. Unlike its Fd method this leaves
// the file in the mode that it is in.
func fdOf(f *os.File) int {
	number := -1
	if raw, err := f.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { number = int(fd) })
	}
	return number
}
