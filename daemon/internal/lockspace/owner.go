package lockspace

// Owner is what locks belong to. All of them go when it is gone. Two calls that
// name the same Owner are the same owner, whatever its Identity says.
type Owner struct {
	// Guarded by the table's mutex.
	gone  bool
	holds map[*resource]struct{} // so that its end costs its own locks, not all locks
	waits map[*ticket]struct{}
}

// Identity is who an owner says it is: what others are told of it.
type Identity struct {
	Name string
	UUID string // canonical, empty without one
	ID   uint32
	PID  int
	// Start is when the process started, in clock ticks since the boot: with
	// PID it names one process, whoever has the number later.
	Start uint64
	// Tie numbers what is tied to a connection; 0 for a process.
	Tie uint64
}

// Connection reports whether the locks go with the connection too, and not only
// with the process.
func (i *Identity) Connection() bool { return i.Tie != 0 }

// Holder is an owner, under one of its names, through one of its connections.
type Holder struct {
	Owner    *Owner
	Identity *Identity
	Client   uint64
}

// Holds reports whether the owner holds anything.
func (t *Table) Holds(o *Owner) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(o.holds) > 0
}

func (o *Owner) addLocked(r *resource) {
	if o.holds == nil {
		o.holds = make(map[*resource]struct{})
	}
	o.holds[r] = struct{}{}
}

// removeLocked is called after a hold was taken out of r.
func (o *Owner) removeLocked(r *resource) {
	if r.holderOf(o) < 0 {
		delete(o.holds, r)
	}
}
