package daemon_test

import "strings"

// jsonMethods are about what the methods do.
var jsonMethods = []conversation{
	{"session", []exchange{
		{
			`{"jsonrpc":"2.0","id":1,"method":"owner.register","params":{"owner":{"name":"backup"}}}`,
			`{"jsonrpc":"2.0","id":1,"result":{"owner":{"name":"backup","pid":PID,"tied_to":"connection"},"client":1}}`,
		},
		{
			`{"jsonrpc":"2.0","id":2,"method":"lock.acquire","params":{"resources":[{"lockspace":"","name":"DIR/a.img"}]}}`,
			`{"jsonrpc":"2.0","id":2,"result":{"locks":[{"lockspace":"","name":"DIR/a.img","path":"DIR/a.img","mode":"exclusive","autocreate":false,"device":"DEVICE","inode":INODE,"holders":[{"owner":{"name":"backup","pid":PID,"tied_to":"connection"},"client":1,"since":"TIME"}]}]}}`,
		},
		{
			`{"jsonrpc":"2.0","id":3,"method":"lock.inspect","params":{"lockspace":"","name":"DIR/hard.img"}}`,
			`{"jsonrpc":"2.0","id":3,"result":{"lock":{"lockspace":"","name":"DIR/a.img","path":"DIR/a.img","mode":"exclusive","autocreate":false,"device":"DEVICE","inode":INODE,"holders":[{"owner":{"name":"backup","pid":PID,"tied_to":"connection"},"client":1,"since":"TIME"}]},"aliases":[],"waiters":[]}}`,
		},
		{
			`{"jsonrpc":"2.0","id":4,"method":"client.list"}`,
			`{"jsonrpc":"2.0","id":4,"result":{"clients":[{"id":1,"protocol":"json","socket":"main","pid":PID,"uid":UID,"gid":GID,"connected":"TIME","owner":{"name":"backup","pid":PID,"tied_to":"connection"},"restricted":false,"waiting":0}]}}`,
		},
		{
			`{"jsonrpc":"2.0","id":5,"method":"daemon.status"}`,
			`{"jsonrpc":"2.0","id":5,"result":{"version":"test","protocol":1,"pid":PID,"started":"TIME","socket":"SOCKETS/virtlockd-sock","lockspaces":1,"locks":1,"holders":1,"owners":1,"waiters":0,"clients":1,"max_clients":1024,"admin_clients":0,"admin_max_clients":5000,"subscribers":0,"open_files":FILES,"max_open_files":FILES,"granted":1,"refused":0,"released":0}}`,
		},
		{
			`{"jsonrpc":"2.0","id":6,"method":"lock.acquire","params":{"resources":[{"lockspace":"","name":"DIR/hard.img"}]}}`,
			`{"jsonrpc":"2.0","id":6,"error":{"code":-32000,"message":"Lockspace resource 'DIR/hard.img' is locked by \"backup\" (pid PID) since TIME through the name \"DIR/a.img\"","data":{"code":"busy","hint":"wait for it, or see who holds it: virtlock-admin inspect DIR/a.img","lockspace":"","name":"DIR/hard.img","holders":[{"owner":{"name":"backup","pid":PID,"tied_to":"connection"},"client":1,"since":"TIME","lockspace":"","name":"DIR/a.img","mode":"exclusive"}]}}}`,
		},
		{
			`{"jsonrpc":"2.0","id":7,"method":"lock.release","params":{"resources":[{"lockspace":"","name":"DIR/a.img"}]}}`,
			`{"jsonrpc":"2.0","id":7,"result":{"locks":[{"lockspace":"","name":"DIR/a.img","path":"DIR/a.img","mode":"exclusive","autocreate":false,"device":"DEVICE","inode":INODE,"holders":[]}]}}`,
		},
		{
			`{"jsonrpc":"2.0","id":8,"method":"lock.list"}`,
			`{"jsonrpc":"2.0","id":8,"result":{"locks":[]}}`,
		},
	}},
	{"registering", []exchange{
		{
			`{"id":1,"method":"owner.register","params":{"owner":{"name":"web01","uuid":"01234567-89AB-cdef-0123-456789abcdef","id":7},"tied_to":"process"}}`,
			`{"jsonrpc":"2.0","id":1,"result":{"owner":{"name":"web01","uuid":"01234567-89ab-cdef-0123-456789abcdef","id":7,"pid":PID,"tied_to":"process"},"client":1}}`,
		},
		{
			`{"id":2,"method":"owner.register","params":{"tied_to":"both"}}`,
			`{"jsonrpc":"2.0","id":2,"error":{"code":-32602,"message":"unknown tied_to \"both\"","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":3,"method":"owner.register","params":{"owner":{"name":"x","tied_to":"process"}}}`,
			`{"jsonrpc":"2.0","id":3,"error":{"code":-32602,"message":"tied_to belongs beside owner, not in it","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":4,"method":"owner.register","params":{"owner":{"uuid":"01234567"}}}`,
			`{"jsonrpc":"2.0","id":4,"error":{"code":-32602,"message":"owner uuid \"01234567\" is not of the form 01234567-89ab-cdef-0123-456789abcdef","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":5,"method":"owner.register","params":{"owner":{"name":"two\nlines"}}}`,
			`{"jsonrpc":"2.0","id":5,"error":{"code":-32602,"message":"owner name \"two\\nlines\" is not valid UTF-8 or has control characters","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":6,"method":"owner.register","params":{"owner":{"name":"NAME","pid":-1}}}`,
			`{"jsonrpc":"2.0","id":6,"error":{"code":-32602,"message":"owner pid -1 is negative","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":7,"method":"owner.register","params":{"owner":{"pid":2147483647}}}`,
			`{"jsonrpc":"2.0","id":7,"error":{"code":-32000,"message":"find process 2147483647: no such process","data":{"code":"not_found","hint":"register with the pid of a living process"}}}`,
		},
		{
			`{"id":7,"method":"owner.register","params":{"owner":{"pid":4294967297}}}`,
			`{"jsonrpc":"2.0","id":7,"error":{"code":-32000,"message":"find process 4294967297: no such process","data":{"code":"not_found","hint":"register with the pid of a living process"}}}`,
		},
		{
			`{"id":8,"method":"owner.register","params":{"owner":{"name":"` + strings.Repeat("n", 256) + `"}}}`,
			`{"jsonrpc":"2.0","id":8,"error":{"code":-32602,"message":"owner name is longer than 255 bytes","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":9,"method":"owner.restrict"}`,
			`{"jsonrpc":"2.0","id":9,"result":{}}`,
		},
		{
			`{"id":10,"method":"owner.register"}`,
			`{"jsonrpc":"2.0","id":10,"error":{"code":-32000,"message":"lock manager connection has been restricted","data":{"code":"restricted","hint":"use another connection"}}}`,
		},
		{
			`{"id":11,"method":"daemon.status"}`,
			`{"jsonrpc":"2.0","id":11,"error":{"code":-32000,"message":"lock manager connection has been restricted","data":{"code":"restricted","hint":"use another connection"}}}`,
		},
		{
			`{"id":12,"method":"event.subscribe"}`,
			`{"jsonrpc":"2.0","id":12,"error":{"code":-32000,"message":"lock manager connection has been restricted","data":{"code":"restricted","hint":"use another connection"}}}`,
		},
		{
			`{"id":13,"method":"no.such"}`,
			`{"jsonrpc":"2.0","id":13,"error":{"code":-32601,"message":"unknown method \"no.such\"","data":{"code":"invalid","hint":"see virtlock-protocol(7)"}}}`,
		},
	}},
	{"not registered", []exchange{
		{
			`{"id":1,"method":"owner.restrict"}`,
			`{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"lock owner details have not been registered","data":{"code":"not_registered","hint":"call owner.register first"}}}`,
		},
		{
			`{"id":2,"method":"lock.acquire","params":{"resources":[{"lockspace":"","name":"DIR/a.img"}]}}`,
			`{"jsonrpc":"2.0","id":2,"error":{"code":-32000,"message":"lock owner details have not been registered","data":{"code":"not_registered","hint":"call owner.register first"}}}`,
		},
		{
			`{"id":3,"method":"lock.release","params":{"resources":[{"lockspace":"","name":"DIR/a.img"}]}}`,
			`{"jsonrpc":"2.0","id":3,"error":{"code":-32000,"message":"lock owner details have not been registered","data":{"code":"not_registered","hint":"call owner.register first"}}}`,
		},
		{
			`{"id":4,"method":"resource.create","params":{"lockspace":"","name":"a"}}`,
			`{"jsonrpc":"2.0","id":4,"error":{"code":-32000,"message":"lock owner details have not been registered","data":{"code":"not_registered","hint":"call owner.register first"}}}`,
		},
		{
			`{"id":5,"method":"resource.delete","params":{"lockspace":"","name":"a"}}`,
			`{"jsonrpc":"2.0","id":5,"error":{"code":-32000,"message":"lock owner details have not been registered","data":{"code":"not_registered","hint":"call owner.register first"}}}`,
		},
		{
			`{"id":6,"method":"lockspace.list"}`,
			`{"jsonrpc":"2.0","id":6,"result":{"lockspaces":[{"path":"","locks":0}]}}`,
		},
		{
			`{"id":7,"method":"lock.list"}`,
			`{"jsonrpc":"2.0","id":7,"result":{"locks":[]}}`,
		},
	}},
	{"lockspaces", []exchange{
		{
			`{"id":1,"method":"lockspace.create","params":{"path":"DIR/space"}}`,
			`{"jsonrpc":"2.0","id":1,"result":{}}`,
		},
		{
			`{"id":2,"method":"lockspace.create","params":{"path":"DIR/space"}}`,
			`{"jsonrpc":"2.0","id":2,"result":{}}`,
		},
		{
			`{"id":3,"method":"lockspace.create","params":{"path":""}}`,
			`{"jsonrpc":"2.0","id":3,"result":{}}`,
		},
		{
			`{"id":4,"method":"lockspace.create","params":{"path":"relative"}}`,
			`{"jsonrpc":"2.0","id":4,"error":{"code":-32000,"message":"lockspace path \"relative\" is not an absolute path","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":5,"method":"lockspace.create","params":{"path":"DIR/a.img"}}`,
			`{"jsonrpc":"2.0","id":5,"error":{"code":-32000,"message":"make directory \"DIR/a.img\": exists, but is not a directory","data":{"code":"invalid","hint":"name a directory, or where the daemon can make one","lockspace":"DIR/a.img"}}}`,
		},
		{
			`{"id":6,"method":"lockspace.create","params":{"path":"/proc/none"}}`,
			`{"jsonrpc":"2.0","id":6,"error":{"code":-32000,"message":"make directory \"/proc/none\": no such file or directory","data":{"code":"not_found","hint":"name a directory, or where the daemon can make one","lockspace":"/proc/none","errno":2}}}`,
		},
		{
			`{"id":7,"method":"lockspace.list"}`,
			`{"jsonrpc":"2.0","id":7,"result":{"lockspaces":[{"path":"","locks":0},{"path":"DIR/space","locks":0}]}}`,
		},
		{
			`{"id":8,"method":"owner.register","params":{"owner":{"name":"x"}}}`,
			`{"jsonrpc":"2.0","id":8,"result":{"owner":{"name":"x","pid":PID,"tied_to":"connection"},"client":1}}`,
		},
		{
			`{"id":9,"method":"resource.create","params":{"lockspace":"DIR/space","name":"r"}}`,
			`{"jsonrpc":"2.0","id":9,"result":{}}`,
		},
		{
			`{"id":10,"method":"resource.create","params":{"lockspace":"DIR/space","name":"r"}}`,
			`{"jsonrpc":"2.0","id":10,"result":{}}`,
		},
		{
			`{"id":11,"method":"resource.create","params":{"lockspace":"DIR/none","name":"r"}}`,
			`{"jsonrpc":"2.0","id":11,"error":{"code":-32000,"message":"no lockspace \"DIR/none\"","data":{"code":"not_found","hint":"make it with lockspace.create, or see lockspace.list"}}}`,
		},
		{
			`{"id":12,"method":"lock.acquire","params":{"resources":[{"lockspace":"DIR/space","name":"r","mode":"shared"},{"lockspace":"DIR/space","name":"auto","autocreate":true}]}}`,
			`{"jsonrpc":"2.0","id":12,"result":{"locks":[{"lockspace":"DIR/space","name":"r","path":"DIR/space/r","mode":"shared","autocreate":false,"device":"DEVICE","inode":INODE,"holders":[{"owner":{"name":"x","pid":PID,"tied_to":"connection"},"client":1,"since":"TIME"}]},{"lockspace":"DIR/space","name":"auto","path":"DIR/space/auto","mode":"exclusive","autocreate":true,"device":"DEVICE","inode":INODE,"holders":[{"owner":{"name":"x","pid":PID,"tied_to":"connection"},"client":1,"since":"TIME"}]}]}}`,
		},
		{
			`{"id":13,"method":"resource.delete","params":{"lockspace":"DIR/space","name":"r"}}`,
			`{"jsonrpc":"2.0","id":13,"error":{"code":-32000,"message":"Lockspace resource 'r' is locked by \"x\" (pid PID) since TIME","data":{"code":"busy","hint":"wait for it, or see who holds it: virtlock-admin inspect DIR/space r","lockspace":"DIR/space","name":"r","holders":[{"owner":{"name":"x","pid":PID,"tied_to":"connection"},"client":1,"since":"TIME","lockspace":"DIR/space","name":"r","mode":"shared"}]}}}`,
		},
		{
			`{"id":14,"method":"lock.release","params":{"resources":[{"lockspace":"DIR/space","name":"r"},{"lockspace":"DIR/space","name":"auto"}]}}`,
			`{"jsonrpc":"2.0","id":14,"result":{"locks":[{"lockspace":"DIR/space","name":"r","path":"DIR/space/r","mode":"shared","autocreate":false,"device":"DEVICE","inode":INODE,"holders":[]},{"lockspace":"DIR/space","name":"auto","path":"DIR/space/auto","mode":"exclusive","autocreate":true,"device":"DEVICE","inode":INODE,"holders":[]}]}}`,
		},
		{
			`{"id":15,"method":"resource.delete","params":{"lockspace":"DIR/space","name":"r"}}`,
			`{"jsonrpc":"2.0","id":15,"result":{}}`,
		},
		{
			`{"id":16,"method":"resource.delete","params":{"lockspace":"DIR/space","name":"r"}}`,
			`{"jsonrpc":"2.0","id":16,"result":{}}`,
		},
		{
			`{"id":17,"method":"resource.delete","params":{"lockspace":"","name":"DIR/a.img"}}`,
			`{"jsonrpc":"2.0","id":17,"error":{"code":-32000,"message":"remove \"DIR/a.img\": not empty, so it is no lock file","data":{"code":"invalid","hint":"only empty lock files are removed","lockspace":"","name":"DIR/a.img"}}}`,
		},
	}},
	{"files", []exchange{
		{
			`{"id":1,"method":"lockspace.create","params":{"path":"DIR/space"}}`,
			`{"jsonrpc":"2.0","id":1,"result":{}}`,
		},
		{
			`{"id":1,"method":"owner.register","params":{"owner":{"name":"x"}}}`,
			`{"jsonrpc":"2.0","id":1,"result":{"owner":{"name":"x","pid":PID,"tied_to":"connection"},"client":1}}`,
		},
		{
			`{"id":2,"method":"lock.acquire","params":{"resources":[{"lockspace":"","name":"DIR/missing"}]}}`,
			`{"jsonrpc":"2.0","id":2,"error":{"code":-32000,"message":"open \"DIR/missing\": no such file or directory","data":{"code":"not_found","hint":"check the name, or ask for autocreate","lockspace":"","name":"DIR/missing","errno":2}}}`,
		},
		{
			`{"id":3,"method":"lock.acquire","params":{"resources":[{"lockspace":"","name":"DIR"}]}}`,
			`{"jsonrpc":"2.0","id":3,"error":{"code":-32000,"message":"open \"DIR\": is a directory","data":{"code":"invalid","hint":"a resource is a regular file or a block device","lockspace":"","name":"DIR","errno":21}}}`,
		},
		{
			`{"id":4,"method":"lock.acquire","params":{"resources":[{"lockspace":"","name":"DIR/fifo"}]}}`,
			`{"jsonrpc":"2.0","id":4,"error":{"code":-32000,"message":"open \"DIR/fifo\": not a regular file or block device","data":{"code":"invalid","hint":"a resource is a regular file or a block device","lockspace":"","name":"DIR/fifo"}}}`,
		},
		{
			`{"id":5,"method":"lock.acquire","params":{"resources":[{"lockspace":"","name":"/dev/null"}]}}`,
			`{"jsonrpc":"2.0","id":5,"error":{"code":-32000,"message":"open \"/dev/null\": not a regular file or block device","data":{"code":"invalid","hint":"a resource is a regular file or a block device","lockspace":"","name":"/dev/null"}}}`,
		},
		{
			`{"id":6,"method":"lock.acquire","params":{"resources":[{"lockspace":"","name":"a.img"}]}}`,
			`{"jsonrpc":"2.0","id":6,"error":{"code":-32000,"message":"resource name \"a.img\" is not an absolute path","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":7,"method":"lock.acquire","params":{"resources":[{"lockspace":"","name":"DIR/a\u0000b"}]}}`,
			`{"jsonrpc":"2.0","id":7,"error":{"code":-32000,"message":"resource name \"DIR/a\\x00b\" has a control character","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":8,"method":"lock.acquire","params":{"resources":[{"lockspace":"DIR/space","name":"../a.img"}]}}`,
			`{"jsonrpc":"2.0","id":8,"error":{"code":-32000,"message":"resource name \"../a.img\" is empty, absolute, or has an empty, \".\" or \"..\" element","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":9,"method":"lock.acquire","params":{"resources":[{"lockspace":"DIR/space","name":"/etc/passwd"}]}}`,
			`{"jsonrpc":"2.0","id":9,"error":{"code":-32000,"message":"resource name \"/etc/passwd\" is empty, absolute, or has an empty, \".\" or \"..\" element","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":10,"method":"lock.acquire","params":{"resources":[{"lockspace":"DIR/space","name":"two\nlines","autocreate":true}]}}`,
			`{"jsonrpc":"2.0","id":10,"error":{"code":-32000,"message":"resource name \"two\\nlines\" has a control character","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":11,"method":"lock.acquire","params":{"resources":[{"lockspace":"DIR/space","name":"link"}]}}`,
			`{"jsonrpc":"2.0","id":11,"error":{"code":-32000,"message":"open \"DIR/space/link\": too many levels of symbolic links","data":{"code":"invalid","hint":"names in a lockspace must not be symbolic links","lockspace":"DIR/space","name":"link","errno":40}}}`,
		},
		{
			`{"id":12,"method":"lock.acquire","params":{"resources":[{"lockspace":"DIR/other","name":"a"}]}}`,
			`{"jsonrpc":"2.0","id":12,"error":{"code":-32000,"message":"no lockspace \"DIR/other\"","data":{"code":"not_found","hint":"make it with lockspace.create, or see lockspace.list"}}}`,
		},
		{
			`{"id":13,"method":"lock.acquire","params":{"resources":[{"lockspace":"","name":"DIR/a.img"},{"lockspace":"","name":"DIR/hard.img"}]}}`,
			`{"jsonrpc":"2.0","id":13,"error":{"code":-32000,"message":"resources \"DIR/a.img\" and \"DIR/hard.img\" are one file","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":14,"method":"lock.acquire","params":{"resources":[{"lockspace":"","name":"DIR/a.img"},{"lockspace":"","name":"DIR/a.img"}]}}`,
			`{"jsonrpc":"2.0","id":14,"error":{"code":-32000,"message":"resource \"DIR/a.img\" is named twice","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":15,"method":"lock.acquire","params":{"resources":[{"lockspace":"","name":"DIR/b.img"},{"lockspace":"","name":"DIR/missing"}]}}`,
			`{"jsonrpc":"2.0","id":15,"error":{"code":-32000,"message":"open \"DIR/missing\": no such file or directory","data":{"code":"not_found","hint":"check the name, or ask for autocreate","lockspace":"","name":"DIR/missing","errno":2}}}`,
		},
		{
			`{"id":16,"method":"lock.list"}`,
			`{"jsonrpc":"2.0","id":16,"result":{"locks":[]}}`,
		},
		{
			`{"id":17,"method":"lock.inspect","params":{"lockspace":"","name":"DIR/a.img"}}`,
			`{"jsonrpc":"2.0","id":17,"error":{"code":-32000,"message":"resource \"DIR/a.img\" is not locked","data":{"code":"not_found","lockspace":"","name":"DIR/a.img"}}}`,
		},
		{
			`{"id":18,"method":"lock.release","params":{"resources":[{"lockspace":"","name":"DIR/a.img"}]}}`,
			`{"jsonrpc":"2.0","id":18,"error":{"code":-32000,"message":"resource \"DIR/a.img\" is not locked","data":{"code":"not_found","lockspace":"","name":"DIR/a.img"}}}`,
		},
	}},
}
