#!/usr/bin/env python3
"""weir killed at each of its crash points on the way of results: faults.md rows 1 to 6. The
oracle is the same for all: what was acknowledged is in DuckDB and in ClickHouse once.
SEEDS (3) tells how often each point is crashed at, each time somewhere else."""
import os
import random
import signal
import tempfile
import unittest

import harness
import oracle
import servers

SEEDS = int(os.environ.get('SEEDS', 3))
WEIR_CRASH = os.path.join(os.path.dirname(harness.WEIR), 'tests', 'weir_crash')


class Crash(oracle.ArchiveTest):
    """One state directory, SEEDS crashes, one after the other."""

    clickhouse = None

    def crash_at(self, point, at_most):
        """Crashes SEEDS times at the point; the generator goes on all the while."""
        generator = self.generate(len(point), rate=3000)
        weir = harness.WEIR
        try:
            for seed in range(SEEDS):
                times = random.Random(f'{point}{seed}').randint(1, at_most)
                harness.WEIR = WEIR_CRASH
                self.start(env={'CRASH_AT': f'{point}:{times}'})
                self.assertEqual(self.child.wait(60), -signal.SIGKILL, self.read_log()[-3000:])
                self.child.stdout.close()
                self.assertIn(f'killed at {point}', self.read_log())
        finally:
            harness.WEIR = weir
        self.start()
        generator.stop()
        self.assertGreater(len(generator.acked), 100)
        self.check_duckdb(generator)
        if self.clickhouse:
            self.check_clickhouse(self.clickhouse, generator)
        self.check_ledger()
        self.stop()

    def setUp(self):
        super().setUp()
        self.start()  # makes run/users, so that the generator can begin
        self.stop()


class Local(Crash):
    """Rows 1, 2, 3, 6."""

    def test_read(self):
        self.crash_at('read', 20)

    def test_append(self):
        self.crash_at('append', 20)

    def test_commit(self):
        self.crash_at('commit', 20)

    def test_ack(self):
        self.crash_at('ack', 20)

    def test_trim(self):
        self.crash_at('trim', 2)

    def test_checkpoint(self):
        self.crash_at('checkpoint', 2)


@unittest.skipUnless(servers.ClickHouse.there(), 'clickhouse-server is not installed')
class Shipped(Crash):
    """Rows 4 and 5."""

    def setUp(self):
        self.server_folder = tempfile.mkdtemp(prefix='weir-test-')
        self.clickhouse = servers.ClickHouse(self.server_folder).start()
        self.addCleanup(harness.shutil.rmtree, self.server_folder, True)
        self.addCleanup(self.clickhouse.stop)
        self.settings = self.settings.replace(
            'checkpoint = 1s', f'checkpoint = 1s\nclickhouse_url = {self.clickhouse.url}')
        super().setUp()

    def test_batch(self):
        self.crash_at('batch', 2)

    def test_http_half(self):
        self.crash_at('http_half', 2)

    def test_ch_ok(self):
        self.crash_at('ch_ok', 2)

    def test_shipped(self):
        self.crash_at('shipped', 2)


if __name__ == '__main__':
    harness.side_by_side(__file__, [Local, Shipped])
