"""weir up on real servers: answers, kill -9 of weir and of each segment, reload,
clean stop. Market data comes from the simulator."""
import json
import os
import signal
import time

import harness
from harness import SEGMENTS, pids_under


class Up(harness.WeirTest):
    settings = '[market]\nfeed = sim\nsymbols = BTC,ETH\n'

    def ask(self, question):
        done = self.run_weir('ask', '--json', '--state', self.state, question)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def wait_for_history(self):
        """26 h of simulated trades: two seconds, and minutes under a sanitizer."""
        return self.wait_for('a day of history', self.history_is_there, 150)

    def segment_pids(self):
        return {name: self.segment_pid(name) for name in SEGMENTS}

    def history_is_there(self):
        answer = self.ask('/price BTC')
        return answer if answer and answer['coverage']['minutes'] >= 1440 else None

    def test_a_newcomer_gets_answers_that_say_simulated(self):
        self.start()
        answer = self.wait_for_history()
        self.assertIn('SIMULATED', answer['text'])
        for question in ('/price', '/volume ETH 5m', '/cvd ETH 5m', '/momentum BTC', '/flow eth'):
            answer = self.ask(question)
            self.assertIsNotNone(answer, question)
            self.assertTrue(answer['data']['markets'] if 'markets' in answer['data'] else True)
        self.assertEqual(self.run_weir('ask', '--state', self.state, '/help').returncode, 0)
        self.assertEqual(self.run_weir('ask', '--state', self.state, '/price NOSUCH').returncode, 1)
        self.assertEqual(self.run_weir('ask', '--state', self.state, '/prise BTC').returncode, 2)
        self.stop()
        self.assertEqual(pids_under(self.temp), [])
        self.assertNotIn('weir.sock', os.listdir(os.path.join(self.state, 'run')))

    def test_sockets_and_secrets_are_for_their_owner_only(self):
        self.start()
        run = os.path.join(self.state, 'run')
        for name in [f'{s}.sock' for s in SEGMENTS] + ['weir.sock', 'users']:
            self.assertEqual(os.stat(os.path.join(run, name)).st_mode & 0o777, 0o600, name)
        self.stop()

    def test_after_kill_9_weir_adopts_the_servers_and_continues(self):
        self.start()
        before = self.wait_for_history()
        time.sleep(1.5)  # a flush interval: what may be lost is what came after it
        servers = self.segment_pids()
        self.assertTrue(all(servers.values()), servers)
        self.child.kill()
        self.child.wait()
        self.child.stdout.close()
        self.assertEqual(self.segment_pids(), servers)
        line = self.start()
        self.assertIn('8 markets back', line)
        self.assertEqual(self.segment_pids(), servers)
        after = self.wait_for_history()
        self.assertGreaterEqual(after['as_of_ms'], before['as_of_ms'])
        self.stop()

    def test_each_segment_killed_comes_back_and_nothing_is_lost(self):
        self.start()
        self.wait_for_history()
        for name in SEGMENTS:
            pid = self.segment_pids()[name]
            os.kill(pid, signal.SIGKILL)
            def again():
                now = self.segment_pids().get(name)
                return now if now and now != pid else None
            self.wait_for(f'{name} restarted', again)
        def all_up():
            status = self.run_weir('redis', '--state', self.state, 'rms', 'ping')
            return status.stdout.strip() == 'PONG'
        self.wait_for('rms answers', all_up)
        before = self.ask('/cvd BTC')
        self.stop()
        self.write_config('stale_ms = 1h\n')
        after = self.ask('/cvd BTC')  # from the state directory alone
        self.assertGreaterEqual(after['as_of_ms'], before['as_of_ms'])
        self.assertGreaterEqual(after['coverage']['minutes'], before['coverage']['minutes'] - 1)
        self.assertEqual(pids_under(self.temp), [])

    def test_a_stop_waits_for_a_server_that_was_just_killed(self):
        for _ in range(3):
            self.start()
            self.wait_for('a trade', lambda: self.ask('/price BTC'))
            os.kill(self.segment_pid('rms'), signal.SIGKILL)
            self.stop()
        self.assertEqual(pids_under(self.temp), [])

    def test_two_signals_at_once_are_one(self):
        self.start()
        self.child.send_signal(signal.SIGTERM)
        self.child.send_signal(signal.SIGINT)
        self.stop()
        self.assertEqual(pids_under(self.temp), [])

    def test_sighup_reloads_all_or_nothing(self):
        self.start()
        self.write_config('stale_ms = 20s\n')
        self.child.send_signal(signal.SIGHUP)
        self.wait_for('the reload', lambda: 'config: reloaded' in self.read_log())
        self.write_config('stale_ms = 5s\nsim_seed = 9\n')
        self.child.send_signal(signal.SIGHUP)
        self.wait_for('the refusal', lambda: 'not reloaded: market.sim_seed' in self.read_log())
        self.write_config('stale_ms = soon\n')
        self.child.send_signal(signal.SIGHUP)
        self.wait_for('the error', lambda: 'weir.conf:4:12: market.stale_ms' in self.read_log())
        self.stop()

    def test_errors_are_one_line_each(self):
        cases = [
            ({'WEIR_REDIS_SERVER': '/nonexistent/redis-server'}, ['up'], 'redis-server'),
            ({'WEIR_MARKET_FEED': 'live', 'WEIR_VENUE_BYBIT_PERP_CA_FILE': '/nonexistent.pem'},
             ['up'], '/nonexistent.pem'),
            ({}, ['replay', '--as', 'binance:perp', '/nonexistent.gz'], '/nonexistent.gz'),
            ({}, ['ask', '/price'], 'no state directory'),
            ({}, ['tape', 'stat'], 'no state directory'),
        ]
        for number, (env, args, text) in enumerate(cases):
            state = os.path.join(self.temp, f'none-{number}')
            done = self.run_weir(*args, '--state', state, env=env)
            self.assertEqual(done.returncode, 3, (args, done.stderr))
            self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
            self.assertIn(text, done.stderr)

    def test_a_newer_state_directory_is_refused(self):
        os.makedirs(self.state)
        with open(os.path.join(self.state, 'schema'), 'w', encoding='utf-8') as file:
            file.write('99\n')
        done = self.run_weir('up', '--state', self.state)
        self.assertEqual(done.returncode, 3)
        self.assertIn('schema 99', done.stderr)

    def test_simulated_and_real_trades_never_mix(self):
        self.start()
        self.wait_for_history()
        self.stop()
        frame = os.path.join(self.temp, 'frames')
        with open(frame, 'w', encoding='utf-8') as file:
            file.write('{"e":"aggTrade","E":1723161256560,"s":"ETHUSDT","a":1,"p":"1.5","q":"2",'
                       '"f":1,"l":1,"T":1723161256559,"m":true}\n')
        done = self.run_weir('replay', '--as', 'binance:perp', '--state', self.state, frame)
        self.assertEqual(done.returncode, 3)
        self.assertIn('SIMULATED', done.stderr)


if __name__ == '__main__':
    harness.main()
