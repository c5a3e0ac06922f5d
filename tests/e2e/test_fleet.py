"""Terminals under a running weir: the gate's rules with scripted terminals, signals and
results through real servers, and a fleet of simulated terminals with kill -9 of weir."""
import json
import os
import signal
import subprocess
import time

import harness
from harness import RespError
from terminal import Terminal, write_tokens


class FleetTest(harness.WeirTest):
    """weir with terminals t1, t2 … known, nothing else."""

    terminals = 8
    more = ''

    def setUp(self):
        super().setUp()
        self.tokens_path = os.path.join(self.temp, 'tokens')
        self.names = [f't{i}' for i in range(1, self.terminals + 1)]
        self.tokens = write_tokens(self.tokens_path, self.names)
        self.write_config(f'[fleet]\ntokens_file = {self.tokens_path}\n{self.more}')

    def terminal(self, number, **more):
        name = f't{number}'
        return Terminal(self.port('fleet'), name, more.pop('token', self.tokens[name]),
                        more.pop('login', 1000 + number), **more)

    def fleet(self):
        return {one['id']: one for one in json.loads(self.control('fleet list'))['instances']}

    def wait_state(self, name, state, seconds=20):
        return self.wait_for(f'{name} {state}', lambda: self.fleet()[name]['state'] == state,
                             seconds)

    def metric(self, line):
        for text in self.control('metrics').splitlines():
            if text.startswith(line + ' '):
                return float(text.split()[-1])
        self.fail(f'no metric {line}')

    def entries(self, segment, stream):
        """All entries of a stream, as (id, fields), of packed ones each row."""
        if stream in ('trade_results', 'trade_signals'):
            done = self.run_weir('read', '--json', '--state', self.state, '--config', self.config,
                                 stream)
            self.assertEqual(done.returncode, 0, done.stderr)
            rows = [json.loads(line) for line in done.stdout.splitlines()]
            return [(row.pop('entry'), row) for row in rows]
        with self.redis(segment, 'reader') as redis:
            found, at = [], '-'
            while True:
                page = redis.call('XRANGE', stream, at, '+', 'COUNT', 10000)
                for entry, words in page:
                    words = [word.decode() for word in words]
                    found.append((entry.decode(), dict(zip(words[::2], words[1::2]))))
                if len(page) < 10000:
                    return found
                at = '(' + page[-1][0].decode()

    def events(self):
        return [fields for _, fields in self.entries('ris', 'instance_events')]


