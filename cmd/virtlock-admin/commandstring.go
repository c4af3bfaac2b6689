package main

// commandString is a string of commands, read up to some place, by the rules of
// virsh. Nothing is expanded.
type commandString struct {
	commands [][]string // that ended
	words    []string   // of the command under way, that ended
	word     []byte     // under way
	inWord   bool       // also when it is empty yet, as after a quote
	open     byte       // the quote that is not closed, or 0
	escaped  bool       // by a backslash at the end
	comment  bool
}

// splitCommands takes a string of commands apart. There is none without a word.
func splitCommands(text string) ([][]string, error) {
	s := readCommands(text)
	switch {
	case s.escaped:
		return nil, usagef(`write \\ for one that stands alone`, `nothing follows the \ at the end`)
	case s.open != 0:
		return nil, usagef(`write \`+string(s.open)+" for one that stands alone", "missing %c", s.open)
	}
	s.endCommand()
	return s.commands, nil
}

func readCommands(text string) commandString {
	var s commandString
	for i := range len(text) {
		s.add(text[i])
	}
	return s
}

// add reads one more byte.
func (s *commandString) add(c byte) {
	switch {
	case s.comment:
		s.comment = c != '\n'
	case s.escaped:
		s.escaped = false
		if c != '\n' { // which joins two lines
			s.append(c)
		}
	case c == '\\' && s.open != '\'':
		s.escaped = true
	case s.open != 0 && c == s.open:
		s.open = 0
	case s.open != 0:
		s.append(c)
	case c == '\'' || c == '"':
		s.open, s.inWord = c, true
	case c == ' ' || c == '\t':
		s.endWord()
	case c == ';' || c == '\n':
		s.endCommand()
	case c == '#' && !s.inWord:
		s.endCommand()
		s.comment = true
	default:
		s.append(c)
	}
}

func (s *commandString) append(c byte) {
	s.word, s.inWord = append(s.word, c), true
}

func (s *commandString) endWord() {
	if s.inWord {
		s.words = append(s.words, string(s.word))
	}
	s.word, s.inWord = nil, false
}

func (s *commandString) endCommand() {
	s.endWord()
	if len(s.words) > 0 {
		s.commands = append(s.commands, s.words)
	}
	s.words = nil
}
