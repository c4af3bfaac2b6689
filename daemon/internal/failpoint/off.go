//go:build !failpoints

package failpoint

// Here is a place to end at.
func Here(string) {}
