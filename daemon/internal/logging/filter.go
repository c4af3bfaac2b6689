package logging

import (
	"fmt"
	"path"
	"strings"
)

// Filter gives the sources that match it a level of their own.
type Filter struct {
	Level Level
	Match string
}

// ParseFilters reads filters as the configuration has them: "level:match",
// separated by spaces.
func ParseFilters(s string) ([]Filter, error) {
	var filters []Filter
	for _, word := range words(s) {
		f, err := parseFilter(word)
		if err != nil {
			return nil, err
		}
		filters = append(filters, f)
	}
	return filters, nil
}

func parseFilter(word string) (Filter, error) {
	number, match, found := strings.Cut(word, ":")
	if !found {
		return Filter{}, invalidf("Malformed format for filter '%s'", word)
	}
	level, ok := parseNumber(number)
	if !ok {
		return Filter{}, invalidf("Invalid priority '%s' for filter '%s'", number, word)
	}
	match, _, _ = strings.Cut(match, ":") // libvirt ignores further parts
	// Older versions printed the stack of a message whose filter had a plus.
	plain := strings.TrimPrefix(match, "+")
	if plain == "" {
		return Filter{}, invalidf("Invalid match string '%s'", match)
	}
	return Filter{level, plain}, nil
}

// String returns the filter as libvirt shows it, with the wildcards that make a
// match out of any part of a name.
func (f Filter) String() string { return fmt.Sprintf("%d:*%s*", f.Level, f.Match) }

// matches reports whether the filter is for the source.
func (f Filter) matches(source string) bool {
	matched, err := path.Match("*"+f.Match+"*", source)
	return matched || err != nil && strings.Contains(source, f.Match)
}

// levelFor returns the level of a source: that of the first filter for it, or
// else the given one.
func levelFor(source string, filters []Filter, level Level) Level {
	for _, f := range filters {
		if f.matches(source) {
			return f.Level
		}
	}
	return level
}

// words splits at spaces only: libvirt leaves tabs where they are.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' })
}

// join renders a list as libvirt does.
func join[T fmt.Stringer](list []T) string {
	texts := make([]string, len(list))
	for i, item := range list {
		texts[i] = item.String()
	}
	return strings.Join(texts, " ")
}
