package daemon_test

import "strings"

// jsonRequests are about what is a request, and what are its params.
var jsonRequests = []conversation{
	{"params", []exchange{
		{
			`{"id":1,"method":"owner.register","params":{"owner":{"name":"x"}}}`,
			`{"jsonrpc":"2.0","id":1,"result":{"owner":{"name":"x","pid":PID,"tied_to":"connection"},"client":1}}`,
		},
		{
			`{"id":2,"method":"lock.acquire","params":{"resource":[]}}`,
			`{"jsonrpc":"2.0","id":2,"error":{"code":-32602,"message":"bad params: unknown member \"resource\"","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":3,"method":"lock.acquire","params":{"resources":[{"lockspace":"","name":"DIR/a.img","modus":"shared"}]}}`,
			`{"jsonrpc":"2.0","id":3,"error":{"code":-32602,"message":"bad params: unknown member \"modus\"","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":33,"method":"lock.acquire","params":{"resources":[{"lockspace":"","name":"DIR/a.img","MODE":"shared"}]}}`,
			`{"jsonrpc":"2.0","id":33,"error":{"code":-32602,"message":"bad params: unknown member \"MODE\"","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":4,"method":"lock.acquire","params":{"resources":[{"lockspace":"","name":"DIR/a.img","mode":"Shared"}]}}`,
			`{"jsonrpc":"2.0","id":4,"error":{"code":-32602,"message":"unknown mode \"Shared\"","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":5,"method":"lock.acquire","params":{"resources":[{"lockspace":"","name":"DIR/a.img","mode":1}]}}`,
			`{"jsonrpc":"2.0","id":5,"error":{"code":-32602,"message":"bad params: \"resources.mode\" has to be a string, not a number","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":6,"method":"lock.acquire","params":{"resources":"DIR/a.img"}}`,
			`{"jsonrpc":"2.0","id":6,"error":{"code":-32602,"message":"bad params: \"resources\" has to be an array, not a string","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":7,"method":"lock.acquire","params":{"resources":["DIR/a.img"]}}`,
			`{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"bad params: \"resources\" has to be an object, not a string","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":8,"method":"lock.acquire","params":[1,2]}`,
			`{"jsonrpc":"2.0","id":8,"error":{"code":-32602,"message":"bad params: \"params\" has to be an object, not an array","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":9,"method":"lock.acquire","params":7}`,
			`{"jsonrpc":"2.0","id":9,"error":{"code":-32602,"message":"bad params: \"params\" has to be an object, not a number","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":10,"method":"lock.acquire","params":{"resources":[],"wait_ms":0}}`,
			`{"jsonrpc":"2.0","id":10,"error":{"code":-32602,"message":"0 resources named, of 1 to 1024","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":11,"method":"lock.acquire"}`,
			`{"jsonrpc":"2.0","id":11,"error":{"code":-32602,"message":"0 resources named, of 1 to 1024","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":12,"method":"lock.acquire","params":{"resources":[{"lockspace":"","name":"DIR/a.img"}],"wait_ms":1.5}}`,
			`{"jsonrpc":"2.0","id":12,"error":{"code":-32602,"message":"bad params: \"wait_ms\" has to be a whole number, not 1.5","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":13,"method":"lock.acquire","params":{"resources":[{"lockspace":"","name":"DIR/a.img","autocreate":"yes"}]}}`,
			`{"jsonrpc":"2.0","id":13,"error":{"code":-32602,"message":"bad params: \"resources.autocreate\" has to be true or false, not a string","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":14,"method":"owner.register","params":{"owner":{"id":-1}}}`,
			`{"jsonrpc":"2.0","id":14,"error":{"code":-32602,"message":"bad params: \"owner.id\" has to be a whole number of 0 to 4294967295, not -1","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":15,"method":"lock.list","params":{"mode":"both"}}`,
			`{"jsonrpc":"2.0","id":15,"error":{"code":-32602,"message":"unknown mode \"both\"","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":16,"method":"lock.list","params":{"name":"[a"}}`,
			`{"jsonrpc":"2.0","id":16,"error":{"code":-32602,"message":"bad pattern \"[a\"","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":17,"method":"event.subscribe","params":{"types":["[a"]}}`,
			`{"jsonrpc":"2.0","id":17,"error":{"code":-32602,"message":"bad pattern \"[a\" of event types","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":18,"method":"daemon.status","params":{"x":1}}`,
			`{"jsonrpc":"2.0","id":18,"error":{"code":-32602,"message":"bad params: unknown member \"x\"","data":{"code":"invalid"}}}`,
		},
		{
			`{"id":19,"method":"daemon.status","params":null}`,
			`{"jsonrpc":"2.0","id":19,"result":{"version":"test","protocol":1,"pid":PID,"started":"TIME","socket":"SOCKETS/virtlockd-sock","lockspaces":1,"locks":0,"holders":0,"owners":1,"waiters":0,"clients":1,"max_clients":1024,"admin_clients":0,"admin_max_clients":5000,"subscribers":0,"open_files":FILES,"max_open_files":FILES,"granted":0,"refused":0,"released":0}}`,
		},
	}},
	{"requests", []exchange{
		{
			`{"jsonrpc":"2.0","method":"lockspace.list","id":"a \"string\""}`,
			`{"jsonrpc":"2.0","id":"a \"string\"","result":{"lockspaces":[{"path":"","locks":0}]}}`,
		},
		{
			`{"jsonrpc":"2.0","method":"lockspace.list","id":-1.50e3}`,
			`{"jsonrpc":"2.0","id":-1.50e3,"result":{"lockspaces":[{"path":"","locks":0}]}}`,
		},
		{
			`{"jsonrpc":"2.0","method":"lockspace.list","id":12345678901234567890123}`,
			`{"jsonrpc":"2.0","id":12345678901234567890123,"result":{"lockspaces":[{"path":"","locks":0}]}}`,
		},
		{
			`{"jsonrpc":"2.0","method":"lockspace.list","id":null}`,
			`{"jsonrpc":"2.0","id":null,"result":{"lockspaces":[{"path":"","locks":0}]}}`,
		},
		{`{"jsonrpc":"2.0","method":"lockspace.list"}`, ``},
		{`{"jsonrpc":"2.0","method":"no.such"}`, ``},
		{`{"jsonrpc":"2.0","method":"lock.acquire"}`, ``},
		{
			`   	{"id":1,"method":"lockspace.list"}   ` + "\r",
			`{"jsonrpc":"2.0","id":1,"result":{"lockspaces":[{"path":"","locks":0}]}}`,
		},
		{``, ``},
		{"  \t \r", ``},
		{
			`{"id":{},"method":"lockspace.list"}`,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"\"id\" is neither a string nor a number nor null","data":{"code":"invalid","hint":"see virtlock-protocol(7)"}}}`,
		},
		{
			`{"id":[1],"method":"lockspace.list"}`,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"\"id\" is neither a string nor a number nor null","data":{"code":"invalid","hint":"see virtlock-protocol(7)"}}}`,
		},
		{
			`{"id":true,"method":"lockspace.list"}`,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"\"id\" is neither a string nor a number nor null","data":{"code":"invalid","hint":"see virtlock-protocol(7)"}}}`,
		},
		{
			`{"jsonrpc":"1.0","id":1,"method":"lockspace.list"}`,
			`{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"\"jsonrpc\" is not \"2.0\"","data":{"code":"invalid","hint":"see virtlock-protocol(7)"}}}`,
		},
		{
			`{"id":1}`,
			`{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"\"method\" is missing","data":{"code":"invalid","hint":"see virtlock-protocol(7)"}}}`,
		},
		{
			`{"id":1,"method":7}`,
			`{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"bad request: \"method\" has to be a string, not a number","data":{"code":"invalid","hint":"see virtlock-protocol(7)"}}}`,
		},
		{
			`{"id":1,"method":"no.such"}`,
			`{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"unknown method \"no.such\"","data":{"code":"invalid","hint":"see virtlock-protocol(7)"}}}`,
		},
		{
			`{"id":1,"method":"no\u0000such"}`,
			`{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"unknown method \"no\\x00such\"","data":{"code":"invalid","hint":"see virtlock-protocol(7)"}}}`,
		},
		{
			`[{"id":1,"method":"lockspace.list"}]`,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"bad request: a line has to be an object, not an array","data":{"code":"invalid","hint":"see virtlock-protocol(7)"}}}`,
		},
		{
			`[]`,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"bad request: a line has to be an object, not an array","data":{"code":"invalid","hint":"see virtlock-protocol(7)"}}}`,
		},
		{
			`"lockspace.list"`,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"bad request: a line has to be an object, not a string","data":{"code":"invalid","hint":"see virtlock-protocol(7)"}}}`,
		},
		{
			`7`,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"bad request: a line has to be an object, not a number","data":{"code":"invalid","hint":"see virtlock-protocol(7)"}}}`,
		},
		{
			`null`,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"\"method\" is missing","data":{"code":"invalid","hint":"see virtlock-protocol(7)"}}}`,
		},
		{
			`{"id":1,"method":"lockspace.list"`,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"bad request: not JSON: unexpected end of JSON input at byte 33","data":{"code":"invalid","hint":"see virtlock-protocol(7)"}}}`,
		},
		{
			`{"id":1,"method":"lockspace.list"}}`,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"bad request: not JSON: invalid character '}' after top-level value at byte 35","data":{"code":"invalid","hint":"see virtlock-protocol(7)"}}}`,
		},
		{
			`{"id":1,"method":"lockspace.list"} {"id":2,"method":"lockspace.list"}`,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"bad request: not JSON: invalid character '{' after top-level value at byte 36","data":{"code":"invalid","hint":"see virtlock-protocol(7)"}}}`,
		},
		{
			`{'id':1}`,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"bad request: not JSON: invalid character '\\'' looking for beginning of object key string at byte 2","data":{"code":"invalid","hint":"see virtlock-protocol(7)"}}}`,
		},
		{
			"{\"id\":1,\"method\":\"\xff\"}",
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the request is not valid UTF-8","data":{"code":"invalid","hint":"see virtlock-protocol(7)"}}}`,
		},
		{
			strings.Repeat("[", 1000),
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"bad request: not JSON: unexpected end of JSON input at byte 1000","data":{"code":"invalid","hint":"see virtlock-protocol(7)"}}}`,
		},
		{
			strings.Repeat("[", 20000),
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"bad request: not JSON: invalid character '[' exceeded max depth at byte 10001","data":{"code":"invalid","hint":"see virtlock-protocol(7)"}}}`,
		},
	}},
}
