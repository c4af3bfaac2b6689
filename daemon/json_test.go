package daemon_test

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/daemon/daemontest"
)

// exchange is a line to the daemon and the line that it answers with, or empty
// when it must not answer.
type exchange struct{ request, reply string }

// conversation is what a client says and hears on a connection to a daemon of
// its own.
type conversation struct {
	name      string
	exchanges []exchange
}

// TestJSON compares whole lines, which is what clients in other languages see.
// What differs from run to run is masked: DIR, PID, UID, GID, TIME, INODE, DEVICE.
func TestJSON(t *testing.T) {
	for _, c := range slices.Concat(jsonMethods, jsonRequests) {
		t.Run(c.name, func(t *testing.T) {
			d := daemontest.Start(t)
			dir := t.TempDir()
			newFile(t, dir, "a.img")
			newFile(t, dir, "b.img")
			makeStrangeFiles(t, dir)
			conn := dialJSON(t, d.Socket)
			for _, x := range c.exchanges {
				conn.send("%s", strings.ReplaceAll(x.request, "DIR", dir))
				if x.reply == "" {
					conn.silent()
					continue
				}
				if got := mask(conn.line(), dir); got != x.reply {
					t.Errorf("%s\nis answered with %s\n     instead of %s", x.request, got, x.reply)
				}
			}
		})
	}
}

func makeStrangeFiles(t *testing.T, dir string) {
	t.Helper()
	for _, err := range []error{
		unix.Mkfifo(dir+"/fifo", 0o600),
		os.Link(dir+"/a.img", dir+"/hard.img"),
		os.Mkdir(dir+"/space", 0o700),
		os.Symlink("/etc/hostname", dir+"/space/link"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

var masks = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`"(since|connected|started|time)":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"`), `"$1":"TIME"`},
	{regexp.MustCompile(`since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), `since TIME`},
	{regexp.MustCompile(`"inode":\d+`), `"inode":INODE`},
	{regexp.MustCompile(`"device":"\d+:\d+"`), `"device":"DEVICE"`},
	{regexp.MustCompile(`"open_files":\d+,"max_open_files":\d+`), `"open_files":FILES,"max_open_files":FILES`},
	{regexp.MustCompile(`/tmp/virtlock\d+/`), `SOCKETS/`},
	{regexp.MustCompile(`"uid":` + strconv.Itoa(os.Getuid()) + `,"gid":` + strconv.Itoa(os.Getgid()) + `\b`), `"uid":UID,"gid":GID`},
	{regexp.MustCompile(`"pid":` + strconv.Itoa(os.Getpid()) + `\b`), `"pid":PID`},
	{regexp.MustCompile(`pid ` + strconv.Itoa(os.Getpid()) + `\b`), `pid PID`},
}

func mask(line, dir string) string {
	line = strings.ReplaceAll(line, dir, "DIR")
	for _, m := range masks {
		line = m.pattern.ReplaceAllString(line, m.with)
	}
	return line
}
