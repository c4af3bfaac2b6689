package main

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"virtlock/client/api"
)

// eventWords say what happened, beside the type of the event.
func eventWords(event api.Event) string {
	var words []string
	add := func(word string, has bool) {
		if has {
			words = append(words, word)
		}
	}
	if event.Lockspace != nil && *event.Lockspace != "" {
		add(quote(*event.Lockspace), true)
	}
	add(quote(event.Name), event.Name != "")
	add(string(event.Mode), event.Mode != "")
	if event.Owner != nil {
		words = append(words, fmt.Sprintf("%s (pid %d)", ownerName(*event.Owner), event.Owner.PID))
	}
	add("held by "+holderNames(event.Holders), len(event.Holders) > 0)
	add(strings.ReplaceAll(string(event.Reason), "_", " "), event.Reason != "")
	add(quote(event.Message), event.Message != "")
	add(plural(int(event.Lost), "event")+" lost", event.Lost > 0)
	add(fmt.Sprintf("client %d", event.Client), event.Client != 0 && event.Owner == nil)
	return strings.Join(words, ", ")
}

func holderNames(holders []api.Holder) string {
	names := make([]string, len(holders))
	for i, h := range holders {
		names[i] = fmt.Sprintf("%s (pid %d)", ownerName(h.Owner), h.Owner.PID)
	}
	return strings.Join(names, " and ")
}

// isEventType reports whether a pattern is for any type: a misspelt one would wait
// for ever.
func isEventType(pattern string) bool {
	return slices.ContainsFunc(append(eventTypes, api.EventLost), func(t api.EventType) bool {
		ok, err := path.Match(pattern, string(t))
		return ok || err != nil // of which the daemon says what is wrong
	})
}

// eventTypes are all types, for completion.
var eventTypes = []api.EventType{
	api.EventLockAcquired, api.EventLockReleased, api.EventLockRefused, api.EventLockWaiting, api.EventLockMissing,
	api.EventLockForced, api.EventLockspaceCreated, api.EventOwnerExited, api.EventOwnerFenced, api.EventOwnerFenceFailed,
	api.EventClientConnected, api.EventClientClosed, api.EventClientForced, api.EventDaemonReloaded, api.EventDaemonChanged,
	api.EventDaemonReexecuted, api.EventDaemonReexecFailed, api.EventDaemonRestored, api.EventKeeperStarted, api.EventKeeperLost,
}
