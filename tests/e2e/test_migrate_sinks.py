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
    truncate = 'TRUNCATE TABLE'

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
                cls.redis = harness.Resp(('127.0.0.1', cls.port), timeout=120)
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


    # ---- what must not be lost ----

    def of_family(self, family):
        return self.number(f"SELECT count(*) FROM {self.prefix}records{self.final} "
                           f"WHERE family = '{family}'")

    def write_records_plan(self, match, kind='string', databases=(0,)):
        self.plan = os.path.join(self.temp, self.id().rsplit('.', 1)[1] + '.json')
        with open(self.plan, 'w', encoding='utf-8') as file:
            json.dump({'weir_migrate': 1, 'source': f'redis://127.0.0.1:{self.port}/0',
                       'databases': list(databases), 'audit': '',
                       'sinks': {self.sink: self.server.url},
                       'families': [{'match': match, 'from': kind, 'to': '', 'type': 'same',
                                     'ttl': 'keep', 'sink': self.sink, 'rule': '',
                                     'table': 'records'}]}, file)

    def need_records(self):
        if not self.records:
            self.skipTest(f'{self.sink} takes series only')
        self.redis.call('FLUSHALL')

    def test_one_name_in_two_databases_is_two_keys(self):
        self.need_records()
        for database in (0, 2):
            self.redis.call('SELECT', str(database))
            for i in range(20):
                self.redis.call('SET', f'twin:{i}', f'of {database}')
        self.redis.call('SELECT', '0')
        self.write_records_plan('twin:{id}', databases=(0, 2))
        self.expect('apply')
        self.expect('finish')
        self.assertEqual(self.of_family('twin:{id}'), 40)
        for database in (0, 2):
            self.assertEqual(self.number(
                f"SELECT count(*) FROM {self.prefix}records{self.final} WHERE "
                f"family = 'twin:{{id}}' AND value = 'of {database}'"), 20)

    def test_rows_that_the_sink_lost_are_there_again_before_the_source_goes(self):
        self.need_records()
        for i in range(300):
            self.redis.call('SET', f'lost:{i}', f'v{i}')
        self.redis.call('SET', 'lost:7', 'v7', 'EX', '100000')
        self.redis.call('SET', 'lost:8', 'large' * 300000)
        self.write_records_plan('lost:{id}')
        self.expect('apply')
        self.expect('verify')
        self.assertEqual(self.of_family('lost:{id}'), 300)
        self.server.query(f'{self.truncate} {self.prefix}records')
        self.assertEqual(self.of_family('lost:{id}'), 0)
        self.expect('finish')
        self.assertEqual(self.redis.call('EXISTS', *[f'lost:{i}' for i in range(300)]), 0)
        self.assertEqual(self.of_family('lost:{id}'), 300)

    def test_keys_that_another_plan_moved_do_not_go(self):
        self.need_records()
        self.redis.call('SET', 'other:1', 'v')
        self.write_records_plan('other:{id}')
        self.expect('apply')
        with open(self.plan, encoding='utf-8') as file:
            other = json.load(file)
        other['families'][0]['table'] = 'trades'
        with open(self.plan, 'w', encoding='utf-8') as file:
            json.dump(other, file)
        self.assertNotEqual(self.weir('finish').returncode, 0)
        self.assertEqual(self.redis.call('EXISTS', 'other:1'), 1)

    def test_a_name_that_no_pattern_can_say_stays(self):
        self.need_records()
        for name in ('n' * 5000, 'o' * 5000, 'p'):
            self.redis.call('SET', name, name[:1])
        self.write_records_plan('*')
        report = json.loads(self.expect('apply', '--json'))
        self.assertEqual(report['reasons'], {'name': 2})
        self.expect('finish')
        self.assertEqual(self.redis.call('EXISTS', 'n' * 5000, 'o' * 5000, 'p'), 2)

    def test_an_entry_of_many_fields_comes_back(self):
        self.need_records()
        pairs = [word for i in range(1500) for word in (f'f{i}', f'v{i}')]
        for i in range(5000):
            self.redis.call('XADD', 'back:1', f'{i + 1}-0', 'v', 'x')
        self.redis.call('XADD', 'back:1', '9000-0', *pairs)
        self.redis.call('XADD', 'back:1', '9000-7', 'v', 'gone')
        self.redis.call('XDEL', 'back:1', '9000-7', '17-0')
        before = self.redis.call('XRANGE', 'back:1', '-', '+')
        facts = self.stream_facts('back:1')
        self.write_records_plan('back:{id}', 'stream')
        self.expect('apply')
        self.expect('finish')
        self.assertEqual(self.redis.call('EXISTS', 'back:1'), 0)
        self.assertEqual(self.of_family('back:{id}'), 4999 + 1500)
        self.expect('rollback')
        self.assertEqual(self.redis.call('XRANGE', 'back:1', '-', '+'), before)
        self.assertEqual(self.stream_facts('back:1'), facts)

    def stream_facts(self, name):
        info = self.redis.call('XINFO', 'STREAM', name)
        facts = dict(zip(info[::2], info[1::2]))
        return [facts.get(word) for word in (b'length', b'last-generated-id',
                                             b'max-deleted-entry-id', b'entries-added')]

    def test_an_element_beyond_a_reply_stays_and_the_run_goes_on(self):
        self.need_records()
        huge = b'x' * (17 << 20)
        for i in range(40):
            self.redis.call('HSET', f'huge:{i}', 'f', f'v{i}')
        self.redis.call('HSET', 'huge:3', 'f', huge, 'g', 'v')
        self.write_records_plan('huge:{id}', 'hash')
        done = self.weir('apply', '--json')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)['reasons'], {'large': 1})
        self.assertIn('skipped: huge:3: an element is larger than a reply may be', done.stderr)
        self.assertEqual(self.of_family('huge:{id}'), 39)
        self.expect('verify')
        self.redis.call('HSET', 'huge:5', 'f', huge)  # since it was moved
        self.expect('finish')
        self.assertEqual(self.redis.call('EXISTS', *[f'huge:{i}' for i in range(40)]), 2)
        self.assertEqual(self.redis.call('HLEN', 'huge:3'), 2)
        self.redis.call('HSET', 'huge:3', 'f', 'small')  # and it goes on from there
        self.expect('apply')
        self.expect('finish')
        self.assertEqual(self.redis.call('EXISTS', 'huge:3', 'huge:5'), 1)

    def test_a_string_beyond_a_reply_goes_in_pieces_or_stays_alone(self):
        self.need_records()
        for i in range(40):
            self.redis.call('SET', f'text:{i}', f'v{i}')
        self.redis.call('SET', 'text:3', 'x' * (17 << 20))
        self.write_records_plan('text:{id}')
        report = json.loads(self.expect('apply', '--json'))
        there = self.of_family('text:{id}')
        self.assertIn(there, (39, 40))
        self.assertEqual(report['reasons'], {'sink': 1} if there < 40 else {})
        self.expect('verify')
        self.expect('finish')
        self.assertEqual(self.redis.call('EXISTS', *[f'text:{i}' for i in range(40)]), 40 - there)

    def test_an_expiry_that_changed_since_is_not_finished_silently(self):
        self.need_records()
        when = (TS + 500000000) * 1000
        for i in range(3):
            self.redis.call('SET', f'exp:{i}', 'v', 'PXAT', when)
        self.write_records_plan('exp:{id}')
        self.expect('apply')
        self.expect('verify')
        self.redis.call('PEXPIREAT', 'exp:1', when + 3600000)
        self.redis.call('PERSIST', 'exp:2')
        verified = self.weir('verify')
        self.assertNotEqual(verified.returncode, 0)
        self.assertIn('exp:2: it was changed, or expires at another time', verified.stderr)
        self.expect('apply')  # as for content: moved again
        self.expect('verify')
        self.assertEqual(self.number(f"SELECT count(*) FROM {self.prefix}records{self.final} "
                                     "WHERE family = 'exp:{id}' AND expires IS NULL"), 1)
        self.redis.call('PEXPIREAT', 'exp:0', when + 7200000)
        self.expect('finish')
        self.assertEqual(self.redis.call('EXISTS', 'exp:0', 'exp:1', 'exp:2'), 0)
        self.expect('rollback')
        self.assertEqual([self.redis.call('PEXPIRETIME', f'exp:{i}') for i in range(3)],
                         [when + 7200000, when + 3600000, -1])

    def test_verify_counts_what_is_new_or_gone_and_writes_nothing(self):
        self.need_records()
        for i in range(3):
            self.redis.call('SET', f'seen:{i}', 'v')
        self.write_records_plan('seen:{id}')
        self.expect('apply')
        self.redis.call('DEL', 'seen:0')
        self.redis.call('RPUSH', 'seen:9', 'another type')
        report = json.loads(self.expect('verify', '--json'))
        self.assertEqual(report['reasons'], {'type': 1})

    def test_a_large_stream_with_groups_stays(self):
        self.need_records()
        for i in range(5000):
            self.redis.call('XADD', 'strm:1', f'{i + 1}-0', 'v', 'x')
        self.redis.call('XGROUP', 'CREATE', 'strm:1', 'readers', '0')
        self.write_records_plan('strm:{id}', 'stream')
        report = json.loads(self.expect('apply', '--json'))
        self.assertEqual(report['reasons'], {'groups': 1})
        self.expect('finish')
        self.assertEqual(self.redis.call('EXISTS', 'strm:1'), 1)
        self.assertEqual(len(self.redis.call('XINFO', 'GROUPS', 'strm:1')), 1)


class TestPostgres(Migration, unittest.TestCase):
    sink, server_class, records, prefix, final = 'postgres', servers.PostgreSQL, True, '', ''


class TestClickHouse(Migration, unittest.TestCase):
    sink, server_class, records, prefix, final = ('clickhouse', servers.ClickHouse, True,
                                                  'weir.', ' FINAL')


class TestDuck(Migration, unittest.TestCase):
    sink, server_class, records, prefix, final = 'duckdb', DuckDB, True, '', ''
    truncate = 'DELETE FROM'

    def test_the_file_is_its_users_alone(self):
        self.need_records()
        self.redis.call('SET', 'file:1', 'v')
        path, before = os.path.join(self.temp, 'own.duckdb'), self.server.url
        self.server.url = path
        self.write_records_plan('file:{id}')
        self.server.url = before
        self.expect('apply')
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)


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
