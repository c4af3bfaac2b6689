package bed

import (
	"fmt"
	"os"
	"strings"
)

// Keeper is the process of the host's keeper of locks, 0 when there is none.
func (h *Host) Keeper() int {
	for _, pid := range h.pids() {
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if strings.TrimSpace(string(name)) == "virtlock-keeper" {
			return pid
		}
	}
	return 0
}
