package main

import (
	"bufio"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"testing"

	"virtlock/client/api"
)

// answering stands for a daemon that has one answer to everything, for what the
// real one does not do inside a test. It returns its socket.
func answering(t *testing.T, answer string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "admin") // the name of a socket has to be short, see unix(7)
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			for lines := bufio.NewScanner(c); lines.Scan(); {
				_, _ = c.Write([]byte(`{"jsonrpc":"2.0","id":1,` + answer + "}\n"))
			}
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
		_ = os.RemoveAll(dir)
	})
	return socket
}

func TestReexec(t *testing.T) {
	socket := answering(t, `"result":{"program":"/usr/sbin/virtlockd","version":"1.2.3","pid":812,"locks":40,"clients":1}`)
	compare(t, runOK(t, "--socket", socket, "reexec"),
		"/usr/sbin/virtlockd (version 1.2.3) runs now as process 812, with 40 locks and 1 client\n")
	compare(t, runOK(t, "--socket", socket, "reexec", "-q"), "")
	var result api.ReexecResult
	if err := json.Unmarshal([]byte(runOK(t, "--socket", socket, "reexec", "--json")), &result); err != nil || result.Locks != 40 {
		t.Errorf("reexec --json = %+v, %v", result, err)
	}
}

func TestReexecRefused(t *testing.T) {
	socket := answering(t, `"error":{"code":-32000,"message":"the new program does not start","data":{"code":"refused","hint":"install it again"}}`)
	got := runLine(t, 0, "--socket", socket, "reexec")
	if got.status != exitFailed || got.out != "" {
		t.Errorf("status %d, output %q", got.status, got.out)
	}
	compare(t, got.err, "error: the new program does not start\nhint: install it again\n")
	for _, words := range [][]string{{"a", "b"}, {""}} {
		if got := runLine(t, 0, append([]string{"--socket", socket, "reexec"}, words...)...); got.status != exitUsage {
			t.Errorf("with the arguments %q: %+v", words, got)
		}
	}
}
