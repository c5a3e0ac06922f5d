#!/usr/bin/env python3
"""10,000 results a second for SOAK_SECONDS with kill -9 of weir, its segments and
ClickHouse (seed SOAK_SEED, printed); then ClickHouse stopped while SOAK_RESULTS (3.6
million) pass: RTRS stays under 10 MB, nothing is lost, the alert comes and clears, and what
waited is caught up at 100,000 rows a second or more. usage: soak_archive.py WEIR"""
import os
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '../e2e'))
import harness  # noqa: E402
import servers  # noqa: E402
import storm  # noqa: E402

SECONDS = float(os.environ.get('SOAK_SECONDS', 600))
SEED = int(os.environ.get('SOAK_SEED', int(time.time()) % 100000))
RESULTS = int(os.environ.get('SOAK_RESULTS', 3600000))


class Killed(storm.Storm):
    def runTest(self):
        print(f'seed {SEED}, {SECONDS:.0f} s', flush=True)
        self.storm(SEED, SECONDS, (2, 15))


class Away(storm.Storm):
    """ClickHouse is stopped while an hour's results pass."""

    def setUp(self):
        super().setUp()
        self.settings = self.settings.replace('checkpoint = 1s', 'checkpoint = 2s')
        self.write_config('')

    def watch(self):
        while not self.done.is_set():
            try:
                with self.connect() as conn:
                    self.most = max(self.most, storm.redis_memory(conn))
            except OSError:
                pass
            time.sleep(0.2)

    def runTest(self):
        if not self.clickhouse:
            self.skipTest('clickhouse-server is not installed')
        self.most, self.done = 0, threading.Event()
        self.start()
        generator = self.generate(SEED, rate=10000, pipeline=200)
        time.sleep(3)
        self.clickhouse.kill()
        watcher = threading.Thread(target=self.watch, daemon=True)
        watcher.start()
        self.wait_for('the results', lambda: len(generator.acked) >= RESULTS, RESULTS / 5000)
        generator.stop()
        self.done.set()
        watcher.join()
        print(f'{len(generator.acked)} results; RTRS at most {self.most / 1e6:.1f} MB; weir '
              f'{storm.process_memory_mb(self.child.pid):.0f} MB resident', flush=True)
        self.assertLess(self.most, 10e6)
        self.assertIn('SinkAway', self.read_log())
        self.check_duckdb(generator, 120)
        self.clickhouse.start()
        began, waited = time.monotonic(), len(generator.acked)
        self.check_clickhouse(self.clickhouse, generator, 600)
        rate = waited / (time.monotonic() - began)
        print(f'caught up at {rate:.0f} rows/s (>= 100,000)', flush=True)
        self.wait_for('the alert ends', lambda: 'alert ended SinkAway' in self.read_log(), 60)
        self.check_ledger()
        self.stop()
        self.assertGreater(rate, 100000)


if __name__ == '__main__':
    if not servers.ClickHouse.there():
        print('without ClickHouse')
    harness.main()
