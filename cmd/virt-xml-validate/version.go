package main

import (
	"fmt"
	"io"
)

// version is the version of this program. The linker may set it.
var version = "0.1.0"

func printVersion(w io.Writer) { fmt.Fprintf(w, "%s (virtlock) %s\n", programName, version) }
