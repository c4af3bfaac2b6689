package main

import (
	"context"
	"runtime"
)

// act checks what the arguments name, and returns the exit
// status.
func (e *env) act(ctx context.Context, args []string) (int, error) {
	j, err := untilDone(ctx, func() (*job, error) { return e.readArguments(args) })
	if err != nil {
		return 0, err
	}
	path, err := findXmllint()
	if err != nil {
		return 0, err
	}
	c := &checker{env: e, linter: linter{path}, schema: j.schema}
	report := e.newReport(j.several)
	for r := range c.checkAll(ctx, j) {
		if one := <-r; ctx.Err() == nil {
			report.add(one)
		}
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return report.end()
}

// checkAll checks the files side by side. The results come in the order of the
// files.
func (c *checker) checkAll(ctx context.Context, j *job) <-chan chan result {
	workers := runtime.GOMAXPROCS(0)
	results := make(chan chan result, workers)
	go func() {
		defer close(results)
		for _, r := range j.missing {
			results <- ready(r)
		}
		slots := make(chan struct{}, workers)
		for _, file := range j.files {
			slots <- struct{}{}
			one := make(chan result, 1)
			go func() {
				one <- c.check(ctx, file)
				<-slots
			}()
			results <- one
		}
	}()
	return results
}

func ready(r result) chan result {
	one := make(chan result, 1)
	one <- r
	return one
}
