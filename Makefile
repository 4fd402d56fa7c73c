# paybridge: every target is one command; "make help" says what each does.
TOOL = go tool -modfile=deploy/tools/go.mod

.DEFAULT_GOAL := help
.PHONY: help run demo test check race rules-test build fuzz siege bench bench-full bench-scale bench-pieces scale-test proxy-test generate

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## everything in one process, on an embedded NATS server
	go run ./deploy/cmd/paybridge up

demo: ## signed webhooks in, events out; in a second terminal, or by itself
	go run ./deploy/cmd/paybridge demo

test: ## the tests, with a real nats-server in the test process
	go test ./...

check: ## formatting, vet, staticcheck, go.mod, generated files
	go run ./deploy/checks

race: ## the tests under the race detector, where goroutines meet (needs gcc)
	go test -race ./ingress/... ./normalizer/... ./deploy/ingressd ./deploy/normalizerd ./deploy/jetstream/...

build: ## the three programs, stripped, into bin/
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o bin/ ./deploy/cmd/...

rules-test: ## the alert rules' own tests (needs promtool: apt-get install prometheus)
	promtool test rules deploy/prometheus/paybridge.rules.test.yaml

fuzz: ## every fuzz target, 20 seconds each
	go run ./deploy/checks -fuzz 20s

siege: ## memory and good traffic under 5,000 large bodies and 2,000 slow senders, then 10,000 half handshakes of each sort (Linux)
	PAYBRIDGE_SIEGE=full go test -count 1 -timeout 5m -v -run '^TestSecurity(Memory|HalfOpen)$$' ./deploy/cmd/paybridge

bench: ## paybridge beside hand-written programs, the judged ratios of one run, about 95 seconds
	go run ./deploy/bench

bench-full: ## every size, concurrency and sync setting, 15 minutes; writes the README's table and plot (needs strace)
	go run ./deploy/bench -full -markdown deploy/bench/results.md -plot deploy/bench/results.svg -readme README.md

bench-scale: ## with 10 k, 1 M and 5 M messages stored, 20 minutes and 20 GB of disk; see deploy/CAPACITY.md
	go run ./deploy/bench -scale -markdown deploy/bench/scale.md

bench-pieces: ## verify, store, decode, map and encode by themselves, with their allocations
	go test -run '^$$' -bench 'Verify|Webhook|MessageAndSeal|OpenAndDecode|Decode|PicPay|AppendStructured|BenchmarkMessage$$' ./ingress/... ./normalizer/... ./schemas/...

scale-test: ## renormalize over 100,000 deliveries: the diff, its rate and memory, a run killed half-way; two minutes of an otherwise idle machine
	go test -count=1 -v -run TestRenormalizeAtScale ./deploy/cmd/paybridge -deliveries 100000

proxy-test: ## the ingress behind a real nginx, with the shipped configuration (needs nginx)
	go test -tags nginx ./deploy/nginx

generate: ## rewrite generated files
	go generate ./...
