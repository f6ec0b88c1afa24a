# Every target works in a fresh clone: hack/bootstrap.sh makes .venv where it is missing or out of date, and tests/cluster installs or
# builds container engine, programs and images when a target needs them.
PY := .venv/bin/python
PYTEST := $(PY) -m pytest
API_WORKERS := 3

.PHONY: help venv check test test-unit test-daemons test-api test-e2e resources bench bench-moves walk demo demo-down generate lock
help:
	@echo "make demo       create the tutorial's three-node cluster on a real Kubernetes, and cause one failover"
	@echo "make demo-down  remove that cluster"
	@echo "make test       run every check and test"
	@echo "make check      format, lint, types, import rules, generated files (seconds)"
	@echo "make test-unit, test-daemons, test-api, test-e2e   one kind of test: see the table in CONTRIBUTING.md"
	@echo "make bench      measure the long statistics, written to docs/benchmarks (BENCH='--only throughput' for one section)"
	@echo "make resources  2,000 random resources over all fields, and as many mistakes: effects, API server, daemons"
	@echo "make walk       change a running resource again and again under load (WALK='--seed 7 --steps 300', WALK=fields, WALK=samples)"
	@echo "make bench-moves  pods deleted and rolling upgrades on kind, many times (MOVES='--deletions 2 --only fast' for a part)"
	@echo "make generate   write crds/, docs/reference.md and manifests/ from the models and the chart; make lock: the lock files"
	@echo "make venv       make .venv, which all other targets do first"

venv:
	@bash hack/bootstrap.sh

check: venv
	$(PY) -m ruff format --check operator tests hack
	$(PY) -m ruff check operator tests hack
	$(PY) -m mypy -p hacluster
	$(PY) -m mypy tests/cluster tests/e2e tests/demo.py tests/waiting.py tests/probe.py hack/generate.py
	.venv/bin/lint-imports
	$(PY) hack/generate.py --check

# Slow builds come first, because their progress is visible outside pytest. Then every test, whatever failed before it. What failed is
# repeated at the end.
test: check
	$(PY) -m tests.cluster kube
	$(PY) -m tests.cluster images
	@failed=; export FAILURES=$$(mktemp); trap 'rm -f $$FAILURES' EXIT; \
	for part in unit api daemons e2e; do $(MAKE) --no-print-directory test-$$part || failed="$$failed $$part"; done; \
	$(PY) -m tests.cluster timings; cat $$FAILURES; \
	if [ -n "$$failed" ]; then echo "failed:$$failed" >&2; exit 1; fi

# Tests that measure nothing run side by side: each worker has an API server of its own. The others have the machine for themselves.
LATENCY := tests/api/test_status_latency.py
test-unit: venv
	$(PYTEST) -n 2 --durations=5 tests/cluster tests/unit tests/golden
test-api: venv
	@failed=0; $(PYTEST) -n $(API_WORKERS) --dist loadfile --durations=10 --ignore $(LATENCY) tests/api || failed=1; \
	$(PYTEST) $(LATENCY) || failed=1; exit $$failed
test-daemons: venv
	@failed=0; $(PYTEST) -n 2 --dist loadfile --durations=5 tests/daemons || failed=1; \
	$(PYTEST) --durations=10 tests/dataplane || failed=1; exit $$failed
test-e2e: venv
	$(PYTEST) -s --durations=10 tests/e2e

demo: venv
	@$(PY) -m tests.demo
demo-down: venv
	@$(PY) -m tests.cluster down --name hacluster-demo

# About an hour and a half on two cores.
bench: venv
	$(PY) -m tests.bench $(BENCH)

# 30 steps between whole samples take 8 minutes, 37 random ones took 17; the seed is printed, and a violation comes with the command that repeats it.
walk: venv
	$(PY) -m tests.dataplane.run_walk $(WALK)

# The tests of `make test` that draw random resources, with so many of them (RESOURCES=500 for fewer).
RESOURCES ?= 2000
resources: venv
	RESOURCES=$(RESOURCES) $(PYTEST) -n 2 --dist worksteal --timeout 7200 --durations=10 tests/unit/plan/test_effects.py \
	  tests/api/test_random_resources.py tests/daemons/plan/test_anything_accepted.py

# Pods deleted and rolling upgrades on kind, each many times under load. Its time is not measured yet.
bench-moves: venv
	$(PY) -m tests.bench.moves $(MOVES)

generate: venv
	$(PY) hack/generate.py

lock: venv
	@bash hack/lock.sh
