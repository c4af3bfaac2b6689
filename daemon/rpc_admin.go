package daemon

import "virtlock/daemon/internal/virnet"

// adminProgram is what virt-admin calls.
var adminProgram = program{virnet.ProgramAdmin, map[int32]func(*conn, virnet.Header, []byte) (virnet.Payload, error){}}
