package main

import (
	"fmt"
	"io"
	"os"
)

// usage is the answer to --help, with the program and its paths to fill in.
const usage = `
Usage:
  %s [options]

Options:
  -h | --help            Show this help and exit.
  -V | --version         Show the version and exit.
  -d | --daemon          Run in the background.
  -v | --verbose         Log informational messages too.
  -t | --timeout <secs>  Exit after so long without a client or a lock.
  -f | --config <file>   Use this configuration file.
  -p | --pid-file <file> Use this PID file.

Lock manager for the disks of virtual machines.

  Default paths:

    Configuration file (unless -f names another):
      %s

    Sockets:
      %s
      %s

    PID file (unless -p names another):
      %s

`

// printUsage writes the usage, with the paths of root or of a user.
func printUsage(to io.Writer, program string) {
	p := systemPaths()
	if os.Geteuid() != 0 {
		p = sessionPathsIn("$XDG_CONFIG_HOME", "$XDG_RUNTIME_DIR", "$XDG_CACHE_HOME")
	}
	fmt.Fprintf(to, usage, program, p.Config, p.Socket, p.AdminSocket, p.PIDFile)
}
