package daemon_test

import (
	"strings"

	"virtlock/daemon/internal/virnet"
)

// logCase is a case that sets a setting of the log and then asks for it.
func logCase(set, get int32, setting string) adminWireCase {
	return adminWireCase{name: strings.ReplaceAll(setting, "/", "|"), calls: []adminCall{
		call(set, virnet.LoggingArgs{Setting: &setting}), call(get, virnet.FlagsArgs{}),
	}}
}

// logCases are settings of the log, good and bad, and then none.
func logCases(set, get int32, settings ...string) []adminWireCase {
	var cases []adminWireCase
	for _, s := range settings {
		cases = append(cases, logCase(set, get, s))
	}
	none := adminWireCase{name: "absent", calls: []adminCall{call(set, virnet.LoggingArgs{}), call(get, virnet.FlagsArgs{})}}
	return append(cases, none, logCase(set, get, settings[0]))
}

func filterCases() []adminWireCase {
	return logCases(virnet.AdminSetLoggingFilters, virnet.AdminGetLoggingFilters,
		"", "1:foo", "1:locking 3:util", "4:*locking*", "1:a  2:b ", " 1:a", "1:a 1:a", "1:a 2:a", "2:+stack",
		"1:", "1:+", ":", "foo", "0:foo", "5:foo", "-1:foo", "x:foo", "1foo", "1:foo:bar", "1:foo\t2:bar", "1:a 9:b", "01:foo", " ")
}

func outputCases() []adminWireCase {
	return logCases(virnet.AdminSetLoggingOutputs, virnet.AdminGetLoggingOutputs,
		"4:file:/dev/null", "4:stderr", "4:file:/dev/null 4:stderr", "4:syslog:virtlockd", "4:syslog:a 4:syslog:b",
		"3:stderr 4:stderr", "4:file:/dev/null 3:file:/dev/null", " 4:file:/dev/null ",
		"bogus", ":", "4:", "4:nosuch", "4:nosuch:x", "9:stderr", "x:stderr", "4:stderr:x", "4:file", "4:file:", "4:syslog",
		"4:file:/nosuch/directory/log", "4:file:/", "4:stderr 9:stderr", "4:stderr 4:file:/nosuch/log")
}
