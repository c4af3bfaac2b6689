package handover

import "strings"

// excerpt keeps the beginning of what a child writes, however much that is.
type excerpt struct{ text []byte }

// maxExcerpt is far more than the first line of what any lock daemon says.
const maxExcerpt = 4096

// Write implements io.Writer.
func (e *excerpt) Write(b []byte) (int, error) {
	e.text = append(e.text, b[:min(len(b), maxExcerpt-len(e.text))]...)
	return len(b), nil
}

// line is the first line that is not blank.
func (e *excerpt) line() string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(e.text)), "\n")
	return line
}
