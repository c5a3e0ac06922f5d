#!/usr/bin/env python3
"""The bot of a hundred files at its own scale (50 symbols, 4 timeframes), before and after `weir
clean` and `weir migrate`: memory, the time of its own scan, dead keys, what is there after kill
-9, each beside what was promised. usage: bench_bot_layout.py WEIR GEN_LOAD"""
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.argv = sys.argv[:2]
sys.path.insert(0, os.path.join(HERE, '../tests/e2e'))
import harness  # noqa: E402
import bot_layout  # noqa: E402

KEYS = int(os.environ.get('BENCH_KEYS', 5000))


def main():
    if not shutil.which('redis-server') or not bot_layout.DuckDB.there():
        print('SKIP: redis-server or DuckDB is not installed')
        return 77
    temp = tempfile.mkdtemp(prefix='weir-bench-')
    try:
        bot_layout.show(bot_layout.measure(harness.WEIR, temp, KEYS, rounds=60, trades=500,
                                           packed=True))
    finally:
        shutil.rmtree(temp, ignore_errors=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
