package main

import (
	"fmt"
	"io"
	"runtime"

	"virtlock/client/api"
)

// version is the version of this program. The linker may set it.
var version = "0.1.0"

func printVersions(w io.Writer) {
	fmt.Fprintf(w, "virtlock-admin: %s\n", version)
	fmt.Fprintf(w, "protocol:       %d\n", api.Version)
	fmt.Fprintf(w, "go:             %s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
