"""A storm: results at a rate while weir, its segments and ClickHouse are killed at moments
that a seed gives. In the end the ledger balances, and DuckDB and ClickHouse hold each
result once. Used by test_archive_storm.py for seconds and by the soak for minutes."""
import os
import random
import signal
import tempfile
import time

import harness
import oracle
import servers


class Storm(oracle.ArchiveTest):
    rate, clickhouse = 10000, None

    def setUp(self):
        if servers.ClickHouse.there():
            folder = tempfile.mkdtemp(prefix='weir-test-')
            self.clickhouse = servers.ClickHouse(folder).start()
            self.addCleanup(harness.shutil.rmtree, folder, True)
            self.addCleanup(self.clickhouse.stop)
            self.settings = self.settings.replace(
                'checkpoint = 1s', f'checkpoint = 1s\nclickhouse_url = {self.clickhouse.url}')
        else:
            print('clickhouse-server is not installed: without it', flush=True)
        super().setUp()

    def kill_weir(self):
        self.kill()
        self.start()

    def kill_segment(self, segment):
        pid = self.segment_pid(segment)
        if pid:
            os.kill(pid, signal.SIGKILL)

    def kill_clickhouse(self):
        if self.clickhouse:
            self.clickhouse.kill()
            self.clickhouse.start()

    def storm(self, seed, seconds, pause=(0.3, 1.5)):
        rng = random.Random(seed)
        blows = [('weir', self.kill_weir), ('clickhouse', self.kill_clickhouse)]
        blows += [(name, lambda name=name: self.kill_segment(name)) for name in harness.SEGMENTS]
        blows += [('rtrs', lambda: self.kill_segment('rtrs'))] * 2
        self.start()
        generator = self.generate(seed, rate=self.rate, pipeline=100)
        deadline, told = time.monotonic() + seconds, []
        while time.monotonic() < deadline:
            time.sleep(min(rng.uniform(*pause), max(0, deadline - time.monotonic())))
            name, blow = rng.choice(blows)
            told.append(name)
            blow()
        generator.stop(120)
        count, total = generator.total()
        print(f'seed {seed}: {count} results, sum {total}; killed: {" ".join(told)}', flush=True)
        self.check_duckdb(generator, 120)
        if self.clickhouse:
            self.check_clickhouse(self.clickhouse, generator, 180)
        self.check_ledger()
        self.stop()
        return count


def process_memory_mb(pid):
    with open(f'/proc/{pid}/status', encoding='utf-8') as file:
        fields = dict(line.split(':', 1) for line in file)
    return int(fields['VmRSS'].split()[0]) / 1024


def redis_memory(conn):
    fields = dict(line.split(':', 1) for line in conn.call('INFO', 'memory').decode().split('\r\n')
                  if ':' in line)
    return int(fields['used_memory'])

