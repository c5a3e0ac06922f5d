#!/usr/bin/env python3
"""weir migrate into real databases: keys of a trading bot's Redis go to PostgreSQL, ClickHouse,
InfluxDB and a DuckDB file; weir is killed -9 at several points and begun again; verify says that all is
there, and the test's own SQL counts and sums the same."""
import ctypes
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import harness
import servers

CRASH = os.path.join(os.path.dirname(harness.WEIR), 'tests', 'weir_crash')
LIBRARY = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'third_party',
                       'duckdb', 'lib', 'libduckdb.so')
KEYS = 1500
TS = 1700000000


class DuckDB:
    """A file, and the test's own questions to it through DuckDB's C library."""
    name = 'duckdb'

    def __init__(self, temp):
        self.url = os.path.join(temp, 'desk.duckdb')

    @staticmethod
    def there():
        return os.path.exists(LIBRARY)

    def start(self):
        return self

    def stop(self):
        pass

    def query(self, sql):
        duck = ctypes.CDLL(LIBRARY)
        duck.duckdb_value_varchar.restype = ctypes.c_void_p
        duck.duckdb_row_count.restype = ctypes.c_uint64
        database, connection = ctypes.c_void_p(), ctypes.c_void_p()
        result = (ctypes.c_char * 256)()
        if duck.duckdb_open(self.url.encode(), ctypes.byref(database)):
            raise RuntimeError('the file cannot be opened')
        duck.duckdb_connect(database, ctypes.byref(connection))
        failed = duck.duckdb_query(connection, sql.encode(), result)
        text = None
        if not failed:
            text = ctypes.string_at(duck.duckdb_value_varchar(
                result, ctypes.c_uint64(0), ctypes.c_uint64(0))).decode()
        duck.duckdb_destroy_result(result)
        duck.duckdb_disconnect(ctypes.byref(connection))
        duck.duckdb_close(ctypes.byref(database))
        if failed:
            raise RuntimeError(sql)
        return [[text]]


