package main

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"strings"
)

// parentOf is the parent of a process, or 0.
func parentOf(pid int) int {
	stat, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		return 0
	}
	words := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(words) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(words[1])
	return parent
}

// ancestorAmong is the nearest of the processes that a process comes from, or 0: a
// command under virtlock-admin run works with the lock of that.
func ancestorAmong(pid int, pids []int) int {
	for parent := parentOf(pid); parent > 1; parent = parentOf(parent) {
		if slices.Contains(pids, parent) {
			return parent
		}
	}
	return 0
}
