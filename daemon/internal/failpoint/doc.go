// Package failpoint ends the process at a place that a test has chosen, as a crash
// would. Built without the tag "failpoints" it does nothing, and costs nothing.
//
// VIRTLOCKD_FAILPOINT names the place: what is given to Here, or NAME:N for the
// N-th time that it is come by. test/crash has a case for each.
package failpoint
