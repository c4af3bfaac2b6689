package client

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"virtlock/client/api"
)

func TestEncodeRefuses(t *testing.T) {
	tests := map[string]struct {
		name string
		ok   bool
	}{
		"Plain":               {"/srv/a", true},
		"NotUTF8":             {"/srv/\xff", false},
		"ReplacementItself":   {"/srv/\ufffd", true},
		"WrittenOut":          {`/srv/\ufffd`, true},
		"BackslashBefore":     {"/srv/\\\xff", false},
		"QuotesAndBackslash":  {`/srv/"\\"`, true},
		"AsLongAsALine":       {strings.Repeat("x", api.MaxLine), false},
		"ShorterThanALineMax": {strings.Repeat("x", api.MaxLine-200), true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			line, err := encode(1, api.LockInspect, api.ResourceName{Name: test.name})
			if (err == nil) != test.ok {
				t.Fatalf("encode = %v, want ok = %v", err, test.ok)
			}
			if err != nil {
				if !errors.Is(err, ErrInvalid) {
					t.Errorf("encode = %v, want ErrInvalid", err)
				}
				return
			}
			if len(line) > api.MaxLine || strings.Count(string(line), "\n") != 1 || line[len(line)-1] != '\n' {
				t.Errorf("%d bytes, not one line", len(line))
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"result":{"locks":[]}}`))
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"m","data":{"code":"busy","lockspace":"","name":"/a","holders":[{}]}}}`))
	f.Add([]byte(`{"jsonrpc":"2.0","method":"event","params":{"seq":1}}`))
	f.Add([]byte(`{"id":null,"error":null}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, line []byte) {
		m, err := decode(line)
		if err != nil {
			return
		}
		var result api.LocksResult
		if err := m.answer("method", &result); err != nil && err.Error() == "" {
			t.Error("an error without a text")
		}
	})
}

func TestWaitMS(t *testing.T) {
	within := func(d time.Duration) context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		t.Cleanup(cancel)
		return ctx
	}
	tests := map[string]struct {
		ctx      context.Context
		wait     time.Duration
		min, max int64
	}{
		"Once":               {t.Context(), 0, 0, 0},
		"OnceWithin":         {within(time.Hour), 0, 0, 0},
		"Forever":            {t.Context(), Forever, -1, -1},
		"RoundedUp":          {t.Context(), time.Nanosecond, 1, 1},
		"Exactly":            {t.Context(), time.Second, 1000, 1000},
		"ForeverWithin":      {within(time.Minute), Forever, 58000, 59750},
		"LongerThanContext":  {within(time.Minute), time.Hour, 58000, 59750},
		"ShorterThanContext": {within(time.Minute), time.Second, 1000, 1000},
		"NoTimeLeft":         {within(0), Forever, 0, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := waitMS(test.ctx, test.wait); got < test.min || got > test.max {
				t.Errorf("waitMS = %d, want %d to %d", got, test.min, test.max)
			}
		})
	}
}
