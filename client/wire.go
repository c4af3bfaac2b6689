package client

import (
	"bytes"
	"encoding/json"
	"fmt"

	"virtlock/client/api"
)

// request is what a client sends.
type request struct {
	Version string `json:"jsonrpc"`
	ID      uint64 `json:"id"`
	Method  string `json:"method"`
	Params  any    `json:"params"`
}

// message is what the daemon sends: a reply, or a notification.
type message struct {
	ID     *uint64         `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *api.Error      `json:"error"`
}

// encode returns a request as a line, its newline included. It refuses what
// the daemon would refuse, or would misunderstand.
func encode(id uint64, method string, params any) ([]byte, error) {
	line, err := json.Marshal(request{Version: "2.0", ID: id, Method: method, Params: params})
	switch {
	case err != nil:
		return nil, invalid(method, err.Error())
	case replaced(line):
		return nil, invalid(method, "a name is not valid UTF-8")
	case len(line) >= api.MaxLine:
		return nil, invalid(method, fmt.Sprintf("the request takes more than %d bytes", api.MaxLine))
	}
	return append(line, '\n'), nil
}

// replaced reports whether encoding/json put U+FFFD for bytes that are not
// UTF-8, which would make a name that of another file. It writes that one as an
// escape, and a U+FFFD that was in the string as itself.
func replaced(line []byte) bool {
	for i := 0; i < len(line); i++ {
		if line[i] != '\\' {
			continue
		}
		if bytes.HasPrefix(line[i:], []byte(`\ufffd`)) {
			return true
		}
		i++ // the escaped character, which may be a backslash
	}
	return false
}

// decode parses a line from the daemon.
func decode(line []byte) (message, error) {
	var m message
	if err := json.Unmarshal(line, &m); err != nil {
		return m, fmt.Errorf("read answer: %w", err)
	}
	return m, nil
}

// answer stores the result of a reply, or returns its error.
func (m message) answer(method string, result any) error {
	if m.Error != nil {
		return fromWire(method, m.Error)
	}
	if err := json.Unmarshal(m.Result, result); err != nil {
		return fmt.Errorf("%s: read result: %w", method, err)
	}
	return nil
}
