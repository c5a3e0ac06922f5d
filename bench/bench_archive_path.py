#!/usr/bin/env python3
"""Results that wait in RTRS, to committed rows of the archive file, by the running weir: how
many a second, read, converted, committed, acknowledged and trimmed, with redis-server and
all of weir on the same two cores. Packed, ten an entry, as weir writes them at 1,000 a
second; and a field for each value, as others may. weir is stopped while they are made, and
the time runs from the first commit after that: what comes before is its connections'
time-outs. usage: bench_archive_path.py WEIR GEN_LOAD"""
import json
import os
import signal
import subprocess
import sys
import threading
import time
from decimal import Decimal

HERE = os.path.dirname(os.path.abspath(__file__))
GENERATE = os.path.join(os.path.dirname(os.path.abspath(sys.argv[2])), 'gen_results')
sys.argv = sys.argv[:2]
sys.path.insert(0, os.path.join(HERE, '../tests/e2e'))
import harness  # noqa: E402
import oracle  # noqa: E402

RESULTS = int(os.environ.get('BENCH_RESULTS', 600000))
ROWS = int(os.environ.get('BENCH_ROWS', 10))


class Path(oracle.ArchiveTest):
    settings = oracle.ArchiveTest.settings.replace('checkpoint = 1s', 'checkpoint = 60s')

    def archived(self):
        done = self.control('archive status')
        return json.loads(done)['trade_results']['archived']

    def packed(self):
        """(count, sum of profits) of what was added."""
        with subprocess.Popen([GENERATE, str(RESULTS), str(ROWS)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as made, self.connect() as conn:
            def send():
                while part := made.stdout.read(1 << 20):
                    conn.socket.sendall(part)
            sender = threading.Thread(target=send)
            sender.start()
            for _ in range(2 * -(-RESULTS // ROWS)):
                conn.read()
            sender.join()
            _, count, hundredths = made.stderr.read().split()
        return int(count), Decimal(int(hundredths)) / 100

    def plain(self):
        generator = self.generate(1, rate=1000000, pipeline=2000)
        while len(generator.acked) < RESULTS:
            time.sleep(0.05)
        generator.stop(120)
        return generator.total()

    def measure(self, name, make, bound):
        self.start()
        first = self.generate(2, rate=1000, pipeline=100, prefix='first')
        self.wait_for('the first results', lambda: self.archived() > 0)
        first.stop()
        known, known_sum = first.total()
        self.wait_for('all of them', lambda: self.archived() == known)
        self.child.send_signal(signal.SIGSTOP)
        count, total = make()
        self.child.send_signal(signal.SIGCONT)
        while (done := self.archived() - known) == 0:
            time.sleep(0.005)
        began, before = time.monotonic(), done
        while self.archived() - known < count:
            time.sleep(0.02)
        rate = (count - before) / (time.monotonic() - began)
        met = rate >= bound
        told = f' (bound >= {bound})' if bound else ''
        print(f'RTRS to committed DuckDB rows, {name:<28} {rate:10.0f} results/s{told}'
              f'{"" if met else "  MISSED"}', flush=True)
        want = (known + count, known + count, known_sum + total)
        self.assertEqual(self.in_duckdb(''), want)
        self.check_ledger()
        self.stop()
        return met

    def test_plain(self):
        self.measure('plain fields', self.plain, 0)

    def test_packed(self):
        self.assertTrue(self.measure(f'packed, {ROWS} an entry', self.packed, 100000))


if __name__ == '__main__':
    harness.main()
