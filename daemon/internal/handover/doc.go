// Package handover is what outlives a daemon: its locks, its clients and what it
// knows of them, as bytes and descriptors. It knows names and descriptors, not
// the rules of locking.
//
// One description of the state, State, serves everybody who starts: a program
// that was re-executed reads it from memory (exec.go), one whose predecessor
// crashed gets it from the keeper (keeper.go), a process that does nothing else
// than to hold duplicates of the locks' descriptors, or, if that is gone too,
// out of the journal (journal.go). What libvirt's virtlockd leaves behind is
// read into the same State (libvirt.go).
//
// All but libvirt's are written in the wire format of protocol buffers
// (wire.go): numbered fields, of which a reader skips those that it does not
// know. A field's number and meaning never change.
package handover
