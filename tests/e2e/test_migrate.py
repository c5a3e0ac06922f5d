#!/usr/bin/env python3
"""weir migrate against a real server with a live writer, killed again and again: nothing that
the writer did is lost, verify holds, and rollback restores bytes, types and expiries."""
import json
import random
import subprocess
import threading
import time

import harness
from migrating import (FRAMES, SYMBOLS, Migration, MigrateTest, Redis, fill, names_of, state_of,
                       wait_until)

APPLY_POINTS = ('migrate_intent', 'migrate_written', 'migrate_done', 'migrate_piece')
FINISH_POINTS = ('migrate_removing', 'migrate_removed')
BACK_POINTS = ('migrate_restored',)


def content(client, name, kind):
    if kind == 'hash':
        flat = client.call('HGETALL', name)
        return sorted(zip(flat[::2], flat[1::2]))
    return sorted(client.call('SMEMBERS', name))


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


class Migrate(MigrateTest):
    def test_nothing_is_lost_under_a_writer_and_twenty_kills(self):
        self.assertGreater(Trial(self, 5000, 20, 1).run(), 8)

    def test_a_rerun_writes_nothing(self):
        server, client = self.serve()
        fill(client, 300, random.Random(2))
        migration = Migration(server)
        first = migration.run('apply')
        self.assertGreater(first['written'], 200)
        wait_until(lambda: not client.call('EXISTS', 'lock_31', 'locks:v1:31'))  # the last to end
        before = state_of(client, names_of(client))
        second = migration.run('apply')
        self.assertEqual((second['written'], second['backups']), (0, 0))
        self.assertEqual(state_of(client, names_of(client)), before)

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


if __name__ == '__main__':
    harness.main()
