package api

import "time"

// EventType says what happened.
type EventType string

// The types of events.
const (
	EventLockAcquired     EventType = "lock.acquired"
	EventLockReleased     EventType = "lock.released"
	EventLockRefused      EventType = "lock.refused"
	EventLockWaiting      EventType = "lock.waiting"
	EventLockspaceCreated EventType = "lockspace.created"
	EventOwnerExited      EventType = "owner.exited"
	EventClientConnected  EventType = "client.connected"
	EventClientClosed     EventType = "client.closed"
	EventDaemonReloaded   EventType = "daemon.reloaded"
	EventDaemonChanged    EventType = "daemon.changed" // a client changed a setting; Message says which, and to what
	// EventDaemonReexecuted is the first event of a daemon that was re-executed,
	// EventDaemonRestored of one that took back what a former one had granted.
	EventDaemonReexecuted   EventType = "daemon.reexecuted"
	EventDaemonReexecFailed EventType = "daemon.reexec_failed" // Message says why; the old one goes on
	EventDaemonRestored     EventType = "daemon.restored"
	EventKeeperStarted      EventType = "keeper.started"
	EventKeeperLost         EventType = "keeper.lost" // it ended; another one is started
	EventLockMissing        EventType = "lock.missing"
	EventLockForced         EventType = "lock.forced"        // somebody released it by force; Message says why
	EventClientForced       EventType = "client.forced"      // somebody closed a connection; Message says why
	EventOwnerFenced        EventType = "owner.fenced"       // it is gone, and so are its locks
	EventOwnerFenceFailed   EventType = "owner.fence_failed" // it could not be killed, and keeps its locks
	// EventLost stands for events that this subscriber did not read in time.
	EventLost EventType = "lost"
)

// Reason says why a lock was released.
type Reason string

// The reasons of EventLockReleased.
const (
	ReasonReleased         Reason = "released"          // its owner asked for it
	ReasonOwnerExited      Reason = "owner_exited"      // the owner's process is gone
	ReasonConnectionClosed Reason = "connection_closed" // the connection it was tied to is gone
	ReasonForced           Reason = "forced"            // somebody released it by force
)

// SubscribeParams are the params of event.subscribe.
type SubscribeParams struct {
	// Types are glob patterns of event types; none means all. EventLost always
	// comes.
	Types []string `json:"types,omitempty"`
}

// SubscribeResult is the result of event.subscribe.
type SubscribeResult struct {
	// Seq is the number of the last event before the subscription.
	Seq uint64 `json:"seq"`
}

// Event is the params of the notification "event". Which of the fields below
// Type are there depends on it.
type Event struct {
	// Seq grows by one with each event of the daemon, also with those that the
	// subscriber did not ask for.
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	Type EventType `json:"type"`

	Lockspace *string `json:"lockspace,omitempty"`
	Name      string  `json:"name,omitempty"`
	Path      string  `json:"path,omitempty"`
	Mode      Mode    `json:"mode,omitempty"`
	Owner     *Owner  `json:"owner,omitempty"`
	Client    uint64  `json:"client,omitempty"`
	Reason    Reason  `json:"reason,omitempty"`
	// Holders are those in the way, with EventLockRefused.
	Holders []Holder `json:"holders,omitempty"`
	// Message says why, with EventDaemonReexecFailed, EventLockMissing,
	// EventLockForced, EventClientForced and the events of fencing; and what, with
	// EventDaemonChanged, EventDaemonReexecuted and EventDaemonRestored.
	Message string `json:"message,omitempty"`
	// Lost is how many events are missing before the next one.
	Lost uint64 `json:"lost,omitempty"`
}
