#!/usr/bin/env bash
# tools/check_tidy.sh BUILD: clang-tidy (.clang-tidy) over src with the compile commands
# of a clang build. Any finding is an error.
set -eu
cd "$(dirname "$0")/.."
build=${1:?usage: tools/check_tidy.sh BUILD}
find src -name '*.c' | sort | xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p "$build" 2>/dev/null
echo "tidy: done"
