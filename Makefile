# Every target works in a fresh clone: hack/bootstrap.sh makes .venv where it is missing or out of date, and tests/cluster installs or
# builds container engine, programs and images when a target needs them.
PY := .venv/bin/python
PYTEST := $(PY) -m pytest

.PHONY: help venv check test test-unit test-daemons test-api test-e2e bench demo demo-down generate lock
help:
	@echo "make demo       create the tutorial's three-node cluster on a real Kubernetes, and cause one failover"
	@echo "make demo-down  remove that cluster"
	@echo "make test       run every check and test"
	@echo "make check      format, lint, types, import rules, generated files (seconds)"
	@echo "make test-unit, test-daemons, test-api, test-e2e   one kind of test: see the table in CONTRIBUTING.md"
	@echo "make bench      measure the long statistics, written to docs/benchmarks (BENCH='--only throughput' for one section)"
	@echo "make generate   write crds/ and manifests/ from the models and the chart; make lock: the lock files"
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

# Slow builds come first, because their progress is visible outside pytest; then every test in one run, fast ones first.
test: check
	$(PY) -m tests.cluster kube
	$(PY) -m tests.cluster images
	$(PYTEST) --durations=15 tests/cluster tests/unit tests/golden tests/daemons tests/dataplane tests/api tests/e2e
	$(PY) -m tests.cluster timings

test-unit: venv
	$(PYTEST) tests/cluster tests/unit tests/golden
test-daemons: venv
	$(PYTEST) tests/daemons tests/dataplane
test-api: venv
	$(PYTEST) tests/api
test-e2e: venv
	$(PYTEST) -s tests/e2e

demo: venv
	@$(PY) -m tests.demo
demo-down: venv
	@$(PY) -m tests.cluster down --name hacluster-demo

# About an hour and a half on two cores.
bench: venv
	$(PY) -m tests.bench $(BENCH)

generate: venv
	$(PY) hack/generate.py

lock: venv
	@bash hack/lock.sh
