#!/usr/bin/env python3
"""A sink that is named later, to a desk that runs: what was archived before it came is there, too,
once, whatever is killed meanwhile."""
import tempfile
import time
import unittest

import harness
import oracle
import servers


@unittest.skipUnless(servers.ClickHouse.there(), 'clickhouse-server is not installed')
class Later(oracle.ArchiveTest):
    def setUp(self):
        self.server_folder = tempfile.mkdtemp(prefix='weir-test-')
        self.clickhouse = servers.ClickHouse(self.server_folder).start()
        self.addCleanup(harness.shutil.rmtree, self.server_folder, True)
        self.addCleanup(self.clickhouse.stop)
        super().setUp()

    def test_history_reaches_a_sink_that_is_named_later(self):
        self.start()
        generator = self.generate(7, rate=20000, pipeline=200)
        self.wait_for('some history', lambda: len(generator.acked) > 20000)
        self.kill()
        self.settings = self.settings.replace(
            'checkpoint = 1s', f'checkpoint = 1s\nclickhouse_url = {self.clickhouse.url}')
        self.write_config('')
        for seconds in (0.3, 0.6):  # killed while it makes batches, and sends them
            self.start()
            time.sleep(seconds)
            self.kill()
        self.start()
        generator.stop()
        self.check_duckdb(generator)
        self.check_clickhouse(self.clickhouse, generator)
        self.check_ledger()
        self.stop()


if __name__ == '__main__':
    harness.side_by_side(__file__, [Later])
