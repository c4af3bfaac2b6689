package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"virtlock/client/api"
)

// request is a call that came as a line of JSON. It has a copy of all that it
// needs of the line, which is the reader's.
type request struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
}

// reply is the answer to a request: a result or an error.
type reply struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  any             `json:"result,omitempty"`
	Error   *api.Error      `json:"error,omitempty"`
}

// notification is what the daemon sends unasked.
type notification struct {
	JSONRPC string `json:"jsonrpc"`
	Method  string `json:"method"`
	Params  any    `json:"params"`
}

const jsonrpcVersion = "2.0"

var noID = json.RawMessage("null")

var errLineTooLong = errors.New("a request takes at most 1 MiB")

// nextLine takes one line and answers it. Of a line that is too long it keeps
// nothing, and says so when its end has come.
func (c *conn) nextLine() error {
	end := bytes.IndexByte(c.in[c.searched:], '\n')
	if end < 0 {
		if c.tooLong = c.tooLong || len(c.in) >= api.MaxLine; c.tooLong {
			c.in = nil
		}
		c.searched = len(c.in)
		return errIncomplete
	}
	end += c.searched
	c.searched = 0
	line := c.use(end + 1)[:end]
	if c.tooLong || end >= api.MaxLine {
		c.tooLong = false
		return c.fail(noID, api.NumberInvalidRequest, errLineTooLong)
	}
	return c.answer(line)
}

// answer works on one line. It fails when the connection has to end.
func (c *conn) answer(line []byte) error {
	if len(bytes.TrimSpace(line)) == 0 {
		return nil
	}
	if !utf8.Valid(line) {
		return c.fail(noID, api.NumberParse, errors.New("the request is not valid UTF-8"))
	}
	var r request
	if err := json.Unmarshal(line, &r); err != nil {
		number := api.NumberParse
		if json.Valid(line) {
			number = api.NumberInvalidRequest // JSON, but no request
		}
		return c.fail(r.replyID(), number, errors.New("bad request: "+jsonText(err, "a line")))
	}
	if err := r.check(); err != nil {
		return c.fail(r.replyID(), api.NumberInvalidRequest, err)
	}
	if c.refusal != nil {
		c.reply(r.ID, nil, c.refusal)
		return errClosing
	}
	return c.call(&r)
}

// check says whether JSON-RPC 2.0 allows the request.
func (r *request) check() error {
	switch {
	case r.JSONRPC != "" && r.JSONRPC != jsonrpcVersion:
		return errors.New(`"jsonrpc" is not "2.0"`)
	case r.Method == "":
		return errors.New(`"method" is missing`)
	}
	return r.checkID()
}

// maxID is the most bytes of an id, which a call keeps as long as it waits.
const maxID = 256

// checkID says whether the id can be sent back. It may be missing.
func (r *request) checkID() error {
	switch {
	case len(r.ID) > maxID:
		return fmt.Errorf(`"id" is longer than %d bytes`, maxID)
	case len(r.ID) > 0 && bytes.IndexByte([]byte("{[tf"), r.ID[0]) >= 0:
		return errors.New(`"id" is neither a string nor a number nor null`)
	}
	return nil
}

// replyID is the id of the reply to what is no request: that it has no id does
// not make it a notification.
func (r *request) replyID() json.RawMessage {
	if len(r.ID) == 0 || r.checkID() != nil {
		return noID
	}
	return r.ID
}

// call calls the method, if the connection may.
func (c *conn) call(r *request) error {
	m := methods[r.Method]
	if m.call == nil {
		if r.ID == nil {
			return nil
		}
		return c.fail(r.ID, api.NumberMethodNotFound, errors.New("unknown method "+quote(r.Method)))
	}
	if err := m.access.check(c); err != nil {
		return c.reply(r.ID, nil, err)
	}
	return m.call(c, r)
}

// fail answers with an error of JSON-RPC itself.
func (c *conn) fail(id json.RawMessage, number int, err error) error {
	if id == nil {
		return nil
	}
	return c.encode(reply{JSONRPC: jsonrpcVersion, ID: id, Error: &api.Error{
		Number: number, Message: err.Error(),
		Data: &api.ErrorData{Code: api.CodeInvalid, Hint: "see virtlock-protocol(7)"},
	}})
}

// reply answers with a result or an error, unless the request wanted no answer.
func (c *conn) reply(id json.RawMessage, result any, err error) error {
	if id == nil {
		return nil
	}
	r := reply{JSONRPC: jsonrpcVersion, ID: id, Result: result}
	if err != nil {
		r.Result, r.Error = nil, jsonError(err)
	}
	return c.encode(r)
}

func (c *conn) notify(event api.Event) error {
	return c.encode(notification{jsonrpcVersion, api.EventNotification, event})
}

func (c *conn) encode(message any) error {
	b, err := json.Marshal(message)
	if err != nil {
		return err // a message of ours that JSON cannot say: a mistake in this program
	}
	return c.send(append(b, '\n'))
}

// capitalMember finds a member's name that is not one of ours, which have small
// letters only: encoding/json would take it for one all the same. It gives nil
// when there is none.
func capitalMember(params []byte) []byte {
	for {
		start := bytes.IndexByte(params, '"') + 1
		if start == 0 {
			return nil
		}
		params = params[start:]
		end := 0
		for end < len(params) && params[end] != '"' {
			if params[end] == '\\' {
				end++ // and what it escapes
			}
			end++
		}
		if end >= len(params) {
			return nil // not JSON
		}
		text := params[:end]
		params = bytes.TrimLeft(params[end+1:], " \t\r\n")
		if bytes.HasPrefix(params, []byte(":")) && bytes.ContainsFunc(text, unicode.IsUpper) {
			return text
		}
	}
}

// decode reads the params of a request. What the method does not know is
// refused: a word spelled wrong must not make a lock weaker than it was meant.
func decode(params json.RawMessage, into any) error {
	if len(params) == 0 || string(params) == "null" {
		return nil
	}
	if name := capitalMember(params); name != nil {
		return invalid("bad params: unknown member %q", name)
	}
	d := json.NewDecoder(bytes.NewReader(params))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return invalid("bad params: %s", jsonText(err, quote("params")))
	}
	return nil
}

// handle makes a method's call of a function from its params to its result.
func handle[Params, Result any](f func(*Daemon, *conn, Params) (Result, error)) func(*conn, *request) error {
	return func(c *conn, r *request) error {
		var params Params
		if err := decode(r.Params, &params); err != nil {
			return c.reply(r.ID, nil, err)
		}
		result, err := f(c.daemon, c, params)
		return c.reply(r.ID, result, err)
	}
}

// spawn runs a call that may wait beside those that follow it, and returns when
// it began to wait or has ended: so calls start in order. The call tells by
// calling queued. It answers by itself.
func (c *conn) spawn(call func(ctx context.Context, queued func())) {
	started := make(chan struct{}, 2)
	c.daemon.gate.bring(&c.calls, func() {
		call(c.ctx, func() { started <- struct{}{} })
		started <- struct{}{}
	})
	<-started
}
