package main

import (
	"github.com/urfave/cli/v2"
)

const programName = "virt-xml-validate"

// globals are what the options say.
type globals struct {
	schema           string // "": the root element says which
	schemaDir        string // "": the directories of libvirt
	json, quiet, raw bool
}

// newApp makes the parser of one command line. It puts the exit status of what
// was checked into status.
func newApp(e *env, status *int) *cli.App {
	return &cli.App{
		Name:            programName,
		Usage:           "check XML files against libvirt's schemas",
		Flags:           options(),
		HideHelp:        true, // ours is help.go
		HideHelpCommand: true,
		HideVersion:     true,
		Writer:          e.out,
		ErrWriter:       e.err,
		// The library would print errors and end the process.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError: func(_ *cli.Context, err error, _ bool) error {
			return &usageError{message: err.Error()}
		},
		Action: func(line *cli.Context) (err error) {
			e.options = readOptions(line)
			*status, err = e.act(line.Context, line.Args().Slice())
			return err
		},
	}
}

func options() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "schema", Usage: "check against the schema `NAME`"},
		&cli.StringFlag{Name: "schema-dir", Usage: "take the schemas from the directory `DIR`"},
		&cli.BoolFlag{Name: "json", Usage: "print the results as JSON"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print only what is wrong"},
		&cli.BoolFlag{Name: "raw", Usage: "print what is wrong in libxml2's words"},
		&cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "print this help"},
		&cli.BoolFlag{Name: "version", Aliases: []string{"V"}, Usage: "print the version"},
	}
}

func readOptions(line *cli.Context) globals {
	return globals{
		schema:    line.String("schema"),
		schemaDir: line.String("schema-dir"),
		json:      line.Bool("json"),
		quiet:     line.Bool("quiet"),
		raw:       line.Bool("raw"),
	}
}
