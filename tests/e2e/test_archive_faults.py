#!/usr/bin/env python3
"""What breaks around the archive, on real servers: faults.md rows 7 to 24 (those of the
crash points are in test_archive_crash.py, a sink's odd answers in test_clickhouse*.c). The
oracle is the same for all: what was acknowledged is in DuckDB and in ClickHouse once, or,
where somebody else removed it, reported as lost."""
import ctypes
import json
import os
import random
import signal
import subprocess
import tempfile
import time
import unittest

import harness
import oracle
import servers

SEED = int(os.environ.get('SEED', 1))


class Redis:
    """A server of somebody's on a TCP port, for the faults that weir's own do not allow."""

    def __init__(self, folder, port=None, appendonly='yes', *more):
        os.makedirs(folder, exist_ok=True)
        self.folder, self.port = folder, port or harness.free_port()
        self.words = ['--port', self.port, '--appendonly', appendonly, '--appendfsync', 'always',
                      '--save', '', '--maxmemory', '1gb', '--dir', folder, '--bind', '127.0.0.1',
                      *more]
        self.start()

    def start(self):
        self.process = subprocess.Popen(['redis-server', *map(str, self.words)],
                                        stdout=subprocess.DEVNULL)
        for _ in range(500):
            try:
                return self.connect().close()
            except OSError:
                time.sleep(0.02)
        raise RuntimeError('redis-server does not listen')

    def connect(self):
        return harness.Resp(('127.0.0.1', self.port))

    def call(self, *words):
        with self.connect() as conn:
            return conn.call(*words)

    def kill(self):
        self.process.kill()
        self.process.wait()


def is_acknowledged(generator):
    before = len(generator.acked)
    time.sleep(0.3)
    return len(generator.acked) > before


class Managed(oracle.ArchiveTest):
    """Rows 7, 9, 10, 13: weir's own RTRS."""

    def pid(self, segment='rtrs'):
        return self.wait_for(f'{segment} runs', lambda: self.segment_pid(segment))

    def test_killed_again_and_again(self):
        rng = random.Random(SEED)
        self.start()
        generator = self.generate(SEED)
        for _ in range(4):
            time.sleep(rng.uniform(0.2, 1.0))
            os.kill(self.pid(), signal.SIGKILL)
            time.sleep(0.3)
        generator.stop()
        self.check_duckdb(generator)
        self.check_ledger()
        self.stop()

    def test_loading(self):
        """Many entries of which none is read yet; the server loads them while weir waits."""
        self.start()
        generator = self.generate(SEED, rate=100000, pipeline=1000)
        self.child.send_signal(signal.SIGSTOP)
        self.wait_for('100,000 entries', lambda: len(generator.acked) > 100000, 60)
        os.kill(self.pid(), signal.SIGKILL)
        self.child.send_signal(signal.SIGCONT)
        generator.stop()
        self.check_duckdb(generator, 60)
        self.check_ledger()
        self.stop()

    def test_out_of_memory(self):
        """weir does not read for a while; reading and trimming work while it is full."""
        self.start()
        generator = self.generate(SEED, rate=20000, pipeline=200)
        time.sleep(0.5)
        with self.connect() as conn:
            conn.call('CONFIG', 'SET', 'maxmemory', '3mb')
        self.child.send_signal(signal.SIGSTOP)
        self.wait_for('refused writes', lambda: generator.errors.get('OOM'), 30)
        self.child.send_signal(signal.SIGCONT)
        refused = generator.errors['OOM']
        self.wait_for('it is taken again', lambda: is_acknowledged(generator), 30)
        with self.connect() as conn:
            conn.call('CONFIG', 'SET', 'maxmemory', '1gb')
        generator.stop()
        self.assertGreater(refused, 0)
        self.check_duckdb(generator)
        self.check_ledger()
        self.stop()

    def dead(self, *words):
        return self.run_weir('archive', 'dead', *words, '--state', self.state, '--config',
                             self.config, '--json')

    def test_bad_entries_become_dead_letters_and_good_ones_go(self):
        """Rows 22 and 28: the ladder, over a restart, then a reason by name."""
        self.settings = self.settings.replace('checkpoint = 1s',
                                              'checkpoint = 1s\nretry = 1s,2s,3s')
        self.write_config('')
        self.start()
        generator = self.generate(SEED, rate=1000)
        with self.connect() as conn:
            for rid, field, value in (('bad-1', 'vol', 'NaN'), ('bad-2', 'pnl', '1e400'),
                                      ('bad-3', 'st', 'flying'), ('bad-4', 'sym', b'\xff\xfe')):
                conn.call('XADD', 'trade_results', '*', 'rid', rid, 'st', 'done', field, value)
            conn.call('XADD', 'trade_results', '*', 'st', 'done')  # without a rid
        self.wait_for('they are tried again', lambda: self.results()['retrying'] == 5)
        self.kill()
        self.start()
        self.wait_for('dead letters', lambda: len(self.letters()) == 5)
        letters = {row['id']: row for row in self.letters()}
        for rid, field in (('bad-1', 'vol'), ('bad-2', 'pnl'), ('bad-3', 'st'), ('bad-4', 'sym')):
            self.assertIn(field, letters[rid]['reason'])
            self.assertEqual(letters[rid]['attempts'], 4)
        generator.stop()
        self.check_duckdb(generator)
        self.check_ledger()
        self.assertEqual(self.dead('drop', 'bad-1').returncode, 0)
        self.assertEqual(self.dead('retry', 'bad-2').returncode, 0)
        self.wait_for('it is tried anew', lambda: self.results()['retrying'] == 1)
        self.assertEqual(self.dead('show', 'bad-1').returncode, 1)
        self.check_ledger()
        self.stop()

    def letters(self):
        return json.loads(self.dead('list').stdout)

    def results(self):
        return json.loads(self.control('archive status'))['trade_results']

    def test_stream_is_deleted(self):
        """What was not archived is gone with it, and said; the rest goes on."""
        self.start()
        before = self.generate(SEED)
        time.sleep(1)
        before.stop()
        self.check_duckdb(before)
        with self.connect() as conn:
            conn.call('DEL', 'trade_results')
        after = self.generate(SEED + 100)
        time.sleep(1)
        after.stop()
        self.check_duckdb(after)
        self.check_duckdb(before)
        self.assertRegex(self.read_log(), 'trade_results')
        self.stop()


