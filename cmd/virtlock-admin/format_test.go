package main

import (
	"testing"
	"time"
)

func TestQuote(t *testing.T) {
	tests := map[string]string{
		"/srv/web01.raw":     "/srv/web01.raw",
		"web 01":             "web 01",
		"日本":                 "日本",
		"":                   "",
		`say "hi"`:           `say "hi"`,
		`"quoted"`:           `"\"quoted\""`,
		"\x1b[31mred":        `"\x1b[31mred"`,
		"two\nlines":         `"two\nlines"`,
		"right\u202eto left": `"right\u202eto left"`,
		"not utf-8 \xff":     `"not utf-8 \xff"`,
	}
	for name, want := range tests {
		if got := quote(name); got != want {
			t.Errorf("quote(%q) = %s, want %s", name, got, want)
		}
	}
}

func TestAge(t *testing.T) {
	tests := map[time.Duration]string{
		-time.Hour:                     "0s",
		0:                              "0s",
		59*time.Second + 999999999:     "59s",
		time.Minute:                    "1m 0s",
		time.Hour - time.Second:        "59m 59s",
		time.Hour:                      "1h 0m",
		24*time.Hour - time.Second:     "23h 59m",
		24 * time.Hour:                 "1d 0h",
		500*24*time.Hour + 3*time.Hour: "500d 3h",
	}
	for d, want := range tests {
		if got := age(d); got != want {
			t.Errorf("age(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestWhen(t *testing.T) {
	e := &env{now: func() time.Time { return now }}
	if got := e.when(now.Add(-3 * time.Hour).UTC()); got != "2026-11-22 13:23:41 +0100 (3h 0m ago)" {
		t.Errorf("when = %q", got)
	}
	if got := e.when(time.Time{}); got != "-" {
		t.Errorf("when it is not known = %q", got)
	}
}
