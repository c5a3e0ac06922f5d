#!/usr/bin/env python3
"""weir audit against a messy Redis whose faults are known: all of them are found, little else
is, live and from the server's own dump. `weir sim mess` writes what it is told to and no more."""
import os
import subprocess

import harness
import mess

KEYS = 10000
SEEDS = (1, 2)
PRECISION = 0.98


class AuditMess(harness.WeirTest):
    def setUp(self):
        super().setUp()
        self.redis = mess.Redis(os.path.join(self.temp, 'redis')).start()
        self.truth = os.path.join(self.temp, 'truth')
        self.found = os.path.join(self.temp, 'found')

    def tearDown(self):
        self.redis.stop()
        super().tearDown()

    def check(self, seed):
        truth = mess.fill(harness.WEIR, self.redis, KEYS, seed, self.truth)
        score = mess.Score()
        # The dump first: a live audit is somebody who uses the keys.
        dump = self.redis.dump()
        score.add(truth, mess.audit(harness.WEIR, self.redis.url, self.found), f'live {seed}')
        score.add(truth, mess.audit(harness.WEIR, dump, self.found), f'dump {seed}')
        score.show()
        self.assertEqual(score.recall(), 1)
        self.assertGreaterEqual(score.precision(), PRECISION)

    def test_first_seed(self):
        self.check(SEEDS[0])

    def test_second_seed(self):
        self.check(SEEDS[1])


class SimMess(harness.WeirTest):
    def setUp(self):
        super().setUp()
        self.redis = mess.Redis(os.path.join(self.temp, 'redis')).start()

    def tearDown(self):
        self.redis.stop()
        super().tearDown()

    def sizes(self):
        with self.redis.connect() as conn:
            lines = conn.call('INFO', 'keyspace').decode().splitlines()
        return {line.partition(':')[0]: int(line.partition('keys=')[2].partition(',')[0])
                for line in lines if line.startswith('db')}

    def test_commands_on_standard_output_fill_a_server_the_same_way(self):
        truth = os.path.join(self.temp, 'truth')
        direct = mess.fill(harness.WEIR, self.redis, 6000, 4, truth)
        sizes = self.sizes()
        self.assertEqual(sum(sizes.values()), 6000)
        with self.redis.connect() as conn:
            conn.call('FLUSHALL')
        done = subprocess.run([harness.WEIR, 'sim', 'mess', '--keys', '6000', '--seed', '4',
                               '--truth', truth], stdout=subprocess.PIPE, check=True)
        with self.redis.connect() as conn:
            conn.socket.sendall(done.stdout)
            conn.send('ECHO', 'done')
            reply = None
            while reply != b'done':
                reply = conn.read()
        self.assertEqual(self.sizes(), sizes)
        self.assertEqual(mess.read_findings(truth), direct)

    def test_a_server_with_keys_is_refused_unless_forced(self):
        with self.redis.connect() as conn:
            conn.call('SELECT', 5)
            conn.call('SET', 'mine', 'kept')
        words = [harness.WEIR, 'sim', 'mess', self.redis.url, '--keys', '4000']
        refused = subprocess.run(words, capture_output=True, text=True, check=False)
        self.assertEqual(refused.returncode, 3)
        self.assertIn('has keys', refused.stderr)
        self.assertEqual(self.sizes(), {'db5': 1})
        subprocess.run([*words, '--force'], check=True, stdout=subprocess.DEVNULL)
        self.assertEqual(sum(self.sizes().values()), 4001)

    def test_idle_times_and_stale_consumers_are_on_the_server(self):
        mess.fill(harness.WEIR, self.redis, 4000, 1, os.path.join(self.temp, 'truth'))
        with self.redis.connect() as conn:
            self.assertGreater(conn.call('OBJECT', 'IDLETIME', 'last_scan_time'), 30 * 86400)
            consumer = conn.call('XINFO', 'CONSUMERS', 'orders_in:BTC', 'workers')[0]
            stream = conn.call('XINFO', 'STREAM', 'orders_in:BTC')
        told = dict(zip(consumer[::2], consumer[1::2]))
        self.assertGreater(told[b'idle'], 2 * 86400 * 1000)
        self.assertEqual(told[b'pending'], 5)
        told = dict(zip(stream[::2], stream[1::2]))
        self.assertGreater(told[b'entries-added'], told[b'length'])

    def test_what_cannot_be_is_said_in_one_line(self):
        for words, says in ((['--keys', '10'], 'too few'),
                            (['redis://127.0.0.1:1', '--keys', '4000'], 'refused'),
                            ([self.redis.url + '/3', '--keys', '4000'], 'several databases'),
                            (['--keys', '4000', '--truth', '/nowhere/truth'], '/nowhere/truth')):
            done = self.run_weir('sim', 'mess', *words)
            self.assertIn(done.returncode, (2, 3))
            self.assertIn(says, done.stderr)
            self.assertEqual(done.stderr.count('\n'), 1, done.stderr)


if __name__ == '__main__':
    harness.main()
