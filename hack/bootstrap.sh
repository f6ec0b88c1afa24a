#!/bin/sh
# Makes .venv in the repository with all packages that developers and CI need, pinned by hash. Does nothing if .venv is up to date.
set -eu
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
stamp=.venv/.stamp
wanted=$(cat locks/dev.txt pyproject.toml hack/bootstrap.sh | sha256sum)
if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then exit 0; fi

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    # Debian has the modules in a package of their own.
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "bootstrap: $python with its venv module is needed (on Debian: python3-venv)" >&2
        exit 1
    fi
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3-venv
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "bootstrap: Python 3.11 or newer is needed, and $python is $("$python" --version 2>&1)" >&2
    exit 1
fi

echo "bootstrap: making .venv" >&2
rm -f "$stamp" # so that an interrupted run is repeated
.venv/bin/python -c '' 2>/dev/null || "$python" -m venv --clear .venv
export PIP_DISABLE_PIP_VERSION_CHECK=1
.venv/bin/python -m pip install -q --require-hashes -r locks/dev.txt
# If the lock file has the build backend, use it: an isolated build would download an unpinned one.
isolation=
if grep -q '^setuptools==' locks/dev.txt; then isolation=--no-build-isolation; fi
# shellcheck disable=SC2086 # unquoted: if it is empty, pip must get no argument
.venv/bin/python -m pip install -q --no-deps $isolation --editable .
printf '%s\n' "$wanted" >"$stamp"
