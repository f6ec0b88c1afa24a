#!/usr/bin/env bash
# Writes the files in locks/: exact versions with hashes, without index addresses, for Python 3.11 and later on any platform.
set -eu
cd "$(dirname "$0")/.."
lock() {
  local out=$1
  shift
  .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
    --no-emit-index-url --no-emit-find-links "$@" pyproject.toml -o "locks/$out.txt"
  echo "locks/$out.txt"
}
lock operator --extra operator
lock node --extra rehearse
lock dev --extra operator --extra rehearse --extra dev
