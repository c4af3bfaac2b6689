package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/chzyer/readline"
)

// lineEditor lets a person edit lines. It keeps away from what the library cannot
// do: its menu of candidates, which falls over on a narrow screen, is never opened,
// its history file is not used, and keys filters what is typed.
type lineEditor struct {
	editor  *readline.Instance
	input   *readline.CancelableStdin
	columns func() int
	tab     func(line string) (insert, show string)
	history history
	resized func() // tells the library that the width has changed

	mu       sync.Mutex // guards the fields that follow; the library has goroutines
	prompt   string
	width    int
	line     []rune
	at       int  // the cursor's place in line
	deleting bool // by the Delete key
	lines    int  // in the history
	ended    bool // the input is at its end
}

// narrowestScreen is the least width that the library is told. It goes round for
// ever where the prompt is as wide as the screen.
const narrowestScreen = 20

func newLineEditor(columns func() int, tab func(string) (string, string), h history) *lineEditor {
	l := &lineEditor{columns: columns, tab: tab, history: h, input: readline.NewCancelableStdin(os.Stdin)}
	l.width = l.screen()
	// The error is that of a history file, which there is none of.
	l.editor, _ = readline.NewEx(&readline.Config{
		Stdout:                 screen{},
		Stdin:                  &keys{in: l.input, ended: l.end},
		HistoryLimit:           max(h.limit, 1),
		DisableAutoSaveHistory: true,
		EOFPrompt:              "\n", // which means none
		AutoComplete:           l,
		Listener:               l,
		FuncFilterInputRune:    l.filter,
		FuncGetWidth:           l.measured,
		FuncOnWidthChanged:     func(resized func()) { l.resized = resized },
	})
	lines, _ := h.load() // a shell without history is a shell
	for _, line := range lines {
		l.remember(line)
	}
	return l
}

// next lets a person edit a line.
func (l *lineEditor) next(ctx context.Context, prompt string) (string, error) {
	l.mu.Lock()
	l.prompt = prompt
	l.mu.Unlock()
	l.editor.SetPrompt(prompt)
	l.resize()
	stop := context.AfterFunc(ctx, func() { _ = l.input.Close() }) // as if at the end of the input
	line, err := l.editor.Readline()
	stop()
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.Is(err, readline.ErrInterrupt):
		return "", errForgotten
	case err != nil:
		return "", err
	case l.atEnd():
		return "", io.EOF // what was typed so far was not entered
	}
	if line != "" {
		l.remember(line)
		_ = l.history.add(line) // the line is there to be run, not to be kept
	}
	return line, nil
}

// close ends the library's goroutines, which would wait for a key.
func (l *lineEditor) close() {
	_ = l.input.Close()
	_ = l.editor.Close()
}

// remember adds a line to those that can be stepped through.
func (l *lineEditor) remember(line string) {
	if l.history.limit == 0 {
		return
	}
	l.mu.Lock()
	l.lines++
	l.mu.Unlock()
	_ = l.editor.SaveHistory(line) // fails only with a file
}

func (l *lineEditor) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
}

func (l *lineEditor) atEnd() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// screen is the width of the screen, so that the library can deal with it.
func (l *lineEditor) screen() int {
	width := l.columns()
	if width == 0 { // it is not known
		width = 80
	}
	return max(width, narrowestScreen)
}

func (l *lineEditor) measured() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.width
}

// resize tells the library of another width. It is called between two keys: the
// library would do it in the middle of one.
func (l *lineEditor) resize() {
	width := l.screen()
	l.mu.Lock()
	changed := width != l.width
	l.width = width
	l.mu.Unlock()
	if changed {
		l.resized()
	}
}

// filter makes of each key what the library has to do. It must not drop any: the
// library would go on to read while a command runs. The bell is nothing.
func (l *lineEditor) filter(key rune) (rune, bool) {
	l.resize()
	l.mu.Lock()
	defer l.mu.Unlock()
	switch key {
	case deleteRight:
		if l.deleting = l.at < len(l.line); l.deleting {
			return readline.CharForward, true
		}
		return readline.CharBell, true
	case deleteLeft:
		if l.deleting {
			return readline.CharBackspace, true
		}
		return readline.CharBell, true
	case readline.CharBckSearch, readline.CharFwdSearch:
		if l.lines == 0 { // it cannot search in nothing
			return readline.CharBell, true
		}
	}
	return key, true
}

// OnChange is told of the line after each key. It changes nothing.
func (l *lineEditor) OnChange(line []rune, at int, _ rune) ([]rune, int, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line, l.at = line, at
	return nil, 0, false
}

// screen is standard output for the library. To go back to the end of the line above
// it prints a backspace at the left edge and the code for up: some terminals, tmux
// too, go up for each of the two.
type screen struct{}

func (screen) Write(p []byte) (int, error) {
	const above = "\x1b[A\r"
	if _, err := os.Stdout.Write(bytes.ReplaceAll(p, []byte("\b"+above), []byte(above))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Do completes the word at the cursor. The library gets one candidate, or none.
func (l *lineEditor) Do(line []rune, at int) ([][]rune, int) {
	insert, show := l.tab(string(line[:at]))
	if show != "" {
		l.mu.Lock()
		prompt := l.prompt
		l.mu.Unlock()
		// The library draws the line anew below it.
		_, _ = io.WriteString(l.editor.Stdout(), prompt+string(line)+"\n"+show)
	}
	if insert == "" {
		return nil, 0
	}
	return [][]rune{[]rune(insert)}, 0
}
