#!/usr/bin/env bash
# tools/check_format.sh [--fix]: is every C and C++ file as .clang-format wants it?
set -eu
cd "$(dirname "$0")/.."
mapfile -t files < <(find src tests bench tools \( -name '*.c' -o -name '*.h' -o -name '*.cpp' \) | sort)
if [ "${1:-}" = --fix ]; then
	clang-format -i "${files[@]}"
	exit
fi
bad=$(clang-format --dry-run --Werror "${files[@]}" 2>&1 | sed -n 's/^\([^:]*\):[0-9]*:[0-9]*: error:.*/\1/p' | sort -u)
[ -z "$bad" ] || { printf '%s: not formatted: make format\n' $bad; exit 1; }
echo "format: ${#files[@]} files"
