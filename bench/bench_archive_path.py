#!/usr/bin/env python3
"""Results that wait in RTRS, to committed rows of the archive file, by the running weir: how
many a second, read, converted, committed, acknowledged and trimmed, with redis-server and
all of weir on the same two cores. weir is stopped while they are made, and the time runs
from the first commit after that: what comes before is its connections' time-outs.
usage: bench_archive_path.py WEIR [GEN_LOAD]"""
import json
import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.argv = sys.argv[:2]
sys.path.insert(0, os.path.join(HERE, '../tests/e2e'))
import harness  # noqa: E402
import oracle  # noqa: E402

RESULTS = int(os.environ.get('BENCH_RESULTS', 400000))


class Path(oracle.ArchiveTest):
    settings = oracle.ArchiveTest.settings.replace('checkpoint = 1s', 'checkpoint = 60s')

    def archived(self):
        done = self.control('archive status')
        return json.loads(done)['trade_results']['archived']

    def runTest(self):
        self.start()
        first = self.generate(2, rate=1000, pipeline=100, prefix='first')
        self.wait_for('the first results', lambda: self.archived() > 0)
        first.stop()
        known = len(first.acked)
        self.wait_for('all of them', lambda: self.archived() == known)
        self.child.send_signal(signal.SIGSTOP)
        generator = self.generate(1, rate=1000000, pipeline=2000)
        while len(generator.acked) < RESULTS:
            time.sleep(0.05)
        generator.stop(120)
        count = len(generator.acked)
        self.child.send_signal(signal.SIGCONT)
        while (done := self.archived() - known) == 0:
            time.sleep(0.005)
        began, before = time.monotonic(), done
        while (done := self.archived() - known) < count:
            time.sleep(0.02)
        rate = (count - before) / (time.monotonic() - began)
        met = '' if rate >= 100000 else '  MISSED'
        print(f'RTRS to committed DuckDB rows{"":<29} {rate:10.0f} results/s '
              f'(bound >= 100000){met}', flush=True)
        self.check_duckdb(generator)
        self.check_ledger()
        self.stop()
        self.assertGreaterEqual(rate, 100000)


if __name__ == '__main__':
    harness.main()
