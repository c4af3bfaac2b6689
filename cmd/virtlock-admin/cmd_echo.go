package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

func echoCommand() command {
	return command{
		Command: &cli.Command{
			Name:      "echo",
			Category:  groupShell,
			Usage:     "print the arguments",
			ArgsUsage: "[STRING...]",
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "shell", Usage: "quoted for a shell"},
				&cli.BoolFlag{Name: "xml", Usage: "escaped for XML"},
				&cli.BoolFlag{Name: "err", Usage: "on standard error, as an error"},
			},
		},
		run:      runEcho,
		verbatim: true,
	}
}

// echoError is what echo --err reports.
type echoError struct{ text string }

func (e *echoError) Error() string { return e.text }

func runEcho(_ context.Context, e *env, options *cli.Context, args []string) error {
	shell, xml := options.Bool("shell"), options.Bool("xml")
	if shell && xml {
		return usagef("", "echo takes --shell or --xml, not both")
	}
	words := make([]string, len(args))
	for i, arg := range args {
		switch {
		case shell:
			arg = shellQuote(arg)
		case xml:
			arg = xmlEscaper.Replace(arg)
		}
		words[i] = arg
	}
	text := strings.Join(words, " ")
	if options.Bool("err") {
		return &echoError{text}
	}
	fmt.Fprintln(e.out, text)
	return nil
}

// shellQuote quotes a word where a shell would find more in it than a word. It
// quotes the same words as virsh.
func shellQuote(word string) string {
	if word != "" && !strings.ContainsAny(word, "\r\t\n !\"#$&'()*;<>?[\\]^`{|}~") {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

var xmlEscaper = strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;", "'", "&apos;", `"`, "&quot;")
