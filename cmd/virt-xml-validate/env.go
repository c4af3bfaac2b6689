package main

import (
	"io"
	"os"
)

// env is what a command line works with, so that tests can give it another one.
type env struct {
	in       io.Reader
	out, err io.Writer
	options  globals
}

func newEnv() *env { return &env{in: os.Stdin, out: os.Stdout, err: os.Stderr} }
