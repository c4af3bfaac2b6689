package main

import (
	"errors"
	"os"
	"strconv"
	"time"
)

// options are what the command line says.
type options struct {
	background bool
	verbose    bool
	timeout    time.Duration // 0: none
	config     *string       // nil: the default one, which need not exist
	pidFile    *string       // nil: the default one; "": none
}

// knownOptions are the options, in the order in which libvirt's daemon names them
// when one is ambiguous.
var knownOptions = []option{
	{'p', "pid-file", true},
	{'v', "verbose", false},
	{'d', "daemon", false},
	{'f', "config", true},
	{'t', "timeout", true},
	{'V', "version", false},
	{'h', "help", false},
}

// Options that want an answer instead of a daemon.
var (
	errHelp    = errors.New("help wanted")
	errVersion = errors.New("version wanted")
)

// parseOptions reads a command line; the first word is the program. The error is
// errHelp, errVersion, a *wordError, or about a value.
func parseOptions(args []string) (*options, error) {
	_, strict := os.LookupEnv("POSIXLY_CORRECT")
	g := getopt{options: knownOptions, words: args[1:], strict: strict}
	var o options
	for {
		known, value, err := g.next()
		if known == nil {
			return &o, err
		}
		if err := o.set(known.short, value); err != nil {
			return nil, err
		}
	}
}

// set takes one option.
func (o *options) set(letter byte, value string) (err error) {
	switch letter {
	case 'h':
		return errHelp
	case 'V':
		return errVersion
	case 'd':
		o.background = true
	case 'v':
		o.verbose = true
	case 'f':
		o.config = &value
	case 'p':
		o.pidFile = &value
	case 't':
		o.timeout, err = parseTimeout(value)
	}
	return err
}

// maxTimeout is the most seconds that libvirt's daemon takes: it counts
// milliseconds in an int of C.
const maxTimeout = 2147483

// parseTimeout reads the value of -t. libvirt's daemon ignores what follows the
// digits; here "5m" is refused rather than taken for five seconds.
func parseTimeout(value string) (time.Duration, error) {
	seconds, err := strconv.ParseUint(value, 10, 32)
	if err != nil || seconds > maxTimeout {
		return 0, failf(exitUsage, "Invalid value for timeout: '%s' is not a number of seconds from 0 to %d", value, maxTimeout)
	}
	return time.Duration(seconds) * time.Second, nil
}
