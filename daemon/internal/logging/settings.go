package logging

// Settings are what decides which messages go where.
type Settings struct {
	Level   Level
	Filters string // see ParseFilters
	Outputs string // see ParseOutputs
}

// Check fails with an *InvalidError if one of the settings is not valid. It opens
// nothing.
func (s Settings) Check() error {
	_, _, err := s.parse()
	return err
}

func (s Settings) parse() ([]Filter, []Output, error) {
	if err := CheckLevel(s.Level); err != nil {
		return nil, nil, err
	}
	filters, err := ParseFilters(s.Filters)
	if err != nil {
		return nil, nil, err
	}
	outputs, err := ParseOutputs(s.Outputs)
	return filters, outputs, err
}
