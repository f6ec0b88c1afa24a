# Everything runs from a fresh clone: the bootstrap installs what is missing, by package name.
PY := .venv/bin/python

.PHONY: venv check
venv:
	@bash hack/bootstrap.sh

check: venv
	.venv/bin/ruff format --check operator tests
	.venv/bin/ruff check operator tests
	.venv/bin/mypy -p hacluster
	.venv/bin/lint-imports
