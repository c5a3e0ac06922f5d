#!/usr/bin/env python3
"""10,000 results a second for SOAK_SECONDS with kill -9 of weir, its segments and
ClickHouse (seed SOAK_SEED, printed); then ClickHouse stopped while SOAK_RESULTS (3.6
million) pass: RTRS stays under 10 MB, nothing is lost, the alert comes and clears, and what
waited is caught up at 100,000 rows a second or more. Those are packed ten an entry, as weir
packs what its terminals report at that rate. usage: soak_archive.py WEIR"""
import os
import subprocess
import sys
import threading
import time
from decimal import Decimal

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '../e2e'))
import harness  # noqa: E402
import servers  # noqa: E402
import storm  # noqa: E402

SECONDS = float(os.environ.get('SOAK_SECONDS', 600))
SEED = int(os.environ.get('SOAK_SEED', int(time.time()) % 100000))
GENERATE = os.path.join(os.path.dirname(harness.WEIR), 'bench', 'gen_results')
RESULTS = int(os.environ.get('SOAK_RESULTS', 3600000))


class Killed(storm.Storm):
    def runTest(self):
        print(f'seed {SEED}, {SECONDS:.0f} s', flush=True)
        self.storm(SEED, SECONDS, (2, 15))


class Packed(threading.Thread):
    """Adds gen_results' entries at a rate; count and total are of those acknowledged."""

    ROWS, TOGETHER = 10, 20

    def __init__(self, connect, results, rate):
        super().__init__(daemon=True)
        self.connect, self.results, self.rate = connect, results, rate
        self.count, self.sum, self.error = 0, None, None
        self.prefix = ''

    def run(self):
        try:
            with subprocess.Popen([GENERATE, str(self.results), str(self.ROWS)],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) as made, \
                    self.connect() as conn:
                self.send(made.stdout, conn)
                _, count, hundredths = made.stderr.read().split()
            assert int(count) == self.count
            self.sum = Decimal(int(hundredths)) / 100
        except Exception as error:  # the test's thread tells it
            self.error = error

    @staticmethod
    def command(stream):
        """The next command's bytes; none at the end."""
        parts = [stream.readline()]
        for _ in range(int(parts[0][1:] or 0)):
            parts.append(stream.readline())
            parts.append(stream.read(int(parts[-1][1:]) + 2))
        return b''.join(parts)

    def send(self, stream, conn):
        due = time.monotonic()
        while self.count < self.results:
            entries = min(self.TOGETHER, -(-(self.results - self.count) // self.ROWS))
            conn.socket.sendall(b''.join(self.command(stream) for _ in range(2 * entries)))
            for _ in range(2 * entries):
                conn.read()
            self.count = min(self.results, self.count + entries * self.ROWS)
            due = max(due + entries * self.ROWS / self.rate, time.monotonic() - 1)
            time.sleep(max(0, due - time.monotonic()))

    def total(self):
        return self.count, self.sum


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

    def in_clickhouse(self):
        """By the parts' own counts: what looks closer would take part of the machine."""
        try:
            time.sleep(0.3)
            return int(self.clickhouse.query('SELECT count() FROM trade_results')[0][0])
        except (RuntimeError, OSError, IndexError):
            return 0

    def runTest(self):
        if not self.clickhouse:
            self.skipTest('clickhouse-server is not installed')
        self.most, self.done = 0, threading.Event()
        self.start()
        generator = Packed(self.connect, RESULTS, 10000)
        generator.start()
        time.sleep(3)
        self.clickhouse.kill()
        watcher, began = threading.Thread(target=self.watch, daemon=True), time.monotonic()
        watcher.start()
        generator.join(RESULTS / 5000)
        self.assertIsNone(generator.error)
        self.assertFalse(generator.is_alive(), f'{generator.count} results were taken')
        seconds = time.monotonic() - began + 3
        self.done.set()
        watcher.join()
        print(f'{generator.count} results in {seconds:.0f} s; RTRS at most '
              f'{self.most / 1e6:.1f} MB; weir {storm.process_memory_mb(self.child.pid):.0f} MB '
              'resident', flush=True)
        self.assertLess(self.most, 10e6)
        self.assertIn('SinkAway', self.read_log())
        self.check_duckdb(generator, 120)
        self.clickhouse.start()
        began, waited = time.monotonic(), generator.count
        self.wait_for('all is there', lambda: self.in_clickhouse() >= waited, 600)
        rate = waited / (time.monotonic() - began)
        print(f'caught up at {rate:.0f} rows/s (>= 100,000)', flush=True)
        self.check_clickhouse(self.clickhouse, generator, 600)  # once each, by FINAL
        self.wait_for('the alert ends', lambda: 'alert ended SinkAway' in self.read_log(), 60)
        self.check_ledger()
        self.stop()
        self.assertGreater(rate, 100000)


if __name__ == '__main__':
    if not servers.ClickHouse.there():
        print('without ClickHouse')
    harness.main()
