#!/usr/bin/env python3
"""Signals from producers to terminals and back: XADD, HTTP, webhook, command line; routing,
refusals, limits, halts; one order's whole story; and weir killed at each point on the way
(fleet.md 3.4): exactly one position, exactly one final result."""
import json
import os
import random
import signal
import time

import harness
import servers
import terminal
import test_fleet

FINAL = ('done', 'fail', 'exp', 'refused')


class SignalTest(test_fleet.FleetTest):
    terminals = 3
    settings = '[market]\nfeed = off\n[archive]\ncheckpoint = 1s\n'

    def setUp(self):
        super().setUp()
        self.experts = []

    def tearDown(self):
        for expert in self.experts:
            expert.stop()
        super().tearDown()

    def expert(self, number, **how):
        name = f't{number}'
        one = terminal.Expert(lambda: self.port('fleet'), name, self.tokens[name], 1000 + number,
                              **how)
        self.experts.append(one)
        one.start()
        return one

    def begin(self, **how):
        self.start(**how)
        for number in range(1, self.terminals + 1):
            self.expert(number)
        for name in self.names:
            self.wait_state(name, 'RUNNING')

    def http(self, method, path, body=None, headers=None):
        return servers.http_call(self.port('serve'), method, path,
                                 None if body is None else json.dumps(body),
                                 headers={'Content-Type': 'application/json', **(headers or {})})

    def send(self, **fields):
        status, text = self.http('POST', '/api/v1/signals', fields)
        self.assertIn(status, (200, 202), text)
        return int(json.loads(text)['accepted'][0]['sid'])

    def finals(self, sid=None):
        """Final results, by sid and instance."""
        found = {}
        for _, fields in self.entries('rtrs', 'trade_results'):
            if fields['st'] in FINAL and (sid is None or fields.get('sid') == str(sid)):
                key = fields.get('sid'), fields.get('ins', '')
                found.setdefault(key, []).append(fields)
        return found

    def wait_final(self, sid, count=1):
        return self.wait_for(f'{count} ends of {sid}',
                             lambda: len(self.finals(sid)) >= count and self.finals(sid), 40)

    def story(self, name):
        return self.run_weir('signal', 'trace', '--state', self.state, name).stdout

    def query(self, sql):
        done = self.run_weir('archive', 'query', '--state', self.state, '--config', self.config,
                             '--format', 'json', sql)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def check_ledger(self):
        done = self.run_weir('archive', 'verify', '--deep', '--json', '--state', self.state,
                             '--config', self.config)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)


OPEN = {'act': 'open', 'sym': 'EURUSD', 'sd': 'buy', 'vol': '0.10'}


