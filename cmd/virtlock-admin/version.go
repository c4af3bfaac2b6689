package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"virtlock/client/api"
)

// release is set by the linker, with -X main.release=VERSION.
var release string

// version is the version of this program: that of the release, or of the
// module where it was built without one.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func printVersions(w io.Writer) {
	fmt.Fprintf(w, "virtlock-admin: %s\n", version())
	fmt.Fprintf(w, "protocol:       %d\n", api.Version)
	fmt.Fprintf(w, "go:             %s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