class Foreign(oracle.ArchiveTest):
    """Rows 7 (without AOF), 8, 11, 14, 15: RTRS is somebody's."""

    def setUp(self):
        super().setUp()
        self.redis = None
        self.more = []

    def tearDown(self):
        for server in [self.redis, *self.more]:
            if server and server.process.poll() is None:
                server.process.send_signal(signal.SIGCONT)
                server.kill()
        super().tearDown()

    def use(self, redis):
        self.redis = redis
        self.settings += (f'[segment.rtrs]\nmode = external\nurl = redis://127.0.0.1:'
                          f'{redis.port}\naccept_unsafe = yes\n')
        self.write_config('')

    def connect(self, segment='rtrs', user='weir'):
        return self.redis.connect() if segment == 'rtrs' else super().connect(segment, user)

    def test_memory_only_server_forgets(self):
        self.use(Redis(os.path.join(self.temp, 'redis'), None, 'no'))
        self.start()
        before = self.generate(SEED)
        time.sleep(0.7)
        before.stop()
        self.check_duckdb(before)
        self.redis.kill()
        self.redis.start()
        after = self.generate(SEED + 100)
        self.wait_for('the change is said', lambda: 'epoch' in self.read_log())
        after.stop()
        self.check_duckdb(after)
        self.check_duckdb(before)
        self.stop()

    def test_fail_over_to_a_replica_that_is_behind(self):
        """Ids of entries that the replica did not get are given to others: told by rid."""
        self.use(Redis(os.path.join(self.temp, 'primary')))
        replica = Redis(os.path.join(self.temp, 'replica'), None, 'yes', '--replicaof',
                        '127.0.0.1', self.redis.port)
        self.more.append(replica)
        self.wait_for('the replica', lambda: b'master_link_status:up' in
                      replica.call('INFO', 'replication'))
        self.start()
        generator = self.generate(SEED)
        time.sleep(1)
        replica.process.send_signal(signal.SIGSTOP)  # behind from here
        time.sleep(0.5)
        generator.stop()
        self.check_duckdb(generator)
        self.redis.kill()
        replica.process.send_signal(signal.SIGCONT)
        self.wait_for('it listens', lambda: replica.call('PING'))
        replica.call('REPLICAOF', 'NO', 'ONE')
        replica.call('CONFIG', 'SET', 'port', self.redis.port)
        replica.port = self.redis.port
        self.redis = replica
        after = self.generate(SEED + 100)
        time.sleep(1)
        after.stop()
        self.check_duckdb(after)
        self.check_duckdb(generator)
        self.stop()

    def test_read_only_for_a_while(self):
        self.use(Redis(os.path.join(self.temp, 'redis')))
        other = Redis(os.path.join(self.temp, 'other'), None, 'no')
        self.more.append(other)
        self.start()
        generator = self.generate(SEED)
        time.sleep(0.5)
        generator.stop()
        self.check_duckdb(generator)
        with self.connect() as conn:
            conn.call('CONFIG', 'SET', 'replica-read-only', 'yes')
            conn.call('CONFIG', 'SET', 'replica-serve-stale-data', 'yes')
            conn.call('REPLICAOF', '127.0.0.1', '1')  # nobody: stays as it is, read-only
        time.sleep(1)
        with self.connect() as conn:
            conn.call('REPLICAOF', 'NO', 'ONE')
        after = self.generate(SEED + 100)
        time.sleep(0.5)
        after.stop()
        self.check_duckdb(after)
        self.check_ledger()
        self.stop()

    def test_rights_taken_away(self):
        self.use(Redis(os.path.join(self.temp, 'redis')))
        self.start()
        generator = self.generate(SEED)
        time.sleep(0.5)
        with self.connect() as conn:
            conn.call('ACL', 'SETUSER', 'default', '-xreadgroup')
        time.sleep(2)
        lines = [line for line in self.read_log().splitlines() if 'NOPERM' in line]
        self.assertTrue(1 <= len(lines) <= 6, lines)
        with self.connect() as conn:
            conn.call('ACL', 'SETUSER', 'default', '+xreadgroup')
        generator.stop()
        self.check_duckdb(generator)
        self.stop()

    def lost(self, generator):
        """How many, once they and the archived ones are all."""
        done = self.run_weir('archive', 'status', '--json', '--state', self.state, '--config',
                             self.config)
        lost = json.loads(done.stdout)['trade_results']['lost']
        kept = self.in_duckdb(generator.prefix)[0]
        return lost if kept + lost == len(generator.acked) else 0

    def test_trimmed_behind_its_back(self):
        self.use(Redis(os.path.join(self.temp, 'redis')))
        generator = self.generate(SEED)
        weir = harness.WEIR
        harness.WEIR = os.path.join(os.path.dirname(weir), 'tests', 'weir_crash')
        self.start(env={'CRASH_AT': 'read:5'})
        self.assertEqual(self.child.wait(30), -signal.SIGKILL)
        self.child.stdout.close()
        harness.WEIR = weir
        generator.stop()
        with self.connect() as conn:
            removed = conn.call('XTRIM', 'trade_results', 'MAXLEN', '0')
        self.start()
        after = self.generate(SEED + 100)
        time.sleep(0.7)
        after.stop()
        self.check_duckdb(after)
        self.wait_for('the loss is said', lambda: 'removed by somebody' in self.read_log())
        lost = self.wait_for('all is accounted for', lambda: self.lost(generator))
        self.assertGreaterEqual(removed, lost)
        done = self.run_weir('archive', 'verify', '--state', self.state, '--config', self.config,
                             '--json')
        self.assertEqual(done.returncode, 1, done.stdout)
        self.stop()


