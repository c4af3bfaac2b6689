package daemon_test

import (
	"math"
	"strings"

	"virtlock/daemon/internal/virnet"
)

// uints makes unsigned parameters of names and values.
func uints(pairs ...any) []virnet.TypedParam {
	var params []virnet.TypedParam
	for i := 0; i < len(pairs); i += 2 {
		params = append(params, virnet.TypedParam{Field: pairs[i].(string), Value: uint32(pairs[i+1].(int))})
	}
	return params
}

func params(pairs ...any) []virnet.TypedParam {
	var params []virnet.TypedParam
	for i := 0; i < len(pairs); i += 2 {
		params = append(params, virnet.TypedParam{Field: pairs[i].(string), Value: pairs[i+1]})
	}
	return params
}

// setting is a case that sets parameters and then asks for them.
func setting(name string, set, get int32, p []virnet.TypedParam) adminWireCase {
	return adminWireCase{name: name, calls: []adminCall{
		call(set, virnet.ServerParamsArgs{Server: "virtlockd", Params: p}),
		call(get, virnet.ServerArgs{Server: "virtlockd"}),
	}}
}

// limitCases set the limits of clients.
func limitCases() []adminWireCase {
	const most, unauth = "nclients_max", "nclients_unauth_max"
	set := func(name string, p []virnet.TypedParam) adminWireCase {
		return setting(name, virnet.AdminSetClientLimits, virnet.AdminGetClientLimits, p)
	}
	many := func(n int) (p []virnet.TypedParam) {
		for range n {
			p = append(p, uints("n", 1)...)
		}
		return p
	}
	return []adminWireCase{
		set("both", uints(most, 100, unauth, 90)),
		set("both, other order", uints(unauth, 80, most, 90)),
		set("equal", uints(most, 50, unauth, 50)),
		set("more unauthenticated", uints(most, 50, unauth, 51)),
		set("more unauthenticated than there is", uints(unauth, 5000)),
		set("only max", uints(most, 70)),
		set("only max, too low", uints(most, 2)),
		set("only unauthenticated", uints(unauth, 0)),
		set("largest", params(most, uint32(math.MaxUint32), unauth, uint32(math.MaxUint32))),
		set("both 0", uints(most, 0, unauth, 0)),
		set("back", uints(most, 1024, unauth, 1024)),
		set("none", nil),
		set("int", params(most, int32(-2))),
		set("llong", params(most, int64(5))),
		set("ullong", params(unauth, uint64(5))),
		set("double", params(most, 2.5)),
		set("boolean", params(most, true)),
		set("string", params(most, "5")),
		set("twice", uints(most, 3000, most, 3000)),
		set("twice, of two types", params(most, uint32(3000), most, int32(3000))),
		set("twice, of two types, turned", params(most, int32(3000), most, uint32(3000))),
		set("unknown", uints("nope", 1)),
		set("unknown and more", params("zzz", uint32(1), most, int32(1))),
		set("unknown before others", params(most, int32(1), "aaa", uint32(1))),
		set("unknown between", params("nclients_n", uint32(1), unauth, int32(1))),
		set("two unknown", uints("b", 1, "a", 1)),
		set("without a name", uints("", 1)),
		set("read-only nclients", uints("nclients", 1)),
		set("read-only nclients_unauth", uints("nclients_unauth", 1)),
		set("longest name", uints(strings.Repeat("x", 79), 1)),
		set("name too long", uints(strings.Repeat("x", 80), 1)),
		set("second name too long", uints("nope", 1, strings.Repeat("x", 200), 1)),
		set("32", many(32)),
		set("33", many(33)),
	}
}

// threadpoolCases set the parameters of the pool that there is not.
func threadpoolCases() []adminWireCase {
	set := func(name string, p []virnet.TypedParam) adminWireCase {
		return setting(name, virnet.AdminSetThreadpoolParameters, virnet.AdminGetThreadpoolParameters, p)
	}
	return []adminWireCase{
		set("none", nil),
		set("zeros", uints("minWorkers", 0, "maxWorkers", 0, "prioWorkers", 0)),
		set("min", uints("minWorkers", 1)),
		set("max", uints("maxWorkers", 1)),
		set("min above max", uints("minWorkers", 2, "maxWorkers", 1)),
		set("both", uints("minWorkers", 1, "maxWorkers", 1)),
		set("max and prio", uints("maxWorkers", 1, "prioWorkers", 1)),
		set("read-only", uints("nWorkers", 1)),
		set("read-only freeWorkers", uints("freeWorkers", 1)),
		set("read-only jobQueueDepth", uints("jobQueueDepth", 1)),
		set("type", params("maxWorkers", int32(1))),
		set("twice", uints("prioWorkers", 0, "prioWorkers", 0)),
		set("unknown", uints("workers", 1)),
	}
}