class Ways(SignalTest):
    """How signals come in, and where they go."""

    def test_over_http(self):
        self.begin()
        sid = self.send(id='h-1', to='t1', **OPEN)
        self.assertEqual(self.wait_final(sid)[str(sid), 't1'][0]['st'], 'done')
        status, text = self.http('POST', '/api/v1/signals', {'id': 'h-1', 'to': 't1', **OPEN})
        self.assertEqual((status, int(json.loads(text)['accepted'][0]['sid'])), (200, sid))
        status, text = self.http('POST', '/api/v1/signals', {'id': 'h-2', 'to': 't1',
                                                             'act': 'open', 'sym': 'EURUSD'})
        self.assertEqual(status, 422, text)
        self.assertEqual(json.loads(text)['refused'], [{'id': 'h-2', 'why': 'sd'}])
        status, text = self.http('POST', '/api/v1/signals', [
            {'id': 'h-3', 'to': 't1', **OPEN}, {'id': 'h-4', 'to': 't1', 'act': 'fly'}])
        answer = json.loads(text)
        self.assertEqual(status, 202, text)
        self.assertEqual([row['id'] for row in answer['accepted']], ['h-3'])
        self.assertEqual(answer['refused'], [{'id': 'h-4', 'why': 'act'}])
        self.assertEqual(self.http('POST', '/api/v1/signals', 'no object')[0], 400)
        self.wait_for('all is done', lambda: not self.entries('rtss', 'trade_signals'))
        self.assertEqual(self.experts[0].orders, {str(sid): 1, str(answer['accepted'][0]['sid']): 1})
        self.check_ledger()
        self.stop()

    def test_to_a_group_an_account_and_all(self):
        self.begin()
        everybody = self.send(id='a-1', to='all', **OPEN)
        group = self.send(id='a-2', to='group:all', **OPEN)
        account = self.send(id='a-3', to='account:1002@Test-Server', **OPEN)
        nobody = self.send(id='a-4', to='group:none', **OPEN)
        self.assertEqual(len(self.wait_final(everybody, 3)), 3)
        self.assertEqual(len(self.wait_final(group, 3)), 3)
        self.assertEqual(list(self.wait_final(account)), [(str(account), 't2')])
        refused = self.wait_final(nobody)[str(nobody), ''][0]
        self.assertEqual((refused['st'], refused['why'], refused['rid']),
                         ('refused', 'to', f'{nobody}--0'))
        self.wait_for('the stream is empty', lambda: not self.entries('rtss', 'trade_signals'))
        ledger = self.check_ledger()
        self.assertEqual(ledger['signals']['received'], 4)
        self.assertEqual(ledger['deliveries']['received'], 8)
        self.assertEqual(ledger['deliveries']['done'], 7)
        self.assertEqual(ledger['deliveries']['refused'], 1)
        self.stop()

    def test_from_the_command_line_and_its_whole_story(self):
        self.begin()
        done = self.run_weir('signal', 'send', '--state', self.state, 'id=c-1', 'to=t2',
                             'act=open', 'sym=EURUSD', 'sd=sell', 'vol=0.30')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('c-1', done.stdout)
        self.wait_for('its row', lambda: self.query(
            "SELECT status FROM signals WHERE signal_id = 'c-1'") == [{'status': 'done'}])
        story = self.wait_for('its result', lambda: 'result done' in self.story('c-1') and
                              self.story('c-1'))
        for word in ('taken', 'sent', 'confirmed', 'ended', 't2'):
            self.assertIn(word, story)
        bad = self.run_weir('signal', 'send', '--state', self.state, 'id=c-2', 'to=t2')
        self.assertEqual(bad.returncode, 1)
        self.assertIn('act', bad.stderr)
        nobody = self.run_weir('signal', 'trace', '--state', self.state, 'nobody')
        self.assertEqual(nobody.returncode, 1)
        self.stop()

    def test_by_a_webhook_with_its_token_in_the_path(self):
        tokens = os.path.join(self.temp, 'http-tokens')
        with open(os.open(tokens, os.O_WRONLY | os.O_CREAT, 0o600), 'w',
                  encoding='utf-8') as file:
            file.write('tv 0123456789abcdef0123456789abcdef signal\n'
                       'eye fedcba9876543210fedcba9876543210 read\n')
        self.settings += f'[serve]\ntokens_file = {tokens}\n'
        self.write_config(f'[fleet]\ntokens_file = {self.tokens_path}\n')
        self.begin()
        body = {'id': 'w-1', 'to': 't1', **OPEN}
        self.assertEqual(self.http('POST', '/api/v1/signals', body)[0], 401)
        eye = {'Authorization': 'Bearer fedcba9876543210fedcba9876543210'}
        self.assertEqual(self.http('POST', '/api/v1/signals', body, eye)[0], 403)
        status, text = self.http('POST', '/hook/0123456789abcdef0123456789abcdef', body)
        self.assertEqual(status, 202, text)
        self.assertIn(self.http('POST', '/hook/wrong', body)[0], (401, 404))
        sid = json.loads(text)['accepted'][0]['sid']
        self.wait_final(sid)
        self.assertNotIn('0123456789abcdef', self.read_log())
        self.stop()

    def test_halted_limited_and_of_unknown_symbols(self):
        self.write_config(f"""[fleet]
tokens_file = {self.tokens_path}
[symbols.Test-Server]
EURUSD = EURUSD.r
[limits]
max_volume = 1
""")
        self.begin()
        fine = self.send(id='l-1', to='t1', **OPEN)
        self.assertEqual(self.wait_final(fine)[str(fine), 't1'][0]['sym'], 'EURUSD.r')
        for number, (fields, why) in enumerate((({'vol': '1.01'}, 'limit_volume'),
                                                ({'sym': 'GBPUSD'}, 'sym'))):
            sid = self.send(id=f'l-2{number}', to='t1', **{**OPEN, **fields})
            result = self.wait_final(sid)[str(sid), 't1'][0]
            self.assertEqual((result['st'], result['why']), ('refused', why))
        done = self.run_weir('fleet', 'halt', '--state', self.state, 't1')
        self.assertEqual(done.returncode, 0, done.stderr)
        sid = self.send(id='l-3', to='t1', **OPEN)
        self.assertEqual(self.wait_final(sid)[str(sid), 't1'][0]['why'], 'halted')
        self.stop()
        self.start()  # a halt outlives weir
        self.wait_state('t1', 'RUNNING')
        sid = self.send(id='l-4', to='t1', **OPEN)
        self.assertEqual(self.wait_final(sid)[str(sid), 't1'][0]['why'], 'halted')
        done = self.run_weir('fleet', 'resume', '--state', self.state, 't1')
        self.assertEqual(done.returncode, 0, done.stderr)
        sid = self.send(id='l-5', to='t1', **OPEN)
        self.assertEqual(self.wait_final(sid)[str(sid), 't1'][0]['st'], 'done')
        self.check_ledger()
        self.stop()

    def test_an_order_that_nobody_takes_expires_by_name(self):
        self.start()
        sid = self.send(id='e-1', to='t1', exp=int(time.time() * 1000) + 1500, **OPEN)
        result = self.wait_final(sid)[str(sid), 't1'][0]
        self.assertEqual((result['st'], result['try']), ('exp', '0'))
        ledger = self.check_ledger()
        self.assertEqual(ledger['deliveries']['expired_undelivered'], 1)
        self.stop()

    def test_sessions_and_preferences(self):
        self.start()
        self.assertEqual(self.http('GET', '/api/v1/sessions/ann')[0], 404)
        self.assertEqual(self.http('PUT', '/api/v1/sessions/ann', {'sid': 'x1', 'ip': '10.1.1.1'})[0],
                         200)
        self.assertEqual(self.http('PUT', '/api/v1/preferences/ann', {'theme': 'dark'})[0], 200)
        self.assertEqual(self.http('PUT', '/api/v1/preferences/ann', {'colour': 'red'})[0], 422)
        self.stop()
        self.start()
        status, text = self.http('GET', '/api/v1/sessions/ann')
        self.assertEqual((status, json.loads(text)['sid']), (200, 'x1'))
        self.assertEqual(json.loads(self.http('GET', '/api/v1/preferences/ann')[1])['theme'], 'dark')
        with self.redis('rss') as rss:
            self.assertEqual(rss.call('TTL', 'session:ann'), -1)
        self.assertEqual(self.http('DELETE', '/api/v1/sessions/ann')[0], 200)
        self.assertEqual(self.http('GET', '/api/v1/sessions/ann')[0], 404)
        self.stop()


