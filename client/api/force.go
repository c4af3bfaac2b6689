package api

// ForceReleaseParams are the params of lock.force_release.
type ForceReleaseParams struct {
	// Resources are what to release, from all its holders, or from OwnerPID's if
	// that is named too. At most MaxResources. Without any, it is all that
	// OwnerPID holds.
	Resources []ResourceName `json:"resources,omitempty"`
	OwnerPID  int            `json:"owner_pid,omitempty"`
	// LeaveRunning releases the locks of owners that live, and leaves them
	// running: they may go on writing beside whoever gets the lock next. Without
	// it only what owners hold that have ended is released.
	LeaveRunning bool `json:"leave_running,omitempty"`
	// Reason is why, for the history. It must not be empty.
	Reason string `json:"reason"`
	// DryRun releases nothing, and tells what would be.
	DryRun bool `json:"dry_run,omitempty"`
}

// ForceReleaseResult is the result of lock.force_release.
type ForceReleaseResult struct {
	// Released are the holds that were released, or would be.
	Released []ForcedHold `json:"released"`
	// Refused are those that were not: their owners live, or a call to storage holds
	// them up.
	Refused []ForcedHold `json:"refused"`
}

// ForcedHold is a hold on a lock, and what speaks for and against its release.
type ForcedHold struct {
	Lock   Lock   `json:"lock"` // with this hold as its only holder
	Holder Holder `json:"holder"`
	// Alive says that the owner's process lives: the very one, by pid and start
	// time.
	Alive bool `json:"alive"`
	// Waiters are how many calls wait for the lock.
	Waiters int `json:"waiters"`
}
