package bed

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// virtAdmin is libvirt's tool for its daemons.
const virtAdmin = "/usr/bin/virt-admin"

// VirtAdmin runs a command of virt-admin, or several with semicolons between them,
// against the host's virtlockd.
func (h *Host) VirtAdmin(commands string) (string, error) {
	h.t.Helper()
	Need(h.t, virtAdmin)
	out, err := h.Run(virtAdmin, "-q", "-c", "virtlockd:///system", commands)
	if err != nil {
		return out, fmt.Errorf("virt-admin %s: %w: %s", commands, err, out)
	}
	return out, nil
}

// Clients are the numbers of virtlockd's clients, as virt-admin shows them.
func (h *Host) Clients() ([]string, error) {
	list, err := h.VirtAdmin("client-list virtlockd")
	if err != nil {
		return nil, err
	}
	var clients []string
	for line := range strings.Lines(list) {
		// 1    unix        2026-11-25 23:27:39+0000
		if f := strings.Fields(line); len(f) > 1 && f[1] == "unix" {
			clients = append(clients, f[0])
		}
	}
	return clients, nil
}

// ClientPIDs are the processes that clients are, in order. It fails when one of the
// clients has gone.
func (h *Host) ClientPIDs(clients []string) ([]int, error) {
	if len(clients) == 0 {
		return nil, nil
	}
	var commands []string
	for _, client := range clients {
		commands = append(commands, "client-info virtlockd "+client)
	}
	info, err := h.VirtAdmin(strings.Join(commands, ";"))
	if err != nil {
		return nil, err
	}
	return clientPIDs(info)
}

// clientPIDs finds them in what client-info printed.
func clientPIDs(info string) ([]int, error) {
	var pids []int
	for line := range strings.Lines(info) {
		key, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(key) != "unix_process_id" {
			continue
		}
		pid, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil {
			return nil, fmt.Errorf("virt-admin client-info: %w", err)
		}
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	return pids, nil
}