class Crashes(SignalTest):
    """weir is killed at a point on the way, again and again, while signals come."""

    def crash_at(self, point, at_most=12):
        """Three crashes; a signal each 30 ms, to one terminal or to all."""
        weir = harness.WEIR
        sent, rng = {}, random.Random(point)
        crash = os.path.join(os.path.dirname(weir), 'tests', 'weir_crash')
        self.start()
        for number in range(1, self.terminals + 1):
            self.expert(number, delay=0.01)
        for name in self.names:
            self.wait_state(name, 'RUNNING')
        self.stop()
        try:
            for seed in range(3):
                harness.WEIR = crash
                self.start(env={'CRASH_AT': f'{point}:{rng.randint(1, at_most)}'})
                self.produce(sent, seed)
                self.assertEqual(self.child.wait(60), -signal.SIGKILL, self.read_log()[-2000:])
                self.child.stdout.close()
        finally:
            harness.WEIR = weir
        self.start()
        for name in self.names:
            self.wait_state(name, 'RUNNING', 60)
        self.wait_for('all signals are done', lambda: not self.entries('rtss', 'trade_signals'), 90)
        self.check_ledger()  # which waits until what has come is archived
        self.judge(sent)
        self.stop()

    def produce(self, sent, seed):
        """Until weir is dead; what was acknowledged counts, the rest may have come."""
        for number in range(2000):
            if self.child.poll() is not None:
                return
            to = random.Random(f'{seed}{number}').choice(['t1', 't2', 't3', 'all'])
            try:
                with self.redis('rtss', 'producer') as producer:
                    producer.call('XADD', 'trade_signals', '*', 'id', f's{seed}-{number}', 'to', to,
                                  *sum(OPEN.items(), ()))
                sent[f's{seed}-{number}'] = to
            except OSError:
                pass
            if point_is_http(number):
                self.http('POST', '/api/v1/signals', {'id': f'h{seed}-{number}', 'to': 't1', **OPEN})
            time.sleep(0.03)

    def judge(self, sent):
        rows = self.query('SELECT signal_id, instance, status, CAST(sid AS VARCHAR) AS sid '
                          'FROM signals')
        by_id = {}
        for row in rows:
            by_id.setdefault(row['signal_id'], []).append(row)
        for name, to in sent.items():
            count = self.terminals if to == 'all' else 1
            self.assertEqual(len(by_id.get(name, [])), count, (name, to, by_id.get(name)))
        finals = {}
        for row in self.query("SELECT CAST(sid AS VARCHAR) AS sid, instance FROM trade_results "
                              "WHERE status IN ('done', 'fail', 'exp', 'refused')"):
            key = row['sid'], row['instance']
            finals[key] = finals.get(key, 0) + 1
        for row in rows:
            self.assertEqual(finals.get((row['sid'], row['instance'])), 1, row)
        for expert in self.experts:
            self.assertEqual([sid for sid, n in expert.orders.items() if n != 1], [])

    def test_signal_sent(self):
        self.crash_at('signal_sent')

    def test_result_put(self):
        self.crash_at('result_put')

    def test_signal_done(self):
        self.crash_at('signal_done')

    def test_signal_add(self):
        self.crash_at('signal_add', 5)


def point_is_http(number):
    """Some come by HTTP, as well: the point signal_add is on that way."""
    return number % 3 == 0


if __name__ == '__main__':
    harness.side_by_side(__file__, [Ways, Crashes])
