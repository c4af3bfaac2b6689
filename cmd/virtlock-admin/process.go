package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// process is what /proc tells about one.
type process struct {
	pid     int
	name    string   // of its command
	args    []string // empty for a zombie and for the kernel's own
	started time.Time
	alive   bool // a zombie does nothing any more
}

// findProcess looks up a process. One that does not exist is not alive.
func findProcess(pid int) process {
	p := process{pid: pid, name: commandName(pid), args: arguments(pid)}
	stat, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		return p
	}
	var ticks uint64
	p.alive, ticks = parseStat(stat)
	p.started = bootTime().Add(time.Duration(ticks) * (time.Second / clockTicks))
	return p
}

func procFile(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}

// clockTicks is the unit of times in /proc, USER_HZ, which is 100 everywhere.
const clockTicks = 100

// bootTime is when this system started, to the second.
var bootTime = sync.OnceValue(func() time.Time {
	stat, _ := os.ReadFile("/proc/stat")
	_, after, _ := strings.Cut(string(stat), "\nbtime ")
	word, _, _ := strings.Cut(after, "\n")
	seconds, _ := strconv.ParseInt(word, 10, 64)
	return time.Unix(seconds, 0)
})

// parseStat reads the state and the start time. The name of the command, which
// may have anything in it, ends with the last parenthesis.
func parseStat(stat []byte) (alive bool, ticks uint64) {
	words := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(words) < 20 {
		return false, 0
	}
	ticks, _ = strconv.ParseUint(words[19], 10, 64)
	return words[0] != "Z" && words[0] != "X", ticks
}

// arguments are what a process was started as, as far as it did not change it.
func arguments(pid int) []string {
	text, err := os.ReadFile(procFile(pid, "cmdline"))
	if err != nil || len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
}

// program is the name of the program's file as it was started, or the name of
// the command where that is not known.
func (p process) program() string {
	if len(p.args) == 0 || p.args[0] == "" {
		return p.name
	}
	return filepath.Base(p.args[0])
}

// isKeeper reports whether a process keeps the locks of a virtlockd that may have
// ended.
func (p process) isKeeper() bool {
	return p.program() == "virtlockd" && slices.Contains(p.args, "--keeper")
}

// runsCommand reports whether a process is virtlock-admin at its command run.
func (p process) runsCommand() bool {
	return p.program() == "virtlock-admin" && slices.Contains(p.args, "run")
}

// command is the whole command line, on one line and safe to show.
func (p process) command() string {
	if len(p.args) == 0 {
		return orDash(quote(p.name))
	}
	words := make([]string, len(p.args))
	for i, word := range p.args {
		words[i] = quote(word)
		if word == "" || strings.Contains(word, " ") {
			words[i] = strconv.Quote(word)
		}
	}
	return strings.Join(words, " ")
}
