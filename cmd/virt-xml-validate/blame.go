package main

import "slices"

// blame tells what is wrong with the parts at fault: in libxml2's words where it
// says something about them, and else what follows from their being at fault.
func blame(culprits []part, messages []located) []problem {
	var list []problem
	for _, p := range culprits {
		if p.attribute != nil {
			list = append(list, blameAttribute(p))
			continue
		}
		told := toldAbout(p.element, messages, telling)
		if len(told) == 0 {
			told = toldAbout(p.element, messages, hinting)
		}
		if len(told) == 0 {
			told = []problem{blameElement(p.element)}
		}
		list = append(list, told...)
	}
	return unique(list)
}

// toldAbout are the messages that say what is wrong with an element or in it.
func toldAbout(e *element, messages []located, wanted kind) []problem {
	var list []problem
	for _, l := range messages {
		if l.element == nil || !l.element.isIn(e) {
			continue
		}
		if p, kind := translate(l.text); kind == wanted {
			list = append(list, p.at(l))
		}
	}
	return unique(list)
}

// isIn reports whether an element is another one or in it.
func (e *element) isIn(other *element) bool {
	for ; e != nil; e = e.parent {
		if e == other {
			return true
		}
	}
	return false
}

func blameAttribute(p part) problem {
	found := problem{Message: "attribute " + shown(p.attribute.name) + " has no place here, or its value " +
		shown(p.attribute.value) + " is wrong"}.in(p.element)
	found.Path += "/@" + p.attribute.name
	return found
}

func blameElement(e *element) problem {
	place := "element " + shown(e.name) + " has no place here"
	if e.isTwin() {
		place += " a second time"
	}
	switch {
	case len(e.children) > 0 || len(e.attributes) > 0:
		return problem{Message: place + ", or lacks something, or has a wrong value"}.in(e)
	case e.content() == "":
		return problem{Message: place + ", or its content is wrong"}.in(e)
	}
	return problem{Message: place + ", or its content " + shown(e.content()) + " is wrong"}.in(e)
}

// isTwin reports whether a sibling has the same name.
func (e *element) isTwin() bool {
	return e.parent != nil && slices.ContainsFunc(e.parent.children, func(other *element) bool {
		return other != e && other.name == e.name
	})
}
