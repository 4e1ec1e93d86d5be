# Towline's chores. `make` alone lists them.
SHELL := /bin/bash
GO ?= go
PACKAGES = ./...
TESTBED = CGO_ENABLED=0 $(GO) build -C testbed -trimpath -o bin/testbed .

.DEFAULT_GOAL := help
.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: build
build: ## build bin/towline, bin/towline-lsp and bin/towline-agent
	hack/build -o bin/ ./cmd/towline ./cmd/towline-lsp
	GOOS=linux hack/build -o bin/towline-agent ./cmd/towline-agent

.PHONY: test
test: build cluster-up ## run every test, on the real cluster and in the real editors
	hack/test-all

.PHONY: test-unit
test-unit: ## run the tests that need no cluster
	CGO_ENABLED=0 $(GO) test -trimpath $(PACKAGES)

.PHONY: test-sync
test-sync: cluster-up ## 100,000 random changes of files in virtual time, 500 on a real pod
	eval "$$(testbed/bin/testbed env)" && export TOWLINE_TEST_KUBECONFIG=$${TOWLINE_TEST_KUBECONFIG:-$$KUBECONFIG} && \
	CGO_ENABLED=0 $(GO) test -trimpath -timeout 60m -v -run TestRandomSync ./server/daemon -all -steps 100000 -pod-steps 500

.PHONY: test-kill
test-kill: build cluster-up ## kill the daemon 300 times, with all that it does in mid-way
	eval "$$(testbed/bin/testbed env)" && export TOWLINE_TEST_KUBECONFIG=$${TOWLINE_TEST_KUBECONFIG:-$$KUBECONFIG} && \
	CGO_ENABLED=0 $(GO) test -trimpath -timeout 60m -v -run TestKilledDaemons ./e2e/story -rounds 300

.PHONY: test-race
test-race: ## the tests that need no cluster, under the race detector
	CGO_ENABLED=1 $(GO) test -race -timeout 30m $(PACKAGES)

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (1m)
	hack/fuzz $(or $(FUZZTIME),1m)

.PHONY: lint
lint: ## gofmt, go vet, staticcheck, known vulnerabilities, licences and eslint
	hack/lint

.PHONY: notices
notices: ## write the licences of what is linked, after a change of go.mod
	$(GO) build -C hack/notices -o ../../bin/notices . && bin/notices cmd/towline/notices/NOTICES.txt ./cmd/...

.PHONY: demo
demo: ## play the whole story in this terminal, with its times
	@[ -e bin/demo ] || echo "The first time: four minutes on two cores until the first act, and nine more to compile a Kubernetes where no cluster of yours is used. Later it takes seconds."
	@$(MAKE) --no-print-directory build
	hack/build -o bin/demo ./demo && bin/demo

.PHONY: cluster-up
cluster-up: ## start the test bed's Kubernetes and print its kubeconfig's path
	@$(TESTBED) && testbed/bin/testbed up

.PHONY: cluster-down
cluster-down: ## end the test bed (PURGE=1: and forget its state)
	@$(TESTBED) && testbed/bin/testbed down $(if $(PURGE),--purge)

.PHONY: vsix
vsix: build ## package the VS Code extension with the server inside
	vscode/build

.PHONY: bench bench-sync bench-lsp bench-eval bench-engine bench-up bench-debug bench-logs
bench: bench-sync bench-lsp bench-eval bench-engine bench-up bench-debug bench-logs ## measure everything
bench-sync: build cluster-up ## save to running, beside tar over exec
	eval "$$(testbed/bin/testbed env)" && CGO_ENABLED=0 $(GO) run -trimpath ./bench/sync
bench-lsp: build ## the language server, over the wire
	CGO_ENABLED=0 $(GO) run -trimpath ./bench/lsp
bench-eval: build ## evaluation of a Tiltfile of 300 services
	CGO_ENABLED=0 $(GO) run -trimpath ./bench/eval
bench-engine: ## planning for many resources
	CGO_ENABLED=0 $(GO) run -trimpath ./bench/engine
bench-up: build cluster-up ## a project of 300 services, up and down, beside kubectl
	eval "$$(testbed/bin/testbed env)" && CGO_ENABLED=0 $(GO) run -trimpath ./bench/up
bench-logs: ## logging at 50,000 lines a second, beside a bare write
	CGO_ENABLED=0 $(GO) run -trimpath ./bench/logs
bench-debug: build ## debugging through the bridge, beside a direct connection
	CGO_ENABLED=0 $(GO) run -trimpath ./bench/debug