class Gate(FleetTest):
    more = '[archive]\nduckdb =\n'  # results are looked for in their stream, which is trimmed

    def test_a_terminal_is_welcomed_runs_and_is_seen_everywhere(self):
        self.start()
        one = self.terminal(1)
        self.assertEqual(one.banner['v'], '1')
        self.assertEqual(one.banner['max'], '4096')
        one.positions = [(237511830, '0.48', '0.00000', '0.46672')]
        welcome = one.run()
        self.assertEqual((welcome['up'], welcome['snap']), ('0', '1'))
        one.send('A', 0, t=int(time.time() * 1000), bal='3346.16', eq='2271.87', mar='164.53',
                 fm='2107.34', ml='1380.82', cr='0.00', pl='-1074.29')
        one.send('Q', 0, sym='EURUSD', bid='1.08510', ask='1.08514', spr=4, dg=5, st='open')
        self.wait_state('t1', 'RUNNING')
        with self.redis('ris') as ris, self.redis('rts') as rts:
            self.wait_for('its hash', lambda: ris.call('HGET', 'instance:t1', 'eq') == b'2271.87')
            self.assertEqual(ris.call('SMEMBERS', 'instance:state:RUNNING'), [b't1'])
            self.assertGreater(ris.call('TTL', 'instance:t1'), 86000)
            self.wait_for('its account',
                          lambda: rts.call('HGET', 'account_state:t1', 'bal') == b'3346.16')
            self.wait_for('its position', lambda: rts.call(
                'HGET', 'trade_state:t1-237511830', 'tp') == b'0.46672')
            self.wait_for('the quote', lambda: rts.call(
                'HGET', 'broker_state:Test-Server:EURUSD', 'ask') == b'1.08514')
        shown = json.loads(self.control('fleet show t1'))
        self.assertEqual(shown['numbers']['ping'], '150000')
        self.assertEqual(shown['open'][0]['volume'], '0.48')
        answer = self.run_weir('ask', '--state', self.state, '/fleet')
        self.assertIn('RUNNING', answer.stdout)
        done = self.run_weir('fleet', 'list', '--state', self.state, '--format', 'csv')
        self.assertIn('t1,RUNNING', done.stdout)
        done = self.run_weir('fleet', 'history', 't1', '--state', self.state, '--format', 'csv')
        self.assertIn('150000', done.stdout, done.stderr)
        done = self.run_weir('fleet', 'show', 'nobody', '--state', self.state)
        self.assertEqual(done.returncode, 1)
        self.assertIn('instance_started', [event['event'] for event in self.events()])
        one.close()
        self.stop()

    def test_results_are_acknowledged_when_they_are_recorded_and_once(self):
        self.start()
        one = self.terminal(1)
        one.run()
        one.reliable('D', deal=391781246, ord=573345696, pos=573338240, sym='BTCUSD', sd='buy',
                     en='out', rs='sl', vol='1.00', px='63450.64', com='-19.04', pl='-107.16',
                     sv=1783436662781, cm='[sl 63450.42]')
        one.reliable('R', sid=5629499534213121, st='done', rc=10009, deal=391774213,
                     pos=573338240, sym='EURUSD', sd='buy', vol='0.10', px='1.08514', sv=1)
        while one.wait('K')[2]['up'] != '2':
            pass
        self.assertEqual([fields['rid'] for _, fields in self.entries('rtrs', 'trade_results')],
                         ['deal:Test-Server:1001:391781246', '5629499534213121-t1-391774213'])
        # the same numbers again, in the same epoch: acknowledged, not written
        again = self.terminal(1, epoch=one.epoch)
        one.close()
        self.assertEqual(again.hello()['up'], '2')
        again.send('R', 2, sid=5629499534213121, st='done', deal=391774213)
        self.assertEqual(again.wait('K')[2]['up'], '2')
        again.close()
        # and in a new epoch, after a restart of weir
        self.stop()
        self.start()
        fresh = self.terminal(1)
        welcome = fresh.run()
        self.assertEqual((welcome['up'], welcome['ld']), ('0', '391781246'))
        fresh.reliable('R', sid=5629499534213121, st='done', deal=391774213)
        self.assertEqual(fresh.wait('K')[2]['up'], '1')
        self.assertEqual(len(self.entries('rtrs', 'trade_results')), 2)
        fresh.close()
        self.stop()

    def test_a_signal_is_delivered_and_ends_with_its_result(self):
        self.start()
        one = self.terminal(1)
        one.run()
        self.wait_state('t1', 'RUNNING')
        with self.redis('rtss', 'producer') as producer:
            entry = producer.call('XADD', 'trade_signals', '*', 'id', 'sig-1', 'to', 't1', 'act',
                                  'open', 'sym', 'EURUSD', 'sd', 'buy', 'vol', '0.10', 'sl',
                                  '1.08200', 'tp', '1.08900', 'dev', '20', 'cm', 'strat7')
            self.assertRaises(RespError, producer.call, 'XDEL', 'trade_signals', entry)
        _, down, got = one.wait('G')
        self.assertEqual((got['act'], got['sym'], got['vol'], got['sl'], got['cm']),
                         ('open', 'EURUSD', '0.10', '1.08200', 'strat7'))
        self.assertTrue(0 < int(got['ttl']) <= 30000)
        one.reliable('Y', dn=down, sid=got['sid'], st='rx')
        one.reliable('R', sid=got['sid'], st='done', rc=10009, ord=1, deal=2, pos=3, sym='EURUSD',
                     sd='buy', vol='0.10', px='1.08514', ex=120, sv=1)
        while one.wait('K')[2]['up'] != '2':
            pass
        (_, result), = self.entries('rtrs', 'trade_results')
        self.assertEqual((result['id'], result['sid'], result['ins'], result['st']),
                         ('sig-1', got['sid'], 't1', 'done'))
        with self.redis('rtss') as rtss:
            self.wait_for('the entry gone', lambda: rtss.call('XLEN', 'trade_signals') == 0)
            self.assertEqual(rtss.call('EXISTS', f"signal:{got['sid']}"), 0)
        one.close()
        self.stop()

    def test_bad_signals_end_with_a_named_refusal(self):
        self.start()
        with self.redis('rtss', 'producer') as producer:
            producer.call('XADD', 'trade_signals', '*', 'id', 'a', 'to', 'nobody', 'act',
                          'closeall')
            producer.call('XADD', 'trade_signals', '*', 'id', 'b', 'to', 't1', 'act', 'open',
                          'sym', 'EURUSD', 'sd', 'buy', 'vol', 'much')
        def refusals():
            found = [fields for _, fields in self.entries('rtrs', 'trade_results')]
            return found if len(found) == 2 else None
        found = self.wait_for('two results', refusals)
        self.assertEqual([(one['id'], one['st'], one['why']) for one in found],
                         [('a', 'refused', 'to'), ('b', 'refused', 'vol')])
        self.stop()

    def test_who_is_not_who_he_says_is_refused(self):
        self.start()
        wrong = self.terminal(1, token='0' * 64)
        wrong.socket.sendall(wrong.hello_line().encode())
        self.assertEqual(wrong.closed()['code'], 'auth')
        # a hello that was heard on another connection
        first = self.terminal(2)
        line = first.hello_line()
        first.socket.sendall(line.encode())
        first.wait('W')
        second = self.terminal(3)
        second.socket.sendall(line.encode())
        self.assertEqual(second.closed()['code'], 'auth')
        self.assertEqual(self.metric('weir_gate_cut_total{reason="bad_mac"}'), 2)
        first.state()
        self.wait_state('t2', 'RUNNING')
        # the third of the address: it is shut out for a minute, those inside stay
        wrong = self.terminal(1, token='0' * 64)
        wrong.socket.sendall(wrong.hello_line().encode())
        wrong.closed()
        error = self.terminal(4).banner  # there is none: it is told to stay away
        self.assertEqual(error['code'], 'auth')
        self.assertGreater(int(error['retry']), 30000)
        first.send('P', 0, t=7)
        self.assertEqual(first.wait('p')[2]['t'], '7')
        self.stop()

    def test_two_terminals_with_one_login_the_newer_is_refused(self):
        self.start()
        first = self.terminal(1, login=77)
        first.run()
        second = self.terminal(2, login=77)
        second.socket.sendall(second.hello_line().encode())
        error = second.closed()
        self.assertEqual((error['code'], error['retry']), ('lease', '15000'))
        first.send('P', 0, t=8)
        first.wait('p')
        self.stop()

    def test_long_lines_garbage_and_slow_writers(self):
        self.start()
        good = self.terminal(1)
        good.run()
        long = self.terminal(2)
        long.hello()
        try:
            long.socket.sendall(b'S 0 t=1 x=' + b'a' * (1 << 20))
        except OSError:
            pass  # it was cut while we wrote
        self.assertIn(long.closed().get('code', 'frame'), ('frame',))
        odd = self.terminal(3)
        odd.hello()
        odd.send('X', 0, a=1)
        self.assertEqual(odd.wait('E')[2]['code'], 'verb')
        odd.socket.sendall(b'S 0 t=1 t=2\n')
        self.assertEqual(odd.closed()['code'], 'frame')
        slow = self.terminal(4)
        for byte in slow.hello_line().encode():
            slow.socket.sendall(bytes([byte]))
        slow.wait('W')
        self.assertEqual(self.metric('weir_gate_cut_total{reason="bad_verb"}'), 1)
        good.send('P', 0, t=9)
        good.wait('p')
        self.stop()

    def test_an_operator_holds_restarts_and_stops(self):
        self.start()
        one = self.terminal(1)
        one.run()
        self.wait_state('t1', 'RUNNING')
        self.assertEqual(self.run_weir('fleet', 'restart', 't1', '--state', self.state).returncode, 0)
        _, down, got = one.wait('C')
        self.assertEqual((got['op'], got['code']), ('restart', '75'))
        one.reliable('Y', dn=down, cid=got['cid'], st='ok')
        one.reliable('Z', why=9)
        one.wait('K')
        one.close()
        again = self.terminal(1)
        again.run()
        self.wait_state('t1', 'RUNNING')
        self.assertNotIn('instance_failed', [event['event'] for event in self.events()])
        self.assertEqual(self.run_weir('fleet', 'hold', 't1', '--state', self.state).returncode, 0)
        self.assertIn('held', self.fleet()['t1']['flags'])
        self.assertEqual(self.run_weir('fleet', 'release', 't1', '--state', self.state).returncode, 0)
        self.assertEqual(self.run_weir('fleet', 'stop', 't1', '--state', self.state).returncode, 0)
        _, down, got = again.wait('C')
        self.assertEqual(got['op'], 'stop')
        again.reliable('Y', dn=down, cid=got['cid'], st='ok')
        self.wait_state('t1', 'STOPPED')
        self.assertIn('instance_stopped', [event['event'] for event in self.events()])
        again.close()
        self.stop()


