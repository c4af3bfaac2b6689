package chaos

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"virtlock/client/api"
)

var (
	errBroken      = errors.New("the connection broke")
	errNothingLeft = errors.New("nothing is left to claim")
	errBusy        = errors.New("busy")
	// errStops is the answer of a daemon that stops: nothing was done.
	errStops = errors.New("the daemon stops")
)

// byHand is a connection that speaks JSON, one call at a time.
type byHand struct {
	net.Conn
	lines *bufio.Reader
	last  int
}

func (w *worker) byHand() (*byHand, error) {
	conn, err := w.dial()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBroken, err)
	}
	return &byHand{Conn: conn, lines: bufio.NewReader(conn)}, nil
}

// call calls a method. It fails with errBroken, or an *api.Error.
func (c *byHand) call(method string, params, result any) error {
	c.last++
	line, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": c.last, "method": method, "params": params})
	if err != nil {
		return err
	}
	c.SetDeadline(time.Now().Add(tooLong))
	if _, err := c.Write(append(line, '\n')); err != nil {
		return errBroken
	}
	answer, err := c.lines.ReadBytes('\n')
	if nerr, ok := errors.AsType[net.Error](err); ok && nerr.Timeout() {
		return fmt.Errorf("%s hangs", method)
	}
	if err != nil {
		return errBroken
	}
	var reply struct {
		Result json.RawMessage
		Error  *api.Error
	}
	if err := json.Unmarshal(answer, &reply); err != nil {
		return err
	}
	if reply.Error != nil {
		return refusedBy(reply.Error)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(reply.Result, result)
}

func refusedBy(e *api.Error) error {
	switch {
	case e.Data != nil && e.Data.Code == api.CodeBusy:
		return errBusy
	case e.Data != nil && e.Data.Code == api.CodeLimit:
		return errStops
	}
	return fmt.Errorf("refused: %s %+v", e.Message, e.Data)
}

// claim makes the connection have what a former one of the process had, and gives
// its own number.
func (c *byHand) claim(number uint64) (uint64, error) {
	var answer api.RegisterResult
	err := c.call(api.OwnerRegister, api.RegisterParams{Claim: number}, &answer)
	if err != nil && !broke(err) {
		err = fmt.Errorf("%w: %w", errNothingLeft, err)
	}
	return answer.Client, err
}

// claiming takes locks that are tied to the connection, and keeps them across its
// end by claiming them: a daemon's end is no end of them.
type claiming struct {
	*worker
	conn   *byHand
	number uint64 // of the connection
	took   uint64 // the one that has asked for the locks, by which they are claimed
}

func newClaiming(w *worker) taker { return &claiming{worker: w} }

// connect makes sure that there is a connection for the owner.
func (c *claiming) connect() error {
	if c.conn != nil {
		return nil
	}
	conn, err := c.byHand()
	if err != nil {
		return err
	}
	var us api.RegisterResult
	if err := conn.call(api.OwnerRegister, api.RegisterParams{}, &us); err != nil {
		conn.Close()
		return err
	}
	c.conn, c.number = conn, us.Client
	return nil
}

func (c *claiming) turn(want []wanted) {
	if err := c.connect(); err != nil {
		return
	}
	began := time.Now()
	c.took = c.number
	params := api.AcquireParams{Resources: bare(want), WaitMS: c.wait().Milliseconds()}
	err := c.conn.call(api.LockAcquire, params, nil)
	switch {
	case err == nil:
		c.granted(began)
	case errors.Is(err, errBusy), errors.Is(err, errStops):
		c.count(refusals)
		return
	case errors.Is(err, errBroken):
		c.count(unknown)
		if !c.comeBack() || !c.isHeld(want) {
			return
		}
		c.count(unknownHeld)
	default:
		c.board.violation("worker %d: acquire: %v", c.number, err)
		return
	}
	clear := c.hold(want)
	c.pause(20 * time.Millisecond)
	c.stillHeld(want)
	clear()
	c.release(want)
}

// comeBack claims what the connection had that broke, and reports whether there
// was anything.
func (c *claiming) comeBack() bool {
	c.conn.Close()
	c.conn = nil
	for began := time.Now(); time.Since(began) < tooLong; c.pause(4 * time.Millisecond) {
		conn, err := c.byHand()
		if err != nil {
			continue
		}
		number, err := conn.claim(c.took)
		if err == nil {
			c.conn, c.number = conn, number
			c.count(claimed)
			return true
		}
		conn.Close()
		if errors.Is(err, errNothingLeft) {
			return false
		}
	}
	c.board.violation("worker %d: cannot claim for %v", c.worker.number, tooLong)
	return false
}

// stillHeld asks with the connection, and claims if that is broken. The locks are
// on the board meanwhile.
func (c *claiming) stillHeld(want []wanted) {
	for {
		err := c.conn.call(api.DaemonStatus, api.Empty{}, nil)
		if err == nil {
			return
		}
		if !broke(err) {
			c.board.violation("worker %d: status: %v", c.worker.number, err)
			return
		}
		if !c.comeBack() || !c.isHeld(want) {
			c.board.violation("worker %d: what it held cannot be claimed", c.worker.number)
			c.conn = nil
			return
		}
		c.count(across)
	}
}

func (c *claiming) release(want []wanted) {
	for c.conn != nil {
		err := c.conn.call(api.LockRelease, api.ReleaseParams{Resources: namesOf(want)}, nil)
		switch {
		case err == nil:
			c.count(releases)
			return
		case !broke(err):
			c.board.violation("worker %d: release: %v", c.worker.number, err)
			return
		case !c.comeBack() || !c.isHeld(want):
			c.count(releases)
			return
		}
	}
}
