package client_test

import (
	"context"
	"errors"
	"testing"

	"virtlock/client"
	"virtlock/client/api"
)

func subscribed(fc *fakeConn) {
	fc.Reply(fc.Expect(api.EventSubscribe), api.SubscribeResult{Seq: 7})
}

func TestSubscriptionTellsWhatWasLost(t *testing.T) {
	c := fakeDaemon(t, func(fc *fakeConn) {
		// An event may come before the answer.
		call := fc.Expect(api.EventSubscribe)
		fc.Send(`{"jsonrpc":"2.0","method":"event","params":{"seq":8,"type":"lock.acquired"}}`)
		fc.Reply(call, api.SubscribeResult{Seq: 7})
		fc.Send(`{"jsonrpc":"2.0","method":"news","params":{}}`)
		fc.Send(`{"jsonrpc":"2.0","method":"event","params":{"seq":11,"type":"lost","lost":3}}`)
	})
	s, err := c.Subscribe(t.Context(), "lock.*")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Seq != 7 {
		t.Errorf("Seq = %d, want 7", s.Seq)
	}
	var got []api.EventType
	for event, err := range s.All() {
		if err != nil {
			if !errors.Is(err, client.ErrBroken) {
				t.Errorf("the end is %v, want ErrBroken", err)
			}
			break
		}
		got = append(got, event.Type)
		if event.Type == api.EventLost && event.Lost != 3 {
			t.Errorf("Lost = %d, want 3", event.Lost)
		}
	}
	if len(got) != 2 || got[0] != api.EventLockAcquired || got[1] != api.EventLost {
		t.Errorf("events = %v", got)
	}
}

func TestSubscriptionEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := fakeDaemon(t, func(fc *fakeConn) {
		subscribed(fc)
		fc.Read()
	})
	s, err := c.Subscribe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	cancel()
	if _, err := s.Next(); !errors.Is(err, context.Canceled) {
		t.Errorf("Next after cancel = %v, want context.Canceled", err)
	}
	if _, err := c.Subscribe(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Subscribe after cancel = %v, want context.Canceled", err)
	}
	s, err = c.Subscribe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	if _, err := s.Next(); !errors.Is(err, client.ErrClosed) {
		t.Errorf("Next after Close = %v, want ErrClosed", err)
	}
}

func TestSubscribeRefused(t *testing.T) {
	c := fakeDaemon(t, func(fc *fakeConn) {
		if fc.Number == 1 {
			fc.Fail(fc.Expect(api.EventSubscribe), api.CodeInvalid)
		}
	})
	if _, err := c.Subscribe(t.Context(), "["); !errors.Is(err, client.ErrInvalid) {
		t.Errorf("Subscribe = %v, want ErrInvalid", err)
	}
	if _, err := c.Subscribe(t.Context()); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("Subscribe = %v, want ErrUnreachable", err)
	}
}