class Disk(oracle.ArchiveTest):
    """Rows 12, 23, 24: a file system without room, a damaged log."""

    def mount(self, folder, size):
        os.makedirs(folder, exist_ok=True)
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b'tmpfs', folder.encode(), b'tmpfs', 0, f'size={size}'.encode()):
            self.skipTest(f'tmpfs cannot be mounted here: {os.strerror(ctypes.get_errno())}')
        self.addCleanup(libc.umount2, folder.encode(), 2)

    def fill(self, folder, leave):
        """A ballast file; returns its path."""
        path = os.path.join(folder, 'ballast')
        with open(path, 'wb', buffering=0) as file:
            try:
                while True:
                    file.write(bytes(65536))
            except OSError:
                pass
            file.truncate(max(0, file.tell() - leave))
        return path

    def test_archive_file_has_no_room(self):
        folder = os.path.join(self.temp, 'small')
        self.mount(folder, '64m')
        self.settings = self.settings.replace(
            'checkpoint = 1s', f'checkpoint = 1s\ndisk_min = 0\nduckdb = {folder}/archive.duckdb')
        self.write_config('\n[alert.archive_writes]\nfire = 0\n')
        self.start()
        generator = self.generate(SEED)
        time.sleep(1)
        ballast = self.fill(folder, 100000)
        self.wait_for('trouble is said', lambda: 'new signals are refused' in self.read_log(), 60)
        self.wait_for('the alert fires', lambda: 'ArchiveWrites archive' in self.read_log(), 60)
        time.sleep(1)
        os.unlink(ballast)
        self.wait_for('well again', lambda: 'signals are taken again' in self.read_log(), 60)
        generator.stop()
        self.check_duckdb(generator)
        self.check_ledger()
        self.stop()

    def test_append_only_file_has_no_room(self):
        """The server ends without acknowledging; it is started again, and stays when there
        is room."""
        folder = os.path.join(self.state, 'segments', 'rtrs')
        self.mount(folder, '64m')
        self.start()
        generator = self.generate(SEED)
        time.sleep(0.7)
        pid = self.segment_pid('rtrs')
        ballast = self.fill(folder, 200000)
        self.wait_for('the server refuses or ends', lambda: generator.errors.get('MISCONF') or
                      self.segment_pid('rtrs') != pid, 30)
        time.sleep(1)
        os.unlink(ballast)
        self.wait_for('it answers again', lambda: is_acknowledged(generator), 60)
        generator.stop()
        self.check_duckdb(generator)
        self.check_ledger()
        self.stop()

    def damage(self, how):
        self.settings = self.settings.replace('checkpoint = 1s', 'checkpoint = 1h')
        self.write_config('')
        self.start()
        generator = self.generate(SEED)
        time.sleep(1.5)
        self.kill()
        wal = os.path.join(self.state, 'archive.duckdb.wal')
        self.assertGreater(os.path.getsize(wal), 10000)
        with open(wal, 'r+b') as file:
            how(file, os.path.getsize(wal))
        self.start()
        generator.stop()
        self.check_duckdb(generator)
        self.check_ledger()
        self.assertTrue([name for name in os.listdir(self.state) if 'damaged' in name])
        self.assertIn('damaged', self.read_log())
        self.stop()

    def test_log_with_a_zero_tail(self):
        self.damage(lambda file, size: (file.seek(size), file.write(bytes(4096))))

    def test_log_with_a_flipped_byte(self):
        def flip(file, size):
            file.seek(size * 3 // 4)
            byte = file.read(1)[0]
            file.seek(size * 3 // 4)
            file.write(bytes([byte ^ 0x10]))
        self.damage(flip)


@unittest.skipUnless(servers.ClickHouse.there(), 'clickhouse-server is not installed')
class Sink(oracle.ArchiveTest):
    """Rows 17, 18, 21."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='weir-test-')
        self.server = servers.ClickHouse(self.folder).start()
        self.addCleanup(harness.shutil.rmtree, self.folder, True)
        self.addCleanup(self.server.stop)
        self.settings = self.settings.replace(
            'checkpoint = 1s', f'checkpoint = 1s\nclickhouse_url = {self.server.url}')
        super().setUp()

    def check(self, generator):
        self.check_duckdb(generator)
        self.check_clickhouse(self.server, generator)
        self.check_ledger()
        self.stop()

    def test_away_for_a_while(self):
        self.start()
        generator = self.generate(SEED)
        time.sleep(1)
        self.server.kill()
        time.sleep(7)
        self.server.start()
        generator.stop()
        self.check(generator)

    def test_hangs_and_what_was_sent_lands_later(self):
        self.start()
        generator = self.generate(SEED)
        time.sleep(2)
        self.server.pause()
        time.sleep(15)
        self.server.go_on()
        generator.stop()
        self.check(generator)

    def test_killed_again_and_again(self):
        rng = random.Random(SEED)
        self.start()
        generator = self.generate(SEED)
        for _ in range(3):
            time.sleep(rng.uniform(1, 5))
            self.server.kill()
            self.server.start()
        generator.stop()
        self.check(generator)

    def test_lacks_a_column(self):
        """An operator's work: the batch is held, nothing is dropped."""
        self.start()
        first = self.generate(SEED)
        time.sleep(1)
        first.stop()
        self.check_clickhouse(self.server, first)
        self.server.query('ALTER TABLE trade_results DROP COLUMN comment')
        self.server.query('ALTER TABLE trade_results ADD COLUMN comment Int32')
        second = self.generate(SEED + 100)
        self.wait_for('it is held', lambda: 'SinkHeld' in self.read_log(), 60)
        second.stop()
        self.server.query('ALTER TABLE trade_results DROP COLUMN comment')
        self.server.query('ALTER TABLE trade_results ADD COLUMN comment Nullable(String)')
        self.check_clickhouse(self.server, second, 120)
        self.check(first)


if __name__ == '__main__':
    harness.side_by_side(__file__, [Managed, Foreign, Disk, Sink])
