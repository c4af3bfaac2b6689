package daemon

import (
	"fmt"
	"strings"
	"time"

	"virtlock/daemon/internal/lockspace"
	"virtlock/daemon/internal/owner"
)

// busyText says who is in the way of a lock, in libvirt's sentence and then
// ours: a person reads it in virsh's error message.
func busyText(e *lockspace.BusyError) string {
	text := fmt.Sprintf("Lockspace resource '%s' is locked", e.Name.Name)
	switch {
	case e.Foreign != nil:
		return text + " by " + foreignText(e.Foreign.PID)
	case e.Waiting != nil:
		return fmt.Sprintf("%s: %s has waited for it since %s", text,
			identityText(e.Waiting.Identity), e.Waiting.Since.Format(time.RFC3339))
	case len(e.Held) == 0:
		return text + " by another call that has not ended: its storage does not answer"
	}
	return text + heldText(e.Name, e.Held)
}

func foreignText(pid int) string {
	if pid == 0 {
		return "a program that is not a client of this daemon"
	}
	return fmt.Sprintf("process %d (%q), which is not a client of this daemon", pid, owner.Command(pid))
}

// heldText names the first holder, and counts the others.
func heldText(asked lockspace.Name, held []lockspace.Lock) string {
	first := held[0]
	var b strings.Builder
	h := first.Holders[0]
	fmt.Fprintf(&b, " by %s since %s", identityText(h.Identity), h.Since.Format(time.RFC3339))
	if first.Name != asked {
		fmt.Fprintf(&b, " through the name %v", first.Name)
	}
	others := -1
	for _, l := range held {
		others += len(l.Holders) + l.More
	}
	switch {
	case others == 1:
		b.WriteString(" and by 1 other")
	case others > 1:
		fmt.Fprintf(&b, " and by %d others", others)
	}
	return b.String()
}

// identityText names an owner. Names come from clients, hence the quotes.
func identityText(i *lockspace.Identity) string {
	if i.UUID == "" {
		return fmt.Sprintf("%q (pid %d)", i.Name, i.PID)
	}
	return fmt.Sprintf("guest %q (uuid %s, pid %d)", i.Name, i.UUID, i.PID)
}
