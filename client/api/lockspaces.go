package api

// LockspaceParams are the params of lockspace.create.
type LockspaceParams struct {
	// Path is the lockspace's directory, absolute. It is made, with its
	// parents and mode 0700, when it is missing; one that is known already is
	// no error.
	Path string `json:"path"`
}

// Lockspace is a directory whose files are resources.
type Lockspace struct {
	// Path is empty for the direct lockspace.
	Path string `json:"path"`
	// Locks is how many of its resources are held.
	Locks int `json:"locks"`
}

// LockspacesResult is the result of lockspace.list: all lockspaces by path, the
// direct one first.
type LockspacesResult struct {
	Lockspaces []Lockspace `json:"lockspaces"`
}
