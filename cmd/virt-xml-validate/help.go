package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

func printHelp(w io.Writer) {
	fmt.Fprintf(w, "%s [OPTION...] XML-FILE [SCHEMA-NAME]\n", programName)
	fmt.Fprintf(w, "%s [OPTION...] XML-FILE|DIRECTORY|GLOB...\n", programName)
	fmt.Fprintf(w, "\nOptions:\n")
	for _, flag := range options() {
		value, usage := describe(flag)
		fmt.Fprintf(w, "  %-22s %s\n", strings.Join(optionNames(flag), ", ")+value, usage)
	}
	fmt.Fprintf(w, "\nSchemas:\n")
	for _, line := range wrap(schemaNames(), 76) {
		fmt.Fprintf(w, "  %s\n", line)
	}
}

// describe returns what an option's value is called, if it takes one, and what
// the option does.
func describe(flag cli.Flag) (value, usage string) {
	f, ok := flag.(cli.DocGenerationFlag)
	if !ok {
		return "", ""
	}
	usage = f.GetUsage()
	// The value's name is what stands in back quotes.
	if parts := strings.SplitN(usage, "`", 3); f.TakesValue() && len(parts) == 3 {
		return " " + parts[1], strings.Join(parts, "")
	}
	return "", usage
}

// wrap puts words on lines of a width at most.
func wrap(words []string, width int) []string {
	var lines []string
	line := ""
	for _, word := range words {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
