package main

// verdict is what came of one file, in a word that is also that of JSON.
type verdict string

const (
	valid       verdict = "valid"
	invalid     verdict = "invalid"
	malformed   verdict = "not_well_formed"
	refused     verdict = "refused"
	missing     verdict = "missing"
	unknownRoot verdict = "unknown_root"
	noSchema    verdict = "no_schema"
	failed      verdict = "failed"
)

// result is what came of one file.
type result struct {
	File     string    `json:"file"`
	Verdict  verdict   `json:"verdict"`
	Status   int       `json:"status"`
	Schema   string    `json:"schema,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Hint     string    `json:"hint,omitempty"`
	Problems []problem `json:"problems,omitempty"`
	Raw      string    `json:"raw,omitempty"`
}

// problem is one thing that is wrong in a file.
type problem struct {
	Line     int      `json:"line,omitempty"`
	Column   int      `json:"column,omitempty"`
	Path     string   `json:"path,omitempty"`
	Message  string   `json:"message"`
	Expected []string `json:"expected,omitempty"`
}

// conclude sets what came of it where there is a reason in one sentence.
func (r *result) conclude(v verdict, status int, reason string) {
	r.Verdict, r.Status, r.Reason = v, status, reason
}

// missingResult is the result of what cannot be found.
func missingResult(file, reason string) result {
	return result{File: file, Verdict: missing, Status: exitMissing, Reason: reason}
}
