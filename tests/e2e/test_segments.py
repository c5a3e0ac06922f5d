"""The managed segments under the real binary: users, adoption, restarts, refusals,
external servers, clean stop. The client is plain sockets, not weir's own."""
import os
import signal
import subprocess
import time

from harness import RespError, Resp, SEGMENTS, WeirTest, free_port, main, pids_under


class Segments(WeirTest):
    # Nobody but the tests reads what they write.
    settings = '[market]\nfeed = off\n[fleet]\non = no\n'

    def fails_with(self, text, *args, env=None, command='up'):
        done = self.run_weir(command, '--state', self.state, '--config', self.config, *args, env=env)
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        lines = done.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertIn(text, lines[0])
        self.assertEqual(pids_under(self.temp), [])

    def test_every_segment_answers_its_users(self):
        self.start()
        for name in SEGMENTS:
            for user in ('weir', 'producer', 'reader', 'metrics'):
                with self.redis(name, user) as redis:
                    self.assertEqual(redis.call('PING'), 'PONG')
            path = os.path.join(self.state, 'run', f'{name}.sock')
            with Resp(path) as nobody, self.assertRaisesRegex(RespError, 'NOAUTH'):
                nobody.call('PING')
            with self.assertRaisesRegex(RespError, 'WRONGPASS'):
                Resp(path, 'default', '')
        self.stop()
        self.assertEqual(pids_under(self.temp), [])
        self.assertEqual([n for n in os.listdir(os.path.join(self.state, 'run')) if n.endswith('.sock')], [])

    def test_a_producer_only_adds_signals(self):
        self.start()
        with self.redis('rtss', 'producer') as redis:
            self.assertTrue(redis.call('XADD', 'trade_signals', '*', 'id', 'a'))
            for words in (('XADD', 'x', '*', 'a', 'b'), ('XTRIM', 'trade_signals', 'MAXLEN', 0),
                          ('DEL', 'trade_signals'), ('FLUSHALL',), ('CONFIG', 'GET', '*')):
                with self.assertRaisesRegex(RespError, 'NOPERM'):
                    redis.call(*words)
        with self.redis('rts', 'producer') as redis, self.assertRaisesRegex(RespError, 'NOPERM'):
            redis.call('XADD', 'trade_signals', '*', 'id', 'a')
        with self.redis('rtss', 'reader') as redis:
            self.assertEqual(redis.call('XLEN', 'trade_signals'), 1)
            for words in (('KEYS', '*'), ('SET', 'a', 'b'), ('SHUTDOWN',)):
                with self.assertRaisesRegex(RespError, 'NOPERM'):
                    redis.call(*words)
        self.stop()

    def test_acknowledged_signals_survive_kill_9_of_their_server(self):
        self.start()
        ids = []
        for _ in range(3):
            with self.redis('rtss', 'producer') as redis:
                ids += [redis.call('XADD', 'trade_signals', '*', 'id', len(ids)) for _ in range(50)]
            pid = self.segment_pid('rtss')
            os.kill(pid, signal.SIGKILL)
            self.wait_for('rtss restarted', lambda: self.segment_pid('rtss') not in (0, pid))
            self.wait_for('rtss answers', self.answers('rtss'))
        with self.redis('rtss', 'reader') as redis:
            self.assertEqual([entry[0] for entry in redis.call('XRANGE', 'trade_signals', '-', '+')], ids)
        self.stop()

    def answers(self, name):
        def ask():
            try:
                with self.redis(name, 'metrics') as redis:
                    return redis.call('PING') == 'PONG'
            except (OSError, RespError):
                return False
        return ask

    def test_kill_9_of_weir_and_of_a_server_while_it_is_away(self):
        self.start()
        before = {name: self.segment_pid(name) for name in SEGMENTS}
        password = self.password('rms', 'weir')
        self.kill()
        os.kill(before['rls'], signal.SIGKILL)
        self.wait_for('rls gone', lambda: not self.segment_pid('rls'))
        self.start()
        after = {name: self.segment_pid(name) for name in SEGMENTS}
        self.assertNotIn(after.pop('rls'), (0, before.pop('rls')))
        self.assertEqual(after, before)
        self.assertEqual(self.password('rms', 'weir'), password)
        for name in SEGMENTS:
            self.assertEqual(len(pids_under(os.path.join(self.state, 'segments', name))), 1)
        self.stop()
        self.assertEqual(pids_under(self.temp), [])

    def test_adopted_servers_take_the_new_configuration(self):
        self.start()
        self.kill()
        port = free_port()
        self.write_config(f'[segment.rss]\nmaxmemory = 33mb\nport = {port}\n')
        self.start()
        with Resp(('127.0.0.1', port), 'weir', self.password('rss', 'weir')) as redis:
            self.assertEqual(redis.call('CONFIG', 'GET', 'maxmemory')[1], b'34603008')
        with open(os.path.join(self.state, 'run', 'ports'), encoding='utf-8') as file:
            self.assertIn(f'rss 127.0.0.1:{port}\n', file.read())
        self.stop()

    def test_a_second_weir_on_the_directory_is_refused(self):
        self.start()
        done = self.run_weir('up', '--state', self.state, '--config', self.config)
        self.assertEqual(done.returncode, 3)
        self.assertIn(f'pid {self.child.pid}', done.stderr)
        self.assertTrue(self.answers('rms')())
        self.stop()

    def test_each_failure_has_its_line(self):
        self.fails_with('redis-server', env={'WEIR_REDIS_SERVER': '/no/such/redis-server'})
        self.fails_with('MB', env={'WEIR_SEGMENT_RTS_MAXMEMORY': '1000gb'})
        self.fails_with('segment.rts', env={'WEIR_SEGMENT_RTS_MODE': 'external'})
        self.fails_with('127.0.0.1', env={'WEIR_SEGMENT_RTS_MODE': 'external',
                                          'WEIR_SEGMENT_RTS_URL': 'redis://127.0.0.1:1',
                                          'WEIR_REDIS_START_TIMEOUT_MS': '300'})

    def test_a_long_state_path_works_through_the_run_link(self):
        self.state = os.path.join(self.temp, 'x' * 90, 'y' * 60)
        run = os.path.join(self.temp, 'r')
        os.mkdir(run, 0o700)
        env = {'XDG_RUNTIME_DIR': run}
        self.start(env=env)
        self.assertTrue(os.path.islink(os.path.join(self.state, 'run')))
        with self.redis('rms') as redis:
            self.assertEqual(redis.call('PING'), 'PONG')
        done = self.run_weir('redis', '--state', self.state, '--config', self.config, 'rms', 'ping', env=env)
        self.assertEqual(done.stdout, 'PONG\n', done.stderr)
        self.stop()

    def test_the_printed_configuration_starts_a_server(self):
        for name in SEGMENTS:
            done = self.run_weir('redis', '--print-config', '--state', self.state, name)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn('maxmemory-policy', done.stdout)
            self.assertFalse(os.path.exists(self.state))
        lines = [line for line in done.stdout.splitlines() if line.split()[0] not in ('dir', 'aclfile', 'unixsocket')]
        path = os.path.join(self.temp, 'printed.conf')
        sock = os.path.join(self.temp, 's')
        with open(path, 'w', encoding='utf-8') as file:
            file.write('\n'.join(lines) + f'\ndir {self.temp}\nunixsocket {sock}\n')
        server = subprocess.Popen(['redis-server', path], stdout=subprocess.DEVNULL)
        self.wait_for('the server', lambda: os.path.exists(sock) or server.poll() is not None)
        self.assertIsNone(server.poll())
        server.kill()
        server.wait()

    def test_an_external_money_segment_must_not_evict(self):
        sock = os.path.join(self.temp, 'ext.sock')
        server = subprocess.Popen(['redis-server', '--port', '0', '--unixsocket', sock, '--dir', self.temp,
                                   '--save', '', '--appendonly', 'yes', '--maxmemory-policy', 'volatile-lru'],
                                  stdout=subprocess.DEVNULL)
        try:
            self.wait_for('the server', lambda: os.path.exists(sock))
            env = {'WEIR_SEGMENT_RTS_MODE': 'external', 'WEIR_SEGMENT_RTS_URL': f'unix://{sock}'}
            done = self.run_weir('up', '--state', self.state, '--config', self.config, env=env)
            self.assertEqual(done.returncode, 3)
            self.assertIn('volatile-lru', done.stderr)
            self.start(env={**env, 'WEIR_SEGMENT_RTS_ACCEPT_UNSAFE': 'yes'})
            self.assertEqual(self.segment_pid('rts'), 0)
            self.stop()
            self.assertIsNone(server.poll())
        finally:
            server.kill()
            server.wait()

    def test_a_loading_server_is_waited_for(self):
        self.start()
        with self.redis('rms') as redis:
            for start in range(0, 200000, 5000):
                for i in range(start, start + 5000):
                    redis.send('SET', f'k{i}', 'x' * 100)
                for i in range(5000):
                    redis.read()
        self.stop()
        began = time.monotonic()
        self.start()
        print(f'  200,000 keys back after {time.monotonic() - began:.2f} s')
        with self.redis('rms') as redis:
            self.assertEqual(redis.call('DBSIZE'), 200000)
        self.stop()


if __name__ == '__main__':
    main()
