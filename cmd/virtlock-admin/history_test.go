package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func testHistory(t *testing.T, limit int) history {
	t.Helper()
	return history{path: filepath.Join(t.TempDir(), "libvirt", "virtlock-admin", "history"), limit: limit, patience: time.Minute}
}

func load(t *testing.T, h history) []string {
	t.Helper()
	lines, err := h.load()
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func add(t *testing.T, h history, line string) {
	t.Helper()
	if err := h.add(line); err != nil {
		t.Error(err)
	}
}

func TestHistory(t *testing.T) {
	h := testHistory(t, 500)
	if got := load(t, h); got != nil {
		t.Errorf("at first: %q", got)
	}
	add(t, h, "list")
	add(t, h, "inspect 'a b'")
	if got := load(t, h); !slices.Equal(got, []string{"list", "inspect 'a b'"}) {
		t.Errorf("then: %q", got)
	}
	for path, want := range map[string]os.FileMode{h.path: 0o600, filepath.Dir(h.path): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

func TestHistoryKeepsTheLatest(t *testing.T) {
	h := testHistory(t, 3)
	for i := range 10 {
		add(t, h, fmt.Sprint("echo ", i))
	}
	for range 2 { // of the file, and of the shorter one
		if got := load(t, h); !slices.Equal(got, []string{"echo 7", "echo 8", "echo 9"}) {
			t.Errorf("loaded %q", got)
		}
	}
	info, err := os.Stat(h.path)
	if err != nil || info.Size() != 3*7 || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
}

// TestHistoryOfSeveralShells has some that add lines, and make the file shorter all
// the time. Nothing is lost but what is too old: the lines of each follow one
// another.
func TestHistoryOfSeveralShells(t *testing.T) {
	const shells, lines = 4, 200
	h := testHistory(t, 40)
	var work sync.WaitGroup
	for shell := range shells {
		work.Go(func() {
			for i := range lines {
				add(t, h, fmt.Sprint(shell, " ", i))
				if _, err := h.load(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	got := load(t, h)
	if len(got) != h.limit {
		t.Errorf("%d lines", len(got))
	}
	latest := map[string]int{}
	for _, line := range got {
		shell, number, _ := strings.Cut(line, " ")
		i, err := strconv.Atoi(number)
		if before, ok := latest[shell]; err != nil || ok && i != before+1 {
			t.Errorf("line %q after number %d", line, before)
		}
		latest[shell] = i
	}
	if left, _ := os.ReadDir(filepath.Dir(h.path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// TestHistoryPlaysNoTricks has a file that others may have written to.
func TestHistoryPlaysNoTricks(t *testing.T) {
	h := testHistory(t, 500)
	add(t, h, "list")
	add(t, h, "\x1b[2J")
	add(t, h, "status")
	if got := load(t, h); !slices.Equal(got, []string{"list", "status"}) {
		t.Errorf("loaded %q", got)
	}
	victim := newFile(t, "victim")
	if err := os.Remove(h.path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, h.path); err != nil {
		t.Fatal(err)
	}
	if err := h.add("reexec"); err == nil {
		t.Error("wrote through a link")
	}
	if b, err := os.ReadFile(victim); err != nil || len(b) > 0 {
		t.Errorf("victim: %q, %v", b, err)
	}
}

func TestNewHistory(t *testing.T) {
	tests := map[string]struct {
		cache, home, size string
		want              history
	}{
		"Home":     {"", "/home/jo", "", history{"/home/jo/.cache/libvirt/virtlock-admin/history", 500, time.Second}},
		"Cache":    {"/c", "/home/jo", "7", history{"/c/libvirt/virtlock-admin/history", 7, time.Second}},
		"Relative": {"c", "/home/jo", "", history{"", 500, time.Second}},
		"Nowhere":  {"", "", "", history{"", 500, time.Second}},
		"None":     {"/c", "", "0", history{"", 0, time.Second}},
		"Rubbish":  {"/c", "", "-3", history{"/c/libvirt/virtlock-admin/history", 500, time.Second}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("XDG_CACHE_HOME", test.cache)
			t.Setenv("HOME", test.home)
			t.Setenv("VIRTLOCK_ADMIN_HISTSIZE", test.size)
			if got := newHistory(); got != test.want {
				t.Errorf("newHistory = %+v, want %+v", got, test.want)
			}
		})
	}
}
