package daemon_test

// virtAdminCase is a command of virt-admin.
type virtAdminCase struct {
	line   string // CLIENT stands for the client on the main socket
	wanted *difference
}

// virtAdminCases are all commands of libvirt 9.0.0, in an order in which what
// was changed is shown and put back.
var virtAdminCases = []virtAdminCase{
	{line: "uri"},
	{line: "version"},
	{line: "connect"},
	{line: "pwd"},
	{line: "cd /"},
	{line: "echo hello"},
	{line: "help"},
	{line: "quit"},
	{line: "exit"},
	{line: "no-such-command"},

	{line: "server-list"},
	{line: "srv-list"},
	{line: "server-threadpool-info virtlockd"},
	{line: "srv-threadpool-info admin"},
	{line: "srv-threadpool-info nosuch"},
	{line: "server-threadpool-set virtlockd --min-workers 1 --max-workers 5"},
	{line: "server-threadpool-set virtlockd --max-workers 5"},
	{line: "server-threadpool-set virtlockd --min-workers 5"},
	{line: "server-threadpool-set virtlockd --min-workers 0 --max-workers 0"},
	{line: "server-threadpool-set virtlockd"},
	{line: "server-threadpool-set nosuch --priority-workers 3"},
	{line: "server-threadpool-set virtlockd --priority-workers 3"},
	{line: "server-threadpool-info virtlockd", wanted: &difference{
		"we have no thread pool, and say so",
		"prioWorkers    : 3", "prioWorkers    : 0",
	}},

	{line: "client-list virtlockd"},
	{line: "srv-clients-list admin"},
	{line: "client-list nosuch"},
	{line: "client-info virtlockd CLIENT"},
	{line: "client-info admin CLIENT9"},
	{line: "client-info virtlockd 99"},
	{line: "client-info nosuch 1"},
	{line: "client-info virtlockd -1"},

	{line: "server-clients-info virtlockd"},
	{line: "srv-clients-info admin"},
	{line: "srv-clients-info nosuch"},
	{line: "server-clients-set virtlockd"},
	{line: "server-clients-set virtlockd --max-clients 2"},
	{line: "server-clients-set virtlockd --max-clients 1000 --max-unauth-clients 900"},
	{line: "server-clients-info virtlockd"},
	{line: "server-clients-set virtlockd --max-unauth-clients 1001"},
	{line: "srv-clients-set virtlockd --max-unauth-clients 7"},
	{line: "srv-clients-set virtlockd --max-clients 8"},
	{line: "server-clients-info virtlockd"},
	{line: "server-clients-set virtlockd --max-clients 0 --max-unauth-clients 0"},
	{line: "server-clients-info virtlockd"},
	{line: "server-clients-set admin --max-clients 60 --max-unauth-clients 50"},
	{line: "server-clients-info admin"},
	{line: "server-clients-set nosuch --max-clients 1"},

	{line: "server-update-tls virtlockd"},
	{line: "srv-update-tls admin"},
	{line: "server-update-tls nosuch"},

	{line: "daemon-log-filters"},
	{line: "daemon-log-filters 1:locking_3:util"},
	{line: "daemon-log-filters"},
	{line: "daemon-log-filters 9:bad"},
	{line: "daemon-log-filters"},
	{line: "daemon-log-filters --filters="},
	{line: "daemon-log-filters"},
	{line: "daemon-log-outputs"},
	{line: "daemon-log-outputs 1:stderr_3:file:/dev/null"},
	{line: "daemon-log-outputs"},
	{line: "daemon-log-outputs bogus"},
	{line: "daemon-log-outputs 1:file:/nosuch/directory/log"},
	{line: "daemon-log-outputs"},
	{line: "daemon-log-outputs --outputs="},
	{line: "daemon-log-outputs"},
	{line: "daemon-log-outputs 4:file:/dev/null"},

	{line: "daemon-timeout --timeout 1000"},
	{line: "daemon-timeout --timeout 0"},
	{line: "daemon-timeout --timeout -1"},

	{line: "client-disconnect virtlockd 99"},
	{line: "client-disconnect nosuch 1"},
	{line: "client-disconnect virtlockd CLIENT"},
	{line: "client-list virtlockd"},
	{line: "server-clients-info virtlockd"},
	{line: "client-disconnect virtlockd CLIENT"},
}
