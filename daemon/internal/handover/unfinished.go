package handover

// unfinished are the holds of calls for several locks whose last hold has not
// come, by its ID. Whoever wrote them has ended in between, or failed: nothing of
// such a call was granted.
type unfinished map[uint64][]uint64

// add notes a hold down that has come. last is Hold.Last.
func (u unfinished) add(id, last uint64) {
	switch last {
	case 0:
	case id:
		delete(u, last)
	default:
		u[last] = append(u[last], id)
	}
}

// drop drops them all, because no more will come.
func (u unfinished) drop(drop func(id uint64)) {
	for last, ids := range u {
		for _, id := range ids {
			drop(id)
		}
		delete(u, last)
	}
}
