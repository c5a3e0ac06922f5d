#!/usr/bin/env python3
"""weir migrate against a real server with a live writer, killed again and again: nothing that
the writer did is lost, verify holds, and rollback restores bytes, types and expiries."""
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import time
import unittest

import harness

CRASH = os.path.join(os.path.dirname(harness.WEIR), 'tests', 'weir_crash')
APPLY_POINTS = ('migrate_intent', 'migrate_written', 'migrate_done', 'migrate_piece')
FINISH_POINTS = ('migrate_removing', 'migrate_removed')
BACK_POINTS = ('migrate_restored',)
SYMBOLS = ('BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'XRPUSDT', 'ADAUSDT')
FRAMES = ('1m', '5m', '15m', '1h', '4h', '1d')


def family(match, source, to, form='same', **more):
    return {'match': match, 'from': source, 'to': to, 'type': form, 'ttl': 'keep', **more}


FAMILIES = [
    family('{symbol}_{tf}_{id}', 'string', 'indicators:v1:{symbol}:{tf}:{id}', 'hash'),
    family('nested_{id}', 'string', 'cache:v1:nested:{id}', 'hash'),
    family('counter_{id}', 'string', 'counters:v1:{id}'),
    family('hash_{id}', 'hash', 'market:v1:hash:{id}'),
    family('list_{id}', 'list', 'queues:v1:list:{id}'),
    family('queue_{id}', 'list', 'queues:v1:{id}', 'stream'),
    family('set_{id}', 'set', 'cache:v1:set:{id}'),
    family('zset_{id}', 'zset', 'cache:v1:zset:{id}'),
    family('stream_{id}', 'stream', 'market:v1:stream:{id}'),
    family('doc_{id}', 'string', 'cache:v1:doc:{id}', 'packed'),
    family('lock_{id}', 'string', 'locks:v1:{id}'),
    family('config_{word}', 'string', '', 'skip'),
]


class Redis:
    """A server in a folder of its own, on a unix socket."""

    def __init__(self, *words):
        self.folder = tempfile.mkdtemp(prefix='weir-migrate-')
        self.path = os.path.join(self.folder, 'r.sock')
        self.process = subprocess.Popen(
            ['redis-server', '--port', '0', '--unixsocket', self.path, '--save', '', '--dir',
             self.folder, '--loglevel', 'warning', *words], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.call('PING')
                break
            except (OSError, harness.RespError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        self.url = 'unix://' + self.path

    def client(self, db=0):
        client = harness.Resp(self.path, timeout=120)
        client.call('SELECT', db)
        return client

    def call(self, *words):
        with harness.Resp(self.path, timeout=120) as client:
            return client.call(*words)

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)


def pipeline(client, commands):
    """Replies of many commands, 500 at a time."""
    replies = []
    for at in range(0, len(commands), 500):
        part = commands[at:at + 500]
        for command in part:
            client.send(*command)
        for _ in part:
            try:
                replies.append(client.read())
            except harness.RespError as error:
                replies.append(error)
    return replies


def names_of(client):
    cursor, names = b'0', set()
    while True:
        cursor, page = client.call('SCAN', cursor, 'COUNT', 1000)
        names.update(page)
        if cursor == b'0':
            return names


def state_of(client, names):
    """Per key: type, expiry, DUMP, and content in an order of its own."""
    names = sorted(names)
    types = pipeline(client, [('TYPE', name) for name in names])
    ends = pipeline(client, [('PEXPIRETIME', name) for name in names])
    dumps = pipeline(client, [('DUMP', name) for name in names])
    return {name: (kind, end, dump) for name, kind, end, dump in zip(names, types, ends, dumps)}


def content(client, name, kind):
    if kind == 'hash':
        flat = client.call('HGETALL', name)
        return sorted(zip(flat[::2], flat[1::2]))
    return sorted(client.call('SMEMBERS', name))


def fill(client, keys, chance):
    """Keys of all families, with and without expiry; some large, some that do not convert."""
    commands, now = [], int(time.time() * 1000)
    each = max(keys // 11, 4)
    for i in range(each):
        symbol, frame = SYMBOLS[i % 5], FRAMES[i % 6]
        commands.append(('SET', f'{symbol}_{frame}_{i}', json.dumps(
            {'rsi': chance.randrange(100) + 0.25, 'n': i, 'up': bool(i % 2), 'note': 'x é'})))
        commands.append(('SET', f'nested_{i}', ['{"a":[1,2]}', '{"a":null}', '{"a":1.10}', 'text',
                                                '{"a":9007199254740993}', '{"a":1,"a":2}', '[1]',
                                                '{"a":"1"}'][i % 8]))
        commands.append(('SET', f'counter_{i}', i))
        commands.append(('HSET', f'hash_{i}', 'n', i, 'text', 'h' * (i % 90)))
        commands.append(('RPUSH', f'list_{i}', *range(i % 20 + 1)))
        commands.append(('RPUSH', f'queue_{i}', *(b'\x00job %d' % j for j in range(i % 9 + 1))))
        commands.append(('SADD', f'set_{i}', *(f'm{j}' for j in range(i % 30 + 1))))
        commands.append(('ZADD', f'zset_{i}', i / 7, 'a', 1, b'\xff\x00b'))
        commands.append(('XADD', f'stream_{i}', '*', 'p', i))
        if i % 5 == 0:
            commands.append(('XGROUP', 'CREATE', f'stream_{i}', 'g', '0'))
            commands.append(('XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', f'stream_{i}', '>'))
        commands.append(('SET', f'doc_{i}', f'long text {i} ' * 60))
        commands.append(('SET', f'lock_{i}', f'owner-{i}', 'PXAT', now + 3600000 + i * 1000))
    for i in range(each, each + 5):
        commands.append(('SET', f'lock_{i}', 'short', 'PX', 400))
    commands.append(('SET', 'config_main', 'stays'))
    for at in range(0, 20000, 500):
        words = [word for j in range(at, at + 500) for word in (f'f{j}', f'v{j}' * 20)]
        commands.append(('HSET', f'hash_{each}', *words))
        commands.append(('SADD', f'set_{each}', *(f'member-{j}' for j in range(at, at + 500))))
        commands.append(('RPUSH', f'queue_{each}', *(f'job-{j}' for j in range(at, at + 500))))
    bad = [reply for reply in pipeline(client, commands) if isinstance(reply, harness.RespError)]
    assert not bad, bad[:3]
    return each


class Writer(threading.Thread):
    """Old code that knows nothing of a migration, and what it did."""

    def __init__(self, server, each, seed, db=0, rate=1500):
        super().__init__()
        self.server, self.each, self.db, self.rate = server, each, db, rate
        self.chance = random.Random(seed)
        self.counters, self.hashes, self.lists, self.queues = {}, {}, {}, {}
        self.streams, self.strings = {}, {}
        self.ended = threading.Event()

    def step(self, client):
        i = self.chance.randrange(min(self.each, 200))
        what = self.chance.randrange(6)
        if what == 0:
            client.call('INCR', f'counter_{i}')
            self.counters[i] = self.counters.get(i, 0) + 1
        elif what == 1:
            client.call('HINCRBY', f'hash_{i}', 'n', 1)
            self.hashes[i] = self.hashes.get(i, 0) + 1
        elif what == 2:
            client.call('RPUSH', f'list_{i}', f'new-{self.lists.get(i, 0)}')
            self.lists[i] = self.lists.get(i, 0) + 1
        elif what == 3:
            client.call('RPUSH', f'queue_{i}', f'new-{self.queues.get(i, 0)}')
            self.queues[i] = self.queues.get(i, 0) + 1
        elif what == 4:
            client.call('XADD', f'stream_{i}', '*', 'w', self.streams.get(i, 0))
            self.streams[i] = self.streams.get(i, 0) + 1
        else:
            name = f'{SYMBOLS[i % 5]}_{FRAMES[i % 6]}_{i}'
            self.strings[i] = self.strings.get(i, 0) + 1
            client.call('SET', name, json.dumps({'rsi': 1.5, 'writes': self.strings[i]}))

    def run(self):
        with self.server.client(self.db) as client:
            began, done = time.monotonic(), 0
            while not self.ended.is_set():
                self.step(client)
                done += 1
                ahead = began + done / self.rate - time.monotonic()
                if ahead > 0:
                    self.ended.wait(ahead)

    def stop(self):
        self.ended.set()
        self.join()


class Migration:
    """A plan file and the commands on it."""

    def __init__(self, server, families=None, databases=(0,)):
        self.server = server
        self.plan = os.path.join(server.folder, 'plan.json')
        with open(self.plan, 'w', encoding='utf-8') as file:
            json.dump({'weir_migrate': 1, 'source': server.url, 'databases': list(databases),
                       'families': families or FAMILIES}, file)

    def words(self, step, *more, binary=None):
        return [binary or harness.WEIR, 'migrate', step, '--plan', self.plan, *more]

    def run(self, step, *more, expect=0):
        done = subprocess.run(self.words(step, '--json', *more), capture_output=True, text=True,
                              timeout=900)
        if done.returncode != expect:
            raise AssertionError(f'{step}: {done.returncode}\n{done.stdout[-3000:]}'
                                 f'{done.stderr[-3000:]}')
        return json.loads(done.stdout) if done.stdout else done.stderr

    def kill_at(self, step, point, times, *more):
        """True when it was killed there; False when it ended before."""
        environment = dict(os.environ, CRASH_AT=f'{point}:{times}')
        done = subprocess.run(self.words(step, *more, binary=CRASH), env=environment,
                              capture_output=True, text=True, timeout=900)
        if done.returncode not in (0, 1, -signal.SIGKILL):
            raise AssertionError(f'{step} {point}: {done.returncode} {done.stderr[-2000:]}')
        return done.returncode == -signal.SIGKILL

    def kill_after(self, step, seconds, *more):
        process = subprocess.Popen(self.words(step, *more), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait()
        return process.returncode == -signal.SIGKILL


class Trial:
    """The whole life of a migration, struck at `points` points."""

    def __init__(self, case, keys, points, seed):
        self.case, self.keys, self.points = case, keys, points
        self.chance = random.Random(seed)
        self.killed = 0

    def strike(self, migration, step, points, count, *more):
        for i in range(count):
            if i % 2:
                pause = self.chance.uniform(0.02, 0.3 + self.keys / 40000)
                self.killed += migration.kill_after(step, pause, *more)
            else:
                times = self.chance.randint(1, 6 if self.keys <= 10000 else 60)
                point = self.chance.choice(points)
                self.killed += migration.kill_at(step, point, times, *more)

    def check_new(self, client, writer, each):
        """Every write of the writer is there in the new form."""
        case = self.case
        for i, count in writer.counters.items():
            case.assertEqual(int(client.call('GET', f'counters:v1:{i}')), i + count)
        for i, count in writer.hashes.items():
            case.assertEqual(int(client.call('HGET', f'market:v1:hash:{i}', 'n')), i + count)
        for i, count in writer.lists.items():
            case.assertEqual(client.call('LLEN', f'queues:v1:list:{i}'), i % 20 + 1 + count)
        for i, count in writer.queues.items():
            entries = client.call('XRANGE', f'queues:v1:{i}', '-', '+')
            old = [b'\x00job %d' % j for j in range(i % 9 + 1)]
            new = [b'new-%d' % j for j in range(count)]
            case.assertEqual([entry[1] for entry in entries], [[b'v', v] for v in old + new])
        for i, count in writer.streams.items():
            case.assertEqual(client.call('XLEN', f'market:v1:stream:{i}'), 1 + count)
        for i, count in writer.strings.items():
            name = f'indicators:v1:{SYMBOLS[i % 5]}:{FRAMES[i % 6]}:{i}'
            case.assertEqual(client.call('HGET', name, 'writes'), b'%d' % count)
        case.assertEqual(client.call('HLEN', f'market:v1:hash:{each}'), 20000)
        case.assertEqual(client.call('XLEN', f'queues:v1:{each}'), 20000)

    def check_back(self, client, before):
        """All old keys as they were, and nothing else."""
        case = self.case
        after = state_of(client, names_of(client))
        case.assertEqual(set(before) - set(after), set())
        case.assertEqual(set(after) - set(before), set())
        for name, (kind, end, dump) in before.items():
            case.assertEqual(after[name][:2], (kind, end), name)
            if after[name][2] != dump:  # a table is laid out by its history
                case.assertIn(client.call('OBJECT', 'ENCODING', name), (b'hashtable',), name)

    def run(self):
        case = self.case
        server = Redis()
        case.addCleanup(server.stop)
        client = server.client()
        each = fill(client, self.keys, self.chance)
        migration = Migration(server)
        writer = Writer(server, each, self.chance.random())
        writer.start()
        try:
            self.strike(migration, 'apply', APPLY_POINTS, self.points // 2)
            migration.run('apply')
            self.strike(migration, 'dual', APPLY_POINTS, self.points // 10, '--for', '2',
                        '--rescan', '1')
            dual = subprocess.Popen(migration.words('dual', '--for', '3', '--json'),
                                    stdout=subprocess.PIPE, text=True)
            time.sleep(1)
        finally:
            writer.stop()
        out = json.loads(dual.communicate(timeout=600)[0])
        case.assertEqual(dual.returncode, 0, out)
        verified = migration.run('verify')
        case.assertTrue(verified['holds'])
        case.assertEqual(verified['source'],
                         verified['copied'] + verified['skipped'] + verified['expired'])
        case.assertEqual(verified['conflicts'], 0)
        self.check_new(client, writer, each)
        old = {name for name in names_of(client) if b':v1:' not in name}
        before = state_of(client, old)
        big = {f'hash_{each}': 'hash', f'set_{each}': 'set'}
        large = {name: content(client, name, kind) for name, kind in big.items()}
        self.strike(migration, 'finish', FINISH_POINTS, self.points // 5)
        finished = migration.run('finish')
        case.assertTrue(finished['holds'])
        self.check_new(client, writer, each)
        left = {name for name in names_of(client) if b':v1:' not in name}
        odd = [name for name in left if not name.startswith((b'nested_', b'config_'))]
        case.assertEqual(odd, [])
        again = migration.run('finish')
        case.assertEqual((again['written'], again['removed']), (0, finished['removed']))
        self.strike(migration, 'rollback', BACK_POINTS, self.points // 5)
        migration.run('rollback')
        self.check_back(client, before)
        for name, kind in big.items():
            case.assertEqual(content(client, name, kind), large[name])
        migration.run('rollback')
        self.check_back(client, before)
        client.close()
        print(f'{self.keys} keys, killed {self.killed} times', flush=True)
        return self.killed


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def forge_dump(path, value):
    """Another value in a backup whose own sums are right: the server finds it out."""
    with open(path, 'rb') as file:
        data = file.read()
    out, at = data[:24], 24
    while at < len(data):
        length = struct.unpack_from('<I', data, at)[0]
        record = data[at + 8:at + 8 + length].replace(value, value[::-1])
        out += data[at:at + 4] + struct.pack('<I', crc32c(data[at:at + 4] + record)) + record
        at += 8 + length
    with open(path, 'wb') as file:
        file.write(out)


class Migrate(unittest.TestCase):
    def test_nothing_is_lost_under_a_writer_and_twenty_kills(self):
        self.assertGreater(Trial(self, 5000, 20, 1).run(), 8)

    def serve(self, *words):
        server = Redis(*words)
        self.addCleanup(server.stop)
        client = server.client()
        self.addCleanup(client.close)
        return server, client

    def test_a_rerun_writes_nothing(self):
        server, client = self.serve()
        fill(client, 300, random.Random(2))
        migration = Migration(server)
        first = migration.run('apply')
        self.assertGreater(first['written'], 200)
        before = state_of(client, names_of(client))
        second = migration.run('apply')
        self.assertEqual((second['written'], second['backups']), (0, 0))
        self.assertEqual(state_of(client, names_of(client)), before)

    def test_json_that_would_not_come_back_stays_with_its_reason(self):
        server, client = self.serve()
        fill(client, 400, random.Random(3))
        migration = Migration(server)
        out = migration.run('apply')
        nested = next(f for f in out['families'] if f['match'] == 'nested_{id}')
        self.assertEqual(nested['copied'], 0)
        for reason in ('nested', 'null', 'number', 'not_object', 'big_integer', 'twice',
                       'looks_else'):
            self.assertGreater(nested['reasons'].get(reason, 0), 0, reason)

    def test_a_name_that_is_taken_is_a_conflict_and_is_left_alone(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '1')
        client.call('SET', 'counters:v1:1', 'somebody')
        migration = Migration(server)
        out = migration.run('apply', expect=1)
        self.assertEqual(out['conflicts'], 1)
        self.assertEqual(client.call('GET', 'counters:v1:1'), b'somebody')
        migration.run('finish', expect=1)
        self.assertEqual(client.call('GET', 'counter_1'), b'1')

    def test_two_keys_that_make_one_target_are_a_conflict(self):
        server, client = self.serve()
        client.call('SET', 'BTC.x', '1')
        client.call('SET', 'btc.x', '2')
        migration = Migration(server, [family('{symbol}.x', 'string', 'cache:v1:{symbol:lower}')])
        out = migration.run('apply', expect=1)
        self.assertEqual((out['copied'], out['conflicts']), (1, 1))

    def test_what_new_code_changed_is_never_lost(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '1')
        client.call('SET', 'BTCUSDT_1m_1', '{"rsi": 1.5}')
        families = [dict(f) for f in FAMILIES]
        migration = Migration(server, families)
        migration.run('apply')
        client.call('INCR', 'counters:v1:1')
        out = migration.run('apply', expect=1)
        self.assertEqual(out['conflicts'], 1)
        self.assertEqual(client.call('GET', 'counters:v1:1'), b'2')
        self.assertEqual(client.call('GET', 'counter_1'), b'1')
        migration.run('apply', '--force')
        self.assertEqual(client.call('GET', 'counters:v1:1'), b'1')

    def test_where_new_code_leads_old_keys_follow(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '1')
        client.call('SET', 'BTCUSDT_1m_1', '{"rsi": 1.5}')
        families = [dict(f) for f in FAMILIES if f['type'] != 'stream']
        Migration(server, families).run('apply')
        for one in families:
            one['lead'] = 'new'  # new code is there now: the plan may say so on the way
        migration = Migration(server, families)
        client.call('INCR', 'counters:v1:1')
        client.call('HSET', 'indicators:v1:BTCUSDT:1m:1', 'rsi', '2.5')
        migration.run('dual', '--for', '1')
        self.assertEqual(client.call('GET', 'counter_1'), b'2')
        self.assertEqual(json.loads(client.call('GET', 'BTCUSDT_1m_1')), {'rsi': 2.5})
        migration.run('verify')

    def test_a_key_deleted_by_its_writer_goes_and_one_that_expired_is_counted(self):
        server, client = self.serve()
        for i in range(5):
            client.call('SET', f'counter_{i}', i)
        client.call('SET', 'lock_1', 'x', 'PX', 1500)
        migration = Migration(server)
        migration.run('apply')
        self.assertEqual(client.call('PEXPIRETIME', 'lock_1'),
                         client.call('PEXPIRETIME', 'locks:v1:1'))
        client.call('CONFIG', 'SET', 'notify-keyspace-events', 'KA')
        dual = subprocess.Popen(migration.words('dual', '--for', '3', '--json'),
                                stdout=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 20
        while client.call('PUBSUB', 'NUMPAT') < 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        client.call('DEL', 'counter_3')
        out = json.loads(dual.communicate(timeout=60)[0])
        self.assertEqual((dual.returncode, out['deleted'], out['conflicts']), (0, 1, 0), out)
        self.assertEqual(client.call('EXISTS', 'counters:v1:3'), 0)
        deadline = time.monotonic() + 10
        while client.call('EXISTS', 'lock_1') and time.monotonic() < deadline:
            time.sleep(0.05)
        out = migration.run('verify')
        self.assertEqual((out['expired'], out['source']), (1, 5))
        migration.run('rollback')
        self.assertEqual(names_of(client), {b'counter_%d' % i for i in (0, 1, 2, 4)})

    def test_a_key_that_is_gone_and_nobody_told_keeps_its_new_form_and_comes_back(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '7')
        migration = Migration(server)
        migration.run('apply')
        client.call('DEL', 'counter_1')
        self.assertEqual(migration.run('apply', expect=1)['conflicts'], 1)
        migration.run('verify', expect=1)
        self.assertEqual(names_of(client), {b'counters:v1:1'})
        migration.run('rollback')
        self.assertEqual(names_of(client), {b'counter_1'})
        self.assertEqual(client.call('GET', 'counter_1'), b'7')

    def test_what_only_the_new_form_has_is_not_replaced_by_an_older_backup(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '7')
        migration = Migration(server)
        migration.run('apply')
        client.call('INCR', 'counter_1')
        migration.run('apply')
        client.call('DEL', 'counter_1')
        self.assertEqual(migration.run('rollback', expect=1)['kept'], 1)
        self.assertEqual(client.call('GET', 'counters:v1:1'), b'8')
        migration.run('apply', '--force')  # a person says that it was deleted
        self.assertEqual(names_of(client), set())

    def test_a_server_that_was_emptied_is_no_deletion_by_writers(self):
        server, client = self.serve()
        for i in range(5):
            client.call('SET', f'counter_{i}', '7')
        migration = Migration(server)
        migration.run('apply')
        client.call('FLUSHALL')
        self.assertEqual(migration.run('apply')['missing'], 5)
        self.assertEqual(migration.run('verify', expect=1)['missing'], 5)
        self.assertEqual(migration.run('rollback')['restored'], 5)
        self.assertEqual(names_of(client), {b'counter_%d' % i for i in range(5)})

    def test_an_older_work_folder_does_not_take_what_finish_left(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '7')
        migration = Migration(server)
        migration.run('apply')
        work = migration.plan + '.work'
        shutil.copytree(work, work + '.old')
        migration.run('finish')
        shutil.rmtree(work)
        os.rename(work + '.old', work)
        migration.run('apply', expect=1)
        migration.run('verify', expect=1)
        self.assertEqual(client.call('GET', 'counters:v1:1'), b'7')

    def test_rollback_keeps_newer_data_under_a_name_that_should_have_expired(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '7', 'PX', 1000)
        client.call('SET', 'counter_2', '8', 'PX', 1000)
        migration = Migration(server)
        migration.run('finish')
        client.call('SET', 'counters:v1:1', 'NEWER')
        client.call('PERSIST', 'counters:v1:2')
        deadline = time.monotonic() + 1.1
        while time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(migration.run('rollback', expect=1)['kept'], 2)
        self.assertEqual(client.call('GET', 'counters:v1:1'), b'NEWER')
        self.assertEqual(client.call('GET', 'counters:v1:2'), b'8')

    def test_a_key_that_is_the_same_by_chance_stays_somebodys(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '7')
        client.call('SET', 'counters:v1:1', '7')
        migration = Migration(server)
        self.assertEqual(migration.run('apply', expect=1)['conflicts'], 1)
        migration.run('rollback')
        self.assertEqual(names_of(client), {b'counter_1', b'counters:v1:1'})

    def test_a_removal_that_was_struck_is_carried_over_again(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '7')
        migration = Migration(server)
        migration.run('apply')
        self.assertTrue(migration.kill_at('finish', 'migrate_removing', 1))
        client.call('INCR', 'counter_1')
        self.assertEqual(migration.run('apply')['conflicts'], 0)
        self.assertEqual(client.call('GET', 'counters:v1:1'), b'8')
        migration.run('finish')
        self.assertEqual(names_of(client), {b'counters:v1:1'})

    def test_a_key_that_went_after_a_kill_is_no_orphan(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '7')
        migration = Migration(server)
        self.assertTrue(migration.kill_at('apply', 'migrate_written', 1))
        client.call('DEL', 'counter_1')
        self.assertEqual(migration.run('apply', expect=1)['conflicts'], 1)
        migration.run('verify', expect=1)
        migration.run('rollback')
        self.assertEqual(names_of(client), {b'counter_1'})

    def test_a_login_that_may_not_read_a_key_is_told_so(self):
        server, client = self.serve()
        for i in (1, 2):
            client.call('SET', f'counter_{i}', i)
        migration = Migration(server)
        migration.run('apply')
        client.call('SET', 'counter_2', 'CHANGED')
        client.call('ACL', 'SETUSER', 'u', 'on', '>pw', '+@all', '~counter_1', '~counters:v1:1')
        narrow = server.url.replace('unix://', 'unix://u:pw@')
        self.assertIn('may not', migration.run('verify', narrow, expect=3))

    def test_an_expiry_that_was_taken_away_while_finish_ran_is_not_lost(self):
        server, client = self.serve()
        count = 2000
        pipeline(client, [('SET', f'counter_{i}', i, 'EX', 600) for i in range(count)])
        migration = Migration(server)
        migration.run('apply')
        finish = subprocess.Popen(migration.words('finish'), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        while client.call('DBSIZE') == 2 * count and finish.poll() is None:
            pass
        kept = client.call('EVAL', "local o={} for i=0,1999 do if redis.call('PERSIST',"
                           "'counter_'..i)==1 then o[#o+1]=i end end return o", 0)
        finish.wait(60)
        self.assertGreater(len(kept), 0)
        ends = pipeline(client, [('TTL', f'counters:v1:{i}') for i in kept])
        there = pipeline(client, [('EXISTS', f'counter_{i}') for i in kept])
        lost = [i for i, end, old in zip(kept, ends, there) if end != -1 and not old]
        self.assertEqual(lost, [])
        migration.run('finish')
        ends = pipeline(client, [('TTL', f'counters:v1:{i}') for i in kept])
        self.assertEqual(set(ends), {-1})

    def test_what_cannot_be_restored_keeps_its_new_form(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', 'seven-and-more')
        migration = Migration(server)
        migration.run('finish')
        forge_dump(migration.plan + '.work/backup', b'seven-and-more')
        self.assertEqual(migration.run('rollback', expect=1)['kept'], 1)
        self.assertEqual(names_of(client), {b'counters:v1:1'})

    def test_a_writer_that_comes_back_after_finish_is_told(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '7')
        migration = Migration(server)
        migration.run('finish')
        client.call('INCR', 'counter_1')
        out = migration.run('verify', expect=1)
        self.assertEqual(out['returned'], 1)
        out = migration.run('rollback', expect=1)
        self.assertEqual((out['kept'], client.call('GET', 'counter_1')), (1, b'1'))
        migration.run('rollback', '--force')
        self.assertEqual(client.call('GET', 'counter_1'), b'7')

    def test_a_server_that_refuses_config_and_several_databases(self):
        server, client = self.serve('--rename-command', 'CONFIG', '')
        other = server.client(3)
        client.call('SET', 'counter_1', '1')
        other.call('SET', 'counter_1', '2')
        migration = Migration(server, databases=(0, 3))
        writer = threading.Timer(0.5, lambda: server.client(3).call('INCR', 'counter_1'))
        writer.start()
        out = migration.run('dual', '--for', '2', '--rescan', '1')
        writer.join()
        self.assertFalse(out['lag']['notified'])
        self.assertEqual(client.call('GET', 'counters:v1:1'), b'1')
        self.assertEqual(other.call('GET', 'counters:v1:1'), b'3')
        migration.run('finish')
        self.assertEqual(other.call('EXISTS', 'counter_1'), 0)
        other.close()

    def test_notifications_are_put_back(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '1')
        out = Migration(server).run('dual', '--for', '1')
        self.assertTrue(out['lag']['notified'])
        self.assertEqual(client.call('CONFIG', 'GET', 'notify-keyspace-events')[1], b'')

    def test_a_plan_that_was_changed_is_refused(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '1')
        Migration(server).run('apply')
        changed = Migration(server, [family('counter_{id}', 'string', 'counters:v2:{id}')])
        self.assertIn('changed', changed.run('apply', expect=3))

    def test_rows_move_into_duckdb_and_old_keys_come_back(self):
        server, client = self.serve()
        for i in range(500):
            client.call('SET', f'trade_{i}', json.dumps({'id': i, 'symbol': 'BTCUSDT',
                                                         'price': 1.5, 'note': 'x'}))
        before = state_of(client, names_of(client))
        families = [dict(match='trade_{id}', type='same', sink='duckdb', table='records',
                         **{'from': 'string'})]
        migration = Migration(server, families)
        with open(migration.plan, encoding='utf-8') as file:
            plan = json.load(file)
        plan['sinks'] = {'duckdb': os.path.join(server.folder, 'moved.duckdb')}
        with open(migration.plan, 'w', encoding='utf-8') as file:
            json.dump(plan, file)
        out = migration.run('apply')
        self.assertEqual((out['copied'], out['written']), (500, 500))
        client.call('SET', 'trade_7', '{"id": 7, "price": 2}')
        migration.run('verify', expect=1)
        self.assertEqual(migration.run('dual', '--for', '1')['written'], 1)
        before.update(state_of(client, [b'trade_7']))
        migration.run('finish')
        self.assertEqual(names_of(client), set())
        migration.run('rollback')
        self.assertEqual(state_of(client, names_of(client)), before)

    def test_large_elements_stop_nothing(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '1')
        client.call('EVAL', "for i = 1, 600 do redis.call('RPUSH', 'list_1', "
                    "string.rep('x', 150000) .. i) end", '0')
        client.call('EVAL', "for i = 1, 3000 do redis.call('HSET', 'hash_1', 'f' .. i, i) end "
                    "redis.call('HSET', 'hash_1', 'large', string.rep('x', 17 * 1048576))", '0')
        migration = Migration(server)
        out = migration.run('apply')
        self.assertEqual((out['copied'], out['written']), (2, 2))
        hashes = next(f for f in out['families'] if f['match'] == 'hash_{id}')
        self.assertEqual(hashes['reasons'], {'large': 1})
        self.assertEqual(client.call('LLEN', 'queues:v1:list:1'), 600)
        self.assertEqual(len(client.call('LINDEX', 'queues:v1:list:1', '-1')), 150003)
        self.assertTrue(migration.run('verify')['holds'])
        migration.run('finish')
        self.assertEqual(client.call('EXISTS', 'list_1', 'hash_1'), 1)
        migration.run('rollback')
        self.assertEqual(len(client.call('LINDEX', 'list_1', '0')), 150001)

    def test_a_batch_of_large_strings_takes_little_memory(self):
        server, client = self.serve()
        client.call('EVAL', "for i = 1, 120 do redis.call('SET', 'counter_' .. i, "
                    "string.rep(tostring(i) .. 'x', 1000000 / (#tostring(i) + 1))) end", '0')
        process = subprocess.Popen(Migration(server).words('apply'), stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(len(names_of(client)), 240)
        self.assertLess(usage.ru_maxrss, 120 << 10)

    def test_what_a_kill_left_half_written_goes(self):
        server, client = self.serve()
        for at in range(0, 8000, 500):
            words = [word for j in range(at, at + 500) for word in (f'f{j}', 'v' * 20)]
            client.call('HSET', 'hash_1', *words)
        client.call('SET', 'weir:migrate:tmp:somebody', 'else')
        migration = Migration(server)
        for step in ('rollback', 'apply'):
            self.assertTrue(migration.kill_at('apply', 'migrate_piece', 2))
            self.assertEqual(len(names_of(client)), 3)
            self.assertTrue(client.call('KEYS', 'weir:migrate:tmp:????????:*'))
            client.call('RENAME', 'hash_1', 'other_1')  # not written over by its next copy
            migration.run(step)
            self.assertEqual(names_of(client), {b'other_1', b'weir:migrate:tmp:somebody'})
            client.call('RENAME', 'other_1', 'hash_1')

    def test_an_expiry_of_a_leading_new_key_is_carried_over_once(self):
        server, client = self.serve()
        migration = Migration(server, [dict(family('counter_{id}', 'string', 'counters:v1:{id}'),
                                            ttl=3600, lead='new')])
        client.call('SET', 'counter_1', '7', 'EX', 1000)
        client.call('SET', 'counter_2', '8')
        migration.run('apply')
        client.call('EXPIRE', 'counters:v1:1', 2000)
        client.call('SET', 'counters:v1:2', '9', 'KEEPTTL')
        migration.run('apply')
        self.assertEqual(client.call('PEXPIRETIME', 'counter_1'),
                         client.call('PEXPIRETIME', 'counters:v1:1'))
        self.assertEqual(client.call('GET', 'counter_2'), b'9')
        self.assertEqual(client.call('TTL', 'counter_2'), -1)
        self.assertEqual(migration.run('apply')['written'], 0)

    def test_what_changes_while_a_large_key_is_read_is_read_again(self):
        server, client = self.serve()
        for at in range(0, 20000, 500):
            words = [word for j in range(at, at + 500) for word in (f'f{j}', 'v' * 20)]
            client.call('HSET', 'hash_1', *words)
        client.call('EXPIRE', 'hash_1', 1000)
        migration = Migration(server)
        migration.run('apply')
        client.call('EXPIRE', 'hash_1', 2000)
        client.call('CONFIG', 'RESETSTAT')
        apply = subprocess.Popen(migration.words('apply'), stdout=subprocess.DEVNULL)
        while apply.poll() is None and b'cmdstat_hscan' not in client.call('INFO', 'commandstats'):
            time.sleep(0.001)
        client.call('EXPIRE', 'hash_1', 3000)
        self.assertEqual(apply.wait(60), 0)
        self.assertEqual(client.call('PEXPIRETIME', 'market:v1:hash:1'),
                         client.call('PEXPIRETIME', 'hash_1'))

    def test_status_leaves_a_damaged_backup_as_it_is(self):
        server, client = self.serve()
        for i in range(3):
            client.call('SET', f'counter_{i}', chr(97 + i) * 1000000)
        migration = Migration(server)
        migration.run('apply')
        path = migration.plan + '.work/backup'
        with open(path, 'rb') as file:
            whole = file.read()
        with open(path, 'wb') as file:
            file.write(whole[:-5])
        migration.run('status')
        migration.run('verify')
        self.assertEqual(os.path.getsize(path), len(whole) - 5)

    def test_a_lost_connection_for_notifications_is_made_again(self):
        server, client = self.serve()
        client.call('SET', 'counter_1', '1')
        dual = subprocess.Popen(Migration(server).words('dual', '--for', '3', '--rescan', '1',
                                                        '--json'), stdout=subprocess.PIPE)
        deadline = time.monotonic() + 10
        while not client.call('CLIENT', 'KILL', 'TYPE', 'pubsub'):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        client.call('INCR', 'counter_1')
        lag = json.loads(dual.communicate(timeout=60)[0])['lag']
        self.assertEqual(dual.returncode, 0)
        self.assertTrue(lag['notified'])
        self.assertLess(lag['passes'], 20)
        self.assertEqual(client.call('GET', 'counters:v1:1'), b'2')

    def test_a_plan_is_made_of_a_running_server(self):
        server, client = self.serve()
        fill(client, 600, random.Random(5))
        path = os.path.join(server.folder, 'made.json')
        done = subprocess.run([harness.WEIR, 'migrate', 'plan', server.url, '--plan', path,
                               '--json'], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(path, encoding='utf-8') as file:
            plan = json.load(file)
        self.assertEqual(plan['source'], server.url)
        self.assertGreaterEqual(len(plan['families']), 5)
        status = subprocess.run([harness.WEIR, 'migrate', 'apply', '--plan', path, '--json'],
                                capture_output=True, text=True, timeout=120)
        self.assertEqual(status.returncode, 0, status.stdout[-2000:] + status.stderr)


if __name__ == '__main__':
    harness.main()
