package lockspace

import "slices"

// LocksOf lists what some owners hold, by lockspace and name. Of a lock that
// others hold too it shows their own holds only.
func (t *Table) LocksOf(owners []*Owner) []Lock {
	t.mu.Lock()
	defer t.mu.Unlock()
	held := make(map[*resource]struct{})
	for _, o := range owners {
		for r := range o.holds {
			held[r] = struct{}{}
		}
	}
	locks := make([]Lock, 0, len(held))
	for r := range held {
		others := func(h holder) bool { return !slices.Contains(owners, h.Owner) }
		locks = append(locks, r.snapshotOf(slices.DeleteFunc(slices.Clone(r.holders), others)))
	}
	slices.SortFunc(locks, func(a, b Lock) int { return compareNames(a.Name, b.Name) })
	return locks
}
