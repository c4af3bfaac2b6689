# virtlockd: make help

GO ?= go
DESTDIR ?=
PREFIX ?= /usr/local
UNITDIR ?= $(PREFIX)/lib/systemd/system
VERSION ?= 0.1.0
# git is not asked about the sources: it does not answer root about the files of a
# user, and root runs the tests and installs what a user may have checked out.
export GOFLAGS := $(GOFLAGS) -buildvcs=false

SBINDIR = $(DESTDIR)$(PREFIX)/sbin
BINDIR = $(DESTDIR)$(PREFIX)/bin
MANDIR = $(DESTDIR)$(PREFIX)/share/man
BASHDIR = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSHDIR = $(DESTDIR)$(PREFIX)/share/zsh/site-functions
CONFDIR = $(DESTDIR)/etc/libvirt

# Without its generator of man pages, which ours do not come from, urfave/cli
# needs two modules less.
BUILD = CGO_ENABLED=0 $(GO) build -trimpath -tags urfave_cli_no_docs

.PHONY: help
help: ## show this help
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 14

.PHONY: build
build: ## build the programs into bin/
	$(BUILD) -ldflags '-X main.version=$(VERSION)' -o bin/ ./cmd/...

.PHONY: demo
demo: build ## show the main job end to end on a scratch disk image
	$(GO) run ./demo bin

.PHONY: test
test: ## install what the tests need (as root) and run them all
	./scripts/test-packages
	$(GO) vet ./...
	CGO_ENABLED=1 $(GO) test -race -timeout 20m ./...

# Each runs for a while: go test takes one fuzz target of one package a time.
FUZZTIME ?= 30s
.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (30s)
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

.PHONY: bench
bench: ## run the benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: lint
lint: ## look for mistakes and for what is not formatted
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	@unformatted=$$($(GO) run mvdan.cc/gofumpt@v0.12.0 -l .); \
		test -z "$$unformatted" || { echo "not formatted by gofumpt: $$unformatted"; exit 1; }
	mandoc -T lint -W warning man/*
	$(GO) mod tidy -diff

.PHONY: install
install: build ## install below DESTDIR and PREFIX (/usr/local)
	install -D -m 755 -t $(SBINDIR) bin/virtlockd
	install -D -m 755 -t $(BINDIR) bin/virtlock-admin bin/virt-xml-validate
	install -D -m 644 -t $(MANDIR)/man1 man/*.1
	install -D -m 644 -t $(MANDIR)/man5 man/*.5
	install -D -m 644 -t $(MANDIR)/man7 man/*.7
	install -D -m 644 -t $(MANDIR)/man8 man/*.8
	install -D -m 644 completion/virtlock-admin.bash $(BASHDIR)/virtlock-admin
	install -D -m 644 completion/virt-xml-validate.bash $(BASHDIR)/virt-xml-validate
	install -D -m 644 -t $(ZSHDIR) completion/_virtlock-admin completion/_virt-xml-validate
	install -D -m 644 -t $(DESTDIR)$(UNITDIR) systemd/*.socket
	sed 's|@sbindir@|$(PREFIX)/sbin|; s|@bindir@|$(PREFIX)/bin|' systemd/virtlockd.service.in >$(DESTDIR)$(UNITDIR)/virtlockd.service
	chmod 644 $(DESTDIR)$(UNITDIR)/virtlockd.service
	test -e $(CONFDIR)/virtlockd.conf || install -D -m 644 -t $(CONFDIR) cmd/virtlockd/virtlockd.conf

.PHONY: uninstall
uninstall: ## remove what install has installed, but the configuration
	rm -f $(SBINDIR)/virtlockd $(addprefix $(BINDIR)/,virtlock-admin virt-xml-validate)
	rm -f $(addprefix $(MANDIR)/man,1/virtlock-admin.1 1/virt-xml-validate.1 5/virtlockd.conf.5 7/virtlock-protocol.7 8/virtlockd.8)
	rm -f $(addprefix $(BASHDIR)/,virtlock-admin virt-xml-validate)
	rm -f $(addprefix $(ZSHDIR)/,_virtlock-admin _virt-xml-validate)
	rm -f $(addprefix $(DESTDIR)$(UNITDIR)/virtlockd,.service .socket -admin.socket)

.PHONY: clean
clean: ## remove what was built
	rm -rf bin
