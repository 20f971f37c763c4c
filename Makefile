# Everything one does with this repository. `make` alone lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# How long each fuzz target runs, how many operations, cycles and events the long checks take. An operation over REST is a commit to
# disk and many reads, so there are fewer of those.
FUZZTIME   ?= 20s
MODEL_OPS  ?= 1000000
MODEL_SERVED_OPS ?= 100000
CRASH_RUNS ?= 2000
CRASH_PG_RUNS ?= 200
GROWTH     ?= 10000000
CRASH_FREEZES ?= 12
LINEAR_OPS ?= 1000000
WEBHOOK_MESSAGES  ?= 100000
WEBHOOK_RECEIVERS ?= 100
PAYMENTS   ?= 10000
YEARS_SEEDS ?= 334

# The program is pure Go; only the race detector needs a C compiler.
GO_BUILD := CGO_ENABLED=0 go build -trimpath

.PHONY: help
help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## Build and start Scrip on SQLite in ./data
	@exec bin/scrip serve --data data

.PHONY: build
build: ## Build bin/scrip
	@$(GO_BUILD) -ldflags "-X main.commit=$$(scripts/commit.sh)" -o bin/scrip ./cmd/scrip

.PHONY: test
test: ## Run every test, on SQLite and PostgreSQL, of the SDK on Node, then the concurrent packages under the race detector
	CGO_ENABLED=0 go build ./...
	scripts/with-postgres.sh scripts/test.sh ./...
	scripts/test-sdk.sh
	scripts/race.sh
	scripts/duckdb.sh

.PHONY: duckdb
duckdb: ## Read an export back with DuckDB (part of make test where there is a C compiler)
	scripts/duckdb.sh

.PHONY: test-sdk
test-sdk: ## Run the tests of the TypeScript SDK alone
	scripts/test-sdk.sh

.PHONY: check
check: ## What a change must pass: format, vet, lint, generated files, architecture, tests
	scripts/check-format.sh
	go vet ./...
	scripts/lint.sh
	scripts/check-generated.sh
	go test ./internal/archtest
	$(MAKE) test

.PHONY: generate
generate: ## Write the generated files (*.gen.*) again from their sources
	scripts/generate.sh

.PHONY: bench
bench: build ## Measure throughput and latency on SQLite beside the comparison servers
	bin/scrip bench

.PHONY: bench-postgres
bench-postgres: build ## The same on a private PostgreSQL server, beside client SQL and a stored function
	bin/scrip bench --postgres

.PHONY: bench-growth
bench-growth: build ## Throughput against table size on both databases (GROWTH=10000000 events), drawn in bin/growth-*.svg
	bin/scrip bench --growth $(GROWTH) --svg bin/growth-sqlite.svg
	bin/scrip bench --growth $(GROWTH) --svg bin/growth-postgres.svg --postgres

.PHONY: model
model: ## Random operations against the naive model (MODEL_OPS=1000000 pure, MODEL_SERVED_OPS=100000 over REST)
	go test ./test/model -count=1 -timeout 6h -v -model.ops=$(MODEL_OPS) -model.served=$(MODEL_SERVED_OPS)

.PHONY: model-controls
model-controls: ## Plant known bugs one by one; each must turn the model test red
	scripts/model-controls.sh

.PHONY: crash
crash: ## Kill the server under load again and again (CRASH_RUNS=2000)
	go test ./test/crash -count=1 -timeout 12h -v -crash.cycles=$(CRASH_RUNS)

.PHONY: crash-pg
crash-pg: ## Strike PostgreSQL under two nodes, each of four ways 50 times, kill and freeze nodes (CRASH_PG_RUNS=200)
	scripts/with-postgres.sh go test ./test/crash -count=1 -timeout 12h -v -run 'Postgres|Database|Unsafe|Frozen|Endless' \
		-crash.outages=$(CRASH_PG_RUNS) -crash.cycles=$(CRASH_PG_RUNS) -crash.freezes=$(CRASH_FREEZES)

.PHONY: linear
linear: ## Look for an order in what clients see of several nodes under kills (LINEAR_OPS=1000000)
	scripts/with-postgres.sh go test ./test/linear -count=1 -timeout 12h -v -run TestLinearizable -linear.ops=$(LINEAR_OPS)

.PHONY: linear-controls
linear-controls: ## Plant a stale read and a check-then-act; each must turn that check red
	scripts/linear-controls.sh

.PHONY: webhooks
webhooks: ## Tell messages to receivers through outages and kills (WEBHOOK_MESSAGES=100000, WEBHOOK_RECEIVERS=100)
	go test ./internal/webhook -count=1 -timeout 12h -v -run TestEveryMessageArrives \
		-webhooks.messages=$(WEBHOOK_MESSAGES) -webhooks.receivers=$(WEBHOOK_RECEIVERS)
.PHONY: payments
payments: ## Collect money from a provider that misbehaves, and compare its books with the grants (PAYMENTS=10000 attempts)
	go test ./test/payments -count=1 -timeout 12h -v -run TestMoneyChargedIsMoneyOfGrants -payments.attempts=$(PAYMENTS)

.PHONY: payments-controls
payments-controls: ## Plant a key derived from the amount and other bugs; each must turn that comparison red
	scripts/payments-controls.sh

.PHONY: years
years: ## Let 334 worlds live for three years each, row by row against a naive calendar (YEARS_SEEDS=334)
	go test ./test/years -count=1 -timeout 12h -v -run 'TestYears$$' -years.seeds=$(YEARS_SEEDS)

.PHONY: years-controls
years-controls: ## Plant an off-by-one in the clamping of months and other bugs; each must turn that comparison red
	scripts/years-controls.sh

.PHONY: fuzz
fuzz: ## Run every fuzz target for a while (FUZZTIME=20s each)
	scripts/fuzz.sh $(FUZZTIME)

.PHONY: verify-fresh
verify-fresh: ## Clone the last commit elsewhere, test it there and start it
	scripts/verify-fresh.sh

.PHONY: clean
clean: ## Remove what the build made; data stays
	rm -rf bin
