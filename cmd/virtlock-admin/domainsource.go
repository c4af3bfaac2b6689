package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// isDescription reports whether a word is a file with the description of a guest,
// or standard input, and not the guest's name. It does not look what files there
// are: a word has to mean the same in every directory.
func isDescription(word string) bool {
	return word == "-" || strings.Contains(word, "/") || strings.HasSuffix(word, ".xml")
}

// loadDomain reads the description that a word stands for. With inactive it is how a
// guest is started next, and not how it runs now.
func (e *env) loadDomain(ctx context.Context, word string, inactive bool) (domain, error) {
	if !isDescription(word) {
		return askDomain(ctx, word, inactive)
	}
	if inactive {
		return domain{}, usagef("virsh dumpxml --inactive prints one", "--inactive needs the name of a guest")
	}
	var d domain
	var err error
	if word == "-" {
		d, err = readDomain(e.in)
	} else {
		d, err = readDomainFile(word)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return d, &notFoundError{
			message: fmt.Sprintf("there is no file %q", word),
			hint:    "of a guest with this name: virsh dumpxml " + shellWord(word) + " | virtlock-admin check -",
		}
	case err != nil:
		return d, fmt.Errorf("read the description of a guest from %q: %w", word, err)
	}
	return d, nil
}

func readDomainFile(path string) (domain, error) {
	f, err := os.Open(path)
	if err != nil {
		return domain{}, err
	}
	defer f.Close()
	return readDomain(f)
}

// askDomain has libvirt describe a guest.
func askDomain(ctx context.Context, name string, inactive bool) (domain, error) {
	words := []string{"dumpxml", "--domain", name}
	if inactive {
		words = append(words, "--inactive")
	}
	text, err := askVirsh(ctx, words...)
	var refusal *virshError
	switch {
	case errors.Is(err, errNoVirsh):
		return domain{}, &cannotTellError{
			fmt.Sprintf("describe guest %q: %v", name, err),
			"install virsh, or give the file of its description; one of the working directory as ./FILE",
		}
	case errors.As(err, &refusal) && refusal.notFound():
		return domain{}, &notFoundError{
			message: fmt.Sprintf("libvirt has no guest %q", name),
			hint:    "virsh list --all shows them; a file is named with a / or ends with .xml",
		}
	case err != nil:
		return domain{}, err
	}
	d, err := readDomain(strings.NewReader(text))
	if err != nil {
		err = fmt.Errorf("read libvirt's description of %q: %w", name, err)
	}
	return d, err
}
