package virnet

import "fmt"

// Limits of the admin program.
const (
	MaxServers = 16384 // servers in a ServersResult
	MaxClients = 16384 // clients in a ClientsResult
	MaxParams  = 32    // parameters to set
	MaxInfo    = 64    // parameters in a ParamsResult
)

// ParamType is the number of a parameter's type on the wire.
type ParamType int32

// The types of parameters, with the Go type of their values.
const (
	ParamInt    ParamType = 1 // int32
	ParamUint   ParamType = 2 // uint32
	ParamLlong  ParamType = 3 // int64
	ParamUllong ParamType = 4 // uint64
	ParamDouble ParamType = 5 // float64
	ParamBool   ParamType = 6 // bool
	ParamString ParamType = 7 // string
)

// String returns the name libvirt's messages call the type by.
func (t ParamType) String() string {
	switch t {
	case ParamInt:
		return "int"
	case ParamUint:
		return "uint"
	case ParamLlong:
		return "llong"
	case ParamUllong:
		return "ullong"
	case ParamDouble:
		return "double"
	case ParamBool:
		return "boolean"
	case ParamString:
		return "string"
	}
	return fmt.Sprintf("type %d", int32(t))
}

// TypedParam is a named value of the admin program.
type TypedParam struct {
	Field string
	// Value is an int32, uint32, int64, uint64, float64, bool or string.
	Value any
}

// minParam is the size of the smallest parameter on the wire: no name, a type,
// one word.
const minParam = 3 * wordSize

// Type returns the type of the value. It panics when Value is none of those
// that a parameter can have.
func (p TypedParam) Type() ParamType {
	switch p.Value.(type) {
	case int32:
		return ParamInt
	case uint32:
		return ParamUint
	case int64:
		return ParamLlong
	case uint64:
		return ParamUllong
	case float64:
		return ParamDouble
	case bool:
		return ParamBool
	case string:
		return ParamString
	}
	panic(fmt.Sprintf("virnet: parameter %q is a %T", p.Field, p.Value))
}

// Append appends the parameter. It panics where Type does.
func (p TypedParam) Append(dst []byte) []byte {
	dst = AppendString(dst, p.Field)
	dst = AppendUint32(dst, uint32(p.Type()))
	switch v := p.Value.(type) {
	case int32:
		dst = AppendUint32(dst, uint32(v))
	case uint32:
		dst = AppendUint32(dst, v)
	case int64:
		dst = AppendUint64(dst, uint64(v))
	case uint64:
		dst = AppendUint64(dst, v)
	case float64:
		dst = AppendFloat64(dst, v)
	case bool:
		dst = AppendBool(dst, v)
	case string:
		dst = AppendString(dst, v)
	}
	return dst
}

// param reads a parameter. An unknown type is a failure: nobody knows how long
// its value is.
func (d *Decoder) param() TypedParam {
	p := TypedParam{Field: d.String(MaxString)}
	switch ParamType(d.Int32()) {
	case ParamInt:
		p.Value = d.Int32()
	case ParamUint:
		p.Value = d.Uint32()
	case ParamLlong:
		p.Value = d.Int64()
	case ParamUllong:
		p.Value = d.Uint64()
	case ParamDouble:
		p.Value = d.Float64()
	case ParamBool:
		p.Value = d.Bool()
	case ParamString:
		p.Value = d.String(MaxString)
	default:
		d.fail()
	}
	return p
}

// params reads at most limit parameters, and returns none at a failure.
func (d *Decoder) params(limit int) []TypedParam {
	params := make([]TypedParam, d.Count(limit, minParam))
	for i := range params {
		params[i] = d.param()
	}
	if d.err != nil {
		return nil
	}
	return params
}

func appendParams(dst []byte, params []TypedParam) []byte {
	dst = AppendUint32(dst, uint32(len(params)))
	for _, p := range params {
		dst = p.Append(dst)
	}
	return dst
}
