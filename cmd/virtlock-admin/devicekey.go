package main

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"time"
)

// deviceKey is a way to call a block device the same on every host: where locks
// under such names are, which program knows them, and the name of a device, empty
// when it has none.
type deviceKey struct {
	lockspace string
	program   string
	of        func(ctx context.Context, device string) (string, error)
}

// The programs are those that libvirt runs.
const (
	lvsProgram    = "/sbin/lvs"
	scsiIDProgram = "/lib/udev/scsi_id"
)

// lvmKey is the UUID of a logical volume.
func lvmKey(ctx context.Context, device string) (string, error) {
	return firstLine(ctx, lvsProgram, "--noheadings", "--unbuffered", "--nosuffix", "--options", "uuid", device)
}

// scsiKey is the identification of a SCSI device.
func scsiKey(ctx context.Context, device string) (string, error) {
	return firstLine(ctx, scsiIDProgram, "--replace-whitespace", "--whitelisted", "--device", device)
}

// firstLine is the first line that a program prints. One that ends with an error says
// that there is no such name; to run none at all is the error here, as in libvirt.
func firstLine(ctx context.Context, program string, words ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, words...)
	cmd.WaitDelay = 100 * time.Millisecond // for what it has started
	out, err := cmd.Output()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) || ctx.Err() != nil {
		return "", err
	}
	if err != nil {
		return "", nil
	}
	line, _, _ := strings.Cut(strings.TrimLeft(string(out), " "), "\n")
	return line, nil
}
