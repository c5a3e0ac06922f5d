#!/usr/bin/env bash
# Each crash point on the way of results, at SEEDS places (50). usage: soak_crash.sh WEIR
SEEDS=${SEEDS:-50} exec python3 "$(dirname "$0")/../e2e/test_archive_crash.py" "$(realpath "$1")"