class Simulated(FleetTest):
    """A hundred simulated terminals that trade, and weir killed in the middle of it."""

    terminals = 100
    scenario = '[terminal]\nown_rate = 2/s\n'
    more = '[archive]\nduckdb =\n'  # its results are looked for in their stream

    def setUp(self):
        super().setUp()
        self.truth_path = os.path.join(self.temp, 'truth')
        self.scenario_path = os.path.join(self.temp, 'scenario.ini')
        with open(self.scenario_path, 'w', encoding='utf-8') as file:
            file.write(self.scenario)

    def simulate(self, port, seconds):
        return subprocess.Popen(
            [harness.WEIR, 'sim', 'fleet', '-n', str(self.terminals), '--connect',
             f'127.0.0.1:{port}', '--tokens', self.tokens_path, '--seed', '7', '--for',
             str(seconds), '--scenario', self.scenario_path, '--truth', self.truth_path, '--json'],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def truth(self):
        orders, acks = {}, {}
        with open(self.truth_path, encoding='utf-8') as file:
            for line in file:
                row = json.loads(line)
                into = orders if row['e'] == 'order' else acks
                key = (row['ins'], row['deal'])
                into[key] = into.get(key, 0) + 1
        return orders, acks

    def states(self):
        return [one['state'] for one in self.fleet().values()]

    def running(self):
        return self.states().count('RUNNING') == self.terminals

    def test_kill_9_fails_nobody_loses_nothing_and_repeats_nothing(self):
        port = harness.free_port()
        env = {'WEIR_FLEET_LISTEN': f'127.0.0.1:{port}'}
        self.start(env=env)
        sim = self.simulate(port, 120)
        self.wait_for('all running', self.running, 30)
        time.sleep(3)
        self.kill()
        self.start(env=env)
        began = time.monotonic()
        self.wait_for('all back', lambda: self.running() and
                      not any('suspect' in one['flags'] for one in self.fleet().values()), 30)
        print(f'{self.terminals} terminals back after {time.monotonic() - began:.1f} s')
        self.assertLess(time.monotonic() - began, 15)
        time.sleep(3)
        names = [event['event'] for event in self.events()]
        self.assertEqual(names.count('instance_failed'), 0)
        self.assertEqual(names.count('instance_started'), self.terminals)
        sim.send_signal(signal.SIGTERM)  # what is on its way comes to its end
        out, _ = sim.communicate(timeout=90)
        self.assertEqual(sim.returncode, 0, out)
        orders, acks = self.truth()
        recorded = {}
        for _, fields in self.entries('rtrs', 'trade_results'):
            key = (fields['ins'], int(fields['deal']))
            recorded[key] = recorded.get(key, 0) + 1
        self.assertGreater(len(acks), self.terminals)
        self.assertEqual([key for key in acks if recorded.get(key) != 1], [])
        self.assertEqual([key for key, count in recorded.items() if count != 1], [])
        self.assertEqual([key for key in recorded if key not in orders], [])
        self.stop()


if __name__ == '__main__':
    harness.side_by_side(__file__, [Gate, Simulated])
