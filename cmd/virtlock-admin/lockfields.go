package main

import (
	"strconv"

	"virtlock/client/api"
)

// heldLock is a row of list: a lock and one of its holders.
type heldLock struct {
	lock   *api.Lock
	holder *api.Holder
}

// heldLocks are the rows of locks.
func heldLocks(locks []api.Lock) []heldLock {
	var rows []heldLock
	for i := range locks {
		for j := range locks[i].Holders {
			rows = append(rows, heldLock{&locks[i], &locks[i].Holders[j]})
		}
	}
	return rows
}

// lockFields are the columns that list knows.
var lockFields = []field[heldLock]{
	{"lockspace", "Lockspace", cutStart, func(_ *env, h heldLock) string { return lockspaceName(h.lock.Lockspace) }},
	{"name", "Name", cutStart, func(_ *env, h heldLock) string { return quote(h.lock.Name) }},
	{"path", "File", cutStart, func(_ *env, h heldLock) string { return quote(h.lock.Path) }},
	{"mode", "Mode", whole, func(_ *env, h heldLock) string { return string(h.lock.Mode) }},
	{"owner", "Owner", cutEnd, func(_ *env, h heldLock) string { return ownerName(h.holder.Owner) }},
	{"uuid", "UUID", whole, func(_ *env, h heldLock) string { return orDash(h.holder.Owner.UUID) }},
	{"id", "ID", whole, func(_ *env, h heldLock) string { return strconv.FormatUint(uint64(h.holder.Owner.ID), 10) }},
	{"pid", "PID", whole, func(_ *env, h heldLock) string { return strconv.Itoa(h.holder.Owner.PID) }},
	{"tied", "Tied to", whole, func(_ *env, h heldLock) string { return string(h.holder.Owner.TiedTo) }},
	{"client", "Client", whole, func(_ *env, h heldLock) string { return strconv.FormatUint(h.holder.Client, 10) }},
	{"since", "Since", whole, func(e *env, h heldLock) string { return e.moment(h.holder.Since) }},
	{"age", "Age", whole, func(e *env, h heldLock) string { return e.since(h.holder.Since) }},
	{"device", "Device", whole, func(_ *env, h heldLock) string { return h.lock.Device }},
	{"inode", "Inode", whole, func(_ *env, h heldLock) string { return strconv.FormatUint(h.lock.Inode, 10) }},
	{"autocreate", "Autocreate", whole, func(_ *env, h heldLock) string { return yesNo(h.lock.Autocreate) }},
}
