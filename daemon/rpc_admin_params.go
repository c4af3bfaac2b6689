package daemon

import (
	"cmp"
	"slices"

	"virtlock/daemon/internal/virnet"
)

// maxField is how long the name of a parameter may be: libvirt keeps it in 80
// bytes with a zero at the end.
const maxField = 79

// serverParams gives the server of a call and the parameters to set, all of
// them unsigned, by name. known are the names that the procedure has.
func (c *conn) serverParams(call virnet.Header, a *virnet.ServerParamsArgs, known ...string) (*slots, map[string]uint32, error) {
	s, err := c.daemon.serverNamed(a.Server)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range a.Params {
		if len(p.Field) > maxField {
			return nil, nil, virnet.Errorf(virnet.CodeInternalError, virnet.DomainNone, "parameter %s too big for destination", p.Field)
		}
	}
	if err := checkFlags(call, a.Flags); err != nil {
		return nil, nil, err
	}
	values, err := paramValues(a.Params, known)
	return s, values, err
}

// paramValues checks parameters in the order of their names, as libvirt does.
func paramValues(params []virnet.TypedParam, known []string) (map[string]uint32, error) {
	values := make(map[string]uint32, len(params))
	sorted := slices.SortedStableFunc(slices.Values(params), func(a, b virnet.TypedParam) int { return cmp.Compare(a.Field, b.Field) })
	for _, p := range sorted {
		if !slices.Contains(known, p.Field) {
			return nil, virnet.Errorf(virnet.CodeArgumentUnsupported, virnet.DomainNone, "parameter '%s' not supported", p.Field)
		}
		if _, seen := values[p.Field]; seen {
			return nil, virnet.Errorf(virnet.CodeInvalidArgument, virnet.DomainNone, "parameter '%s' occurs multiple times", p.Field)
		}
		value, ok := p.Value.(uint32)
		if !ok {
			return nil, virnet.Errorf(virnet.CodeInvalidArgument, virnet.DomainNone,
				"invalid type '%s' for parameter '%s', expected '%s'", p.Type(), p.Field, virnet.ParamUint)
		}
		values[p.Field] = value
	}
	return values, nil
}
