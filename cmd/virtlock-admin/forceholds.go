package main

import (
	"context"
	"errors"
	"slices"

	"virtlock/client"
	"virtlock/client/api"
)

// askProof asks what would be released if nothing spoke against it, and looks at
// what does.
func (e *env) askProof(ctx context.Context, f forcing) ([]proof, error) {
	ctx, cancel := e.limit(ctx)
	defer cancel()
	params := f.params
	params.DryRun, params.LeaveRunning = true, true
	var status api.Status
	var locks []api.Lock
	holds, err := ask(ctx, e, func(ctx context.Context, c *client.Client) (holds []api.ForcedHold, err error) {
		if status, err = c.Status(ctx); err != nil {
			return nil, err
		}
		if locks, err = c.Locks(ctx, api.LockFilter{}); err != nil {
			return nil, err
		}
		if holds, err = meant(ctx, c, params); err == nil && f.fence {
			holds, err = withAllOfOwners(ctx, c, holds, params)
		}
		return holds, err
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(holds, func(a, b api.ForcedHold) int { return a.Holder.Owner.PID - b.Holder.Owner.PID })
	return prove(holds, locks, status)
}

// meant are the holds that the parameters name.
func meant(ctx context.Context, c *client.Client, params api.ForceReleaseParams) ([]api.ForcedHold, error) {
	result, err := c.ForceRelease(ctx, params)
	return append(result.Released, result.Refused...), err
}

// withAllOfOwners adds what else the owners hold that live: they are to be ended, and
// all of it goes.
func withAllOfOwners(ctx context.Context, c *client.Client, holds []api.ForcedHold, params api.ForceReleaseParams) ([]api.ForcedHold, error) {
	named := slices.Clone(holds)
	for _, owner := range livingOwners(named) {
		params.Resources, params.OwnerPID = nil, owner.PID
		all, err := meant(ctx, c, params)
		if err != nil && !errors.Is(err, client.ErrNotFound) { // it has just ended
			return nil, err
		}
		for _, h := range all {
			if !slices.ContainsFunc(named, func(n api.ForcedHold) bool { return sameHold(n, h) }) {
				holds = append(holds, h)
			}
		}
	}
	return holds, nil
}

func sameHold(a, b api.ForcedHold) bool {
	return a.Lock.Lockspace == b.Lock.Lockspace && a.Lock.Name == b.Lock.Name && a.Holder.Owner.PID == b.Holder.Owner.PID
}

// livingOwners are the owners of holds that live, each once.
func livingOwners(holds []api.ForcedHold) []api.Owner {
	var list []api.Owner
	for _, h := range holds {
		owner := h.Holder.Owner
		if h.Alive && !slices.ContainsFunc(list, func(o api.Owner) bool { return o.PID == owner.PID }) {
			list = append(list, owner)
		}
	}
	return list
}