class Migration:
    """A Redis with a bot's keys, a sink, a plan, and weir run over them."""

    sink = ''

    @classmethod
    def setUpClass(cls):
        if not cls.server_class.there():
            raise unittest.SkipTest(f'{cls.sink} is not installed')
        cls.temp = tempfile.mkdtemp(prefix='weir-migrate-')
        cls.port = harness.free_port()
        cls.redis_process = subprocess.Popen(
            ['redis-server', '--port', str(cls.port), '--bind', '127.0.0.1', '--save', '',
             '--dir', cls.temp, '--loglevel', 'warning'], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            try:
                cls.redis = harness.Resp(('127.0.0.1', cls.port))
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
        cls.server = cls.server_class(cls.temp).start()
        cls.plan = os.path.join(cls.temp, 'plan.json')

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.redis.close()
        cls.redis_process.kill()
        cls.redis_process.wait()
        shutil.rmtree(cls.temp)

    # ---- what is there ----

    @staticmethod
    def value(i, extra=0):
        return json.dumps({'ts': TS + i, 'rsi': i + extra, 'ema': f'{i}.50'})

    def fill(self):
        for i in range(KEYS):
            self.redis.call('SET', f'S{i}T_1h', self.value(i))
        if self.records:
            for i in range(300):
                self.redis.call('RPUSH', 'FINAL_TRADES', json.dumps(
                    {'id': i, 'symbol': 'BTC', 'side': 'buy', 'price': f'{i}.10', 'qty': 1,
                     'time': TS + i}))
                self.redis.call('HSET', f'user:{i}', 'name', f'n{i}', 'blob', b'\x80\xff%d' % i)

    def write_plan(self):
        families = [{'match': '{symbol}_{tf}', 'from': 'string', 'to': '', 'type': 'same',
                     'ttl': 'keep', 'sink': self.sink, 'rule': 'json-string',
                     'table': 'indicator_data'}]
        if self.records:
            families += [
                {'match': 'FINAL_TRADES', 'from': 'list', 'to': '', 'type': 'same', 'ttl': 'keep',
                 'sink': self.sink, 'rule': 'unbounded', 'table': 'trades'},
                {'match': 'user:{id}', 'from': 'hash', 'to': '', 'type': 'same', 'ttl': 'keep',
                 'sink': self.sink, 'rule': 'no-ttl', 'table': 'records'}]
        with open(self.plan, 'w', encoding='utf-8') as file:
            json.dump({'weir_migrate': 1, 'source': f'redis://127.0.0.1:{self.port}/0',
                       'databases': [0], 'audit': '', 'sinks': {self.sink: self.server.url},
                       'families': families}, file, indent=1)

    # ---- weir ----

    def weir(self, what, *more, program=None, env=None):
        return subprocess.run([program or harness.WEIR, 'migrate', what, '--plan', self.plan,
                               *more], cwd=self.temp, capture_output=True, text=True, check=False,
                              timeout=300, env={**os.environ, **(env or {})})

    def expect(self, what, *more, code=0):
        done = self.weir(what, *more)
        self.assertEqual(done.returncode, code, f'{what}: {done.stdout}{done.stderr}')
        return done.stdout

    def kill_midway(self, seed):
        """apply, killed after a while of its work."""
        process = subprocess.Popen([harness.WEIR, 'migrate', 'apply', '--plan', self.plan],
                                   cwd=self.temp, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(random.Random(seed).uniform(0.02, 0.4))
        process.kill()
        process.wait()

    # ---- the sink's own account ----

    def number(self, sql):
        rows = self.server.query(sql)
        return float(rows[0][0]) if rows and rows[0][0] not in ('', '\\N') else 0

    def series(self):
        """(rows, sum of values) of what is told apart."""
        return (self.number(f'SELECT count(*) FROM {self.prefix}indicator_data{self.final}'),
                self.number(f'SELECT sum(value) FROM {self.prefix}indicator_data{self.final}'))

    def count(self, table):
        return self.number(f'SELECT count(*) FROM {self.prefix}{table}{self.final}')

    def wanted(self, extra=0, changed=0):
        return (2 * KEYS, sum(i + i + 0.5 for i in range(KEYS)) + extra * changed)

    # ---- the test ----

    def test_a_migration_that_is_killed_is_all_there_once(self):
        self.fill()
        self.write_plan()
        if os.path.exists(CRASH):
            for point in ('move_sent', 'move_read', 'migrate_done'):
                done = self.weir('apply', program=CRASH, env={'CRASH_AT': f'{point}:1'})
                self.assertEqual(done.returncode, -9, f'{point}: {done.stdout}{done.stderr}')
        for seed in range(4):
            self.kill_midway(seed)
        self.expect('apply')
        self.expect('verify')
        self.assertEqual(self.series(), self.wanted())
        if self.records:
            self.assertEqual(self.count('trades'), 300)
            self.assertEqual(self.count('records'), 600)
        self.expect('apply')  # nothing changes
        self.assertEqual(self.series(), self.wanted())

        for i in range(100):  # the bot goes on
            self.redis.call('SET', f'S{i}T_1h', self.value(i, 1000))
        self.expect('dual', '--for', '3')
        self.expect('verify')
        self.assertEqual(self.series(), self.wanted(1000, 100))

        self.assertEqual(self.redis.call('EXISTS', 'S5T_1h'), 1)
        self.expect('finish')
        self.assertEqual(self.redis.call('EXISTS', 'S5T_1h'), 0)
        self.assertEqual(self.series(), self.wanted(1000, 100))


class TestPostgres(Migration, unittest.TestCase):
    sink, server_class, records, prefix, final = 'postgres', servers.PostgreSQL, True, '', ''


class TestClickHouse(Migration, unittest.TestCase):
    sink, server_class, records, prefix, final = ('clickhouse', servers.ClickHouse, True,
                                                  'weir.', ' FINAL')


class TestDuck(Migration, unittest.TestCase):
    sink, server_class, records, prefix, final = 'duckdb', DuckDB, True, '', ''


class TestInflux(Migration, unittest.TestCase):
    sink, server_class, records, prefix, final = 'influx', servers.InfluxDB, False, '', ''

    def series(self):
        answer = json.loads(self.server.query(
            'SELECT count(value), sum(value) FROM "symbol_tf"'))
        row = answer['results'][0]['series'][0]['values'][0]
        return (row[1], row[2])


if __name__ == '__main__':
    harness.side_by_side(os.path.abspath(__file__),
                         (TestPostgres, TestClickHouse, TestDuck, TestInflux))
