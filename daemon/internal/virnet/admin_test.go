package virnet_test

import (
	"reflect"
	"testing"

	"virtlock/daemon/internal/virnet"
)

// TestAdminMeaning demands the right values of what virt-admin and libvirt's
// daemon said to each other; TestGolden only knows that no byte is lost.
func TestAdminMeaning(t *testing.T) {
	limits := []virnet.TypedParam{
		{Field: "nclients_max", Value: uint32(1000)}, {Field: "nclients_unauth_max", Value: uint32(900)},
	}
	guest := virnet.AdminClient{Server: "virtlockd", ID: 1, Transport: virnet.TransportUnix}
	calls := map[string]payload{
		"CONNECT_OPEN flags":        &virnet.FlagsArgs{Flags: 4},
		"LIST_SERVERS count only":   &virnet.ListServersArgs{},
		"virt-admin srv-list":       &virnet.ListServersArgs{NeedResults: true},
		"GET_CLIENT_LIMITS flags":   &virnet.ServerArgs{Server: "virtlockd", Flags: 4},
		"LIST_CLIENTS flags":        &virnet.ListClientsArgs{Server: "virtlockd", NeedResults: true, Flags: 4},
		"LOOKUP_CLIENT flags":       &virnet.LookupClientArgs{Server: "virtlockd", ID: 1, Flags: 4},
		"CLIENT_CLOSE flags":        &virnet.ClientArgs{Client: guest, Flags: 4},
		"SET_LOGGING_FILTERS flags": &virnet.LoggingArgs{Flags: 4},
		"virt-admin srv-clients-set virtlockd --max-clients 1000 --max-unauth-clients 900": &virnet.ServerParamsArgs{
			Server: "virtlockd", Params: limits,
		},
		"virt-admin daemon-log-filters 1:locking 3:util": &virnet.LoggingArgs{Setting: new("1:locking 3:util")},
		`virt-admin daemon-log-outputs ""`:               &virnet.LoggingArgs{Setting: new("")},
		"virt-admin daemon-timeout --timeout 100":        &virnet.TimeoutArgs{Seconds: 100},
	}
	replies := map[string]payload{
		"GET_LIB_VERSION without open": &virnet.LibVersionResult{Version: 9_000_000},
		"virt-admin srv-list":          &virnet.ServersResult{Servers: []string{"virtlockd", "admin"}, Total: 2},
		"LIST_CLIENTS count only":      &virnet.ClientsResult{Clients: []virnet.AdminClient{}, Total: 2},
		"virt-admin daemon-log-outputs (2)": &virnet.LoggingOutputsResult{
			Outputs: "1:stderr 3:file:/run/virtlockd.log", Count: 2,
		},
		"virt-admin daemon-log-filters": &virnet.LoggingFiltersResult{
			Filters: new("1:*locking* 3:*util* "), Count: 2,
		},
		"virt-admin client-list virtlockd (2)": &virnet.ClientsResult{
			Clients: []virnet.AdminClient{{Server: "virtlockd", ID: 1, Connected: 0, Transport: virnet.TransportUnix}}, Total: 1,
		},
	}
	for title, want := range calls {
		t.Run("call/"+title, func(t *testing.T) {
			_, b := virnet.ParseHeader(exchangeTitled(t, "admin.txt", title).call)
			decodesTo(t, b, want)
		})
	}
	for title, want := range replies {
		t.Run("reply/"+title, func(t *testing.T) {
			_, b := virnet.ParseHeader(exchangeTitled(t, "admin.txt", title).reply)
			decodesTo(t, b, want)
		})
	}
}

func decodesTo(t *testing.T, b []byte, want payload) {
	t.Helper()
	got := reflect.New(reflect.TypeOf(want).Elem()).Interface().(payload)
	if err := got.Decode(b); err != nil {
		t.Fatal(err)
	}
	if list, ok := got.(*virnet.ClientsResult); ok {
		for i := range list.Clients {
			list.Clients[i].Connected = 0 // when it was recorded
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestClientInfo(t *testing.T) {
	_, b := virnet.ParseHeader(exchangeTitled(t, "admin.txt", "CLIENT_GET_INFO").reply)
	var got virnet.ParamsResult
	if err := got.Decode(b); err != nil {
		t.Fatal(err)
	}
	if len(got.Params) != 6 {
		t.Fatalf("got %+v", got)
	}
	got.Params[5].Value = int32(0) // whatever process it was
	want := []virnet.TypedParam{
		{Field: "readonly", Value: false},
		{Field: "unix_user_id", Value: int32(0)},
		{Field: "unix_user_name", Value: "root"},
		{Field: "unix_group_id", Value: int32(0)},
		{Field: "unix_group_name", Value: "root"},
		{Field: "unix_process_id", Value: int32(0)},
	}
	if !reflect.DeepEqual(got.Params, want) {
		t.Errorf("got %+v, want %+v", got.Params, want)
	}
}

// TestParamTypes has one value of each type; libvirt named each one back.
func TestParamTypes(t *testing.T) {
	for title, want := range map[string]struct {
		value any
		name  string
	}{
		"SET_CLIENT_LIMITS type 1": {int32(-2), "int"},
		"SET_CLIENT_LIMITS type 2": {uint32(5), "uint"},
		"SET_CLIENT_LIMITS type 3": {int64(-3), "llong"},
		"SET_CLIENT_LIMITS type 4": {uint64(1 << 63), "ullong"},
		"SET_CLIENT_LIMITS type 5": {2.5, "double"},
		"SET_CLIENT_LIMITS type 6": {true, "boolean"},
		"SET_CLIENT_LIMITS type 7": {"txt", "string"},
	} {
		_, b := virnet.ParseHeader(exchangeTitled(t, "admin.txt", title).call)
		var args virnet.ServerParamsArgs
		if err := args.Decode(b); err != nil || len(args.Params) != 1 {
			t.Errorf("%s: %+v, %v", title, args, err)
			continue
		}
		if p := args.Params[0]; p.Value != want.value || p.Type().String() != want.name {
			t.Errorf("%s: got %T %v, a %v", title, p.Value, p.Value, p.Type())
		}
	}
}

func TestParamOfAnotherType(t *testing.T) {
	if name := virnet.ParamType(8).String(); name != "type 8" {
		t.Errorf("got %q", name)
	}
	defer func() {
		if recover() == nil {
			t.Error("a parameter with an int was appended")
		}
	}()
	virnet.TypedParam{Field: "x", Value: 1}.Append(nil)
}

func TestTooManyParams(t *testing.T) {
	for n, want := range map[int]error{virnet.MaxParams: nil, virnet.MaxParams + 1: virnet.ErrPayload} {
		params := make([]virnet.TypedParam, n)
		for i := range params {
			params[i].Value = uint32(i)
		}
		var args virnet.ServerParamsArgs
		if err := args.Decode(virnet.ServerParamsArgs{Params: params}.Append(nil)); err != want {
			t.Errorf("%d: got %v, want %v", n, err, want)
		}
	}
}
