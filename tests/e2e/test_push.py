"""WebSockets against a running weir: topics, changes that add up to what GET says, pause,
questions, who is let in, and clients that do not read."""
import json
import os

import harness
import servers
import ws_client
from ws_client import WebSocket

TOKEN = 'read-token-of-the-test-1'


class Wired(harness.WeirTest):
    def get(self, path):
        return servers.http_call(self.port('serve'), 'GET', path)

    def get_json(self, path):
        status, text = self.get(path)
        self.assertEqual(status, 200, text)
        return json.loads(text)

    def open(self, **options):
        ws = WebSocket(self.port('serve'), **options)
        self.addCleanup(ws.close)
        return ws

    def refused(self, status, **options):
        with self.assertRaises(ws_client.Refused) as refused:
            self.open(**options)
        self.assertEqual(refused.exception.status, status, refused.exception.body)
        self.assertEqual(json.loads(refused.exception.body)['status'], status)
        return refused.exception


class Push(Wired):
    settings = ('[market]\nfeed = sim\nsymbols = BTC,ETH\n[fleet]\ndemo = 6\n'
                '[archive]\nduckdb =\n')

    def test_topics_and_changes(self):
        self.start('--demo')
        ws = self.open()
        self.assertEqual(ws.protocol, 'weir.v1')
        self.topics_are_what_get_says(ws)
        self.changes_add_up(ws, 'fleet', 'instances', 'id', '/api/v1/fleet')
        self.changes_add_up(ws, 'markets', 'markets', 'market', '/api/v1/markets')
        self.bars_go_on(ws)
        self.a_terminal_is_told(ws)
        self.nothing_comes_while_paused(ws)
        self.questions_are_answered(ws)
        self.what_is_wrong_is_said(ws)
        self.fragments_and_pings(ws)
        self.frames_that_may_not_be_so()
        self.who_may_not_listen()
        self.as_many_as_may_be()
        self.stop()

    def topics_are_what_get_says(self, ws):
        ws.say(op='sub', topics=['now', 'memory', 'alerts', 'ledger'])
        for name in ('now', 'memory', 'alerts', 'ledger'):
            message = ws.topic(name)
            self.assertGreater(message['t_ms'], 1e12)
            answer = self.get_json(f'/api/v1/{name}')
            self.assertEqual(sorted(message['data']), sorted(answer), name)
        ws.say(op='unsub', topics=['now', 'memory', 'alerts', 'ledger'])
        self.until_answered(ws)

    def until_answered(self, ws):
        """All that was sent before is read."""
        ws.say(op='ask', id='fence', q='/help')
        return ws.wait(lambda message: message.get('answer') == 'fence')[1]

    def changes_add_up(self, ws, topic, rows, key, path):
        """Whole, then changes: put together they are what somebody who comes later gets whole at
        the same moment, and that is what GET answers."""
        ws.say(op='sub', topics=[topic])
        held = {row[key]: row for row in ws.topic(topic)['data'][rows]}
        self.assertTrue(held)
        changed = 0
        for _ in range(200):
            changed += self.take_change(ws, topic, key, held)[1]
            if changed:
                break
        self.assertTrue(changed)
        with self.open() as later:
            later.say(op='sub', topics=[topic])
            whole = later.topic(topic)
        while self.take_change(ws, topic, key, held)[0] != whole['t_ms']:
            pass
        self.assertEqual(held, {row[key]: row for row in whole['data'][rows]})
        answer = self.get_json(path)
        self.assertEqual(set(held), {row[key] for row in answer[rows]})
        self.assertEqual(sorted(whole['data']), sorted(answer))
        self.assertEqual(sorted(whole['data'][rows][0]), sorted(answer[rows][0]))
        ws.say(op='unsub', topics=[topic])
        self.until_answered(ws)

    def take_change(self, ws, topic, key, held):
        message = ws.topic(topic)
        self.assertNotIn('data', message)
        held.update({row[key]: row for row in message['changed']})
        for gone in message['gone']:
            del held[gone]
        return message['t_ms'], len(message['changed'])

    def bars_go_on(self, ws):
        market = self.get_json('/api/v1/markets')['markets'][0]['market']
        topic = f'bars:{market}:1m'
        ws.say(op='sub', topics=[topic])
        whole = ws.topic(topic)['data']
        self.assertEqual(whole['market'], market)
        self.assertLessEqual(len(whole['bars']['t']), 300)
        self.assertEqual(len({len(column) for column in whole['bars'].values()}), 1)
        bar = ws.topic(topic)['bar']
        self.assertEqual(sorted(bar), sorted(['t', 'o', 'h', 'l', 'c', 'buy', 'sell', 'cvd',
                                              'partial']))
        self.assertGreaterEqual(bar['t'], whole['bars']['t'][-1] - 60000)
        ws.say(op='unsub', topics=[topic])
        self.until_answered(ws)

    def a_terminal_is_told(self, ws):
        name = self.get_json('/api/v1/fleet')['instances'][0]['id']
        ws.say(op='sub', topics=[f'terminal:{name}', 'terminal:nobody'])
        error, before = ws.wait(lambda message: 'error' in message)
        self.assertIn('terminal:nobody', error['error'])
        message = next((m for m in before if m.get('topic')), None) or ws.topic(f'terminal:{name}')
        self.assertEqual(message['data']['id'], name)
        self.assertIn('numbers', message['data'])
        ws.say(op='unsub', topics=[f'terminal:{name}'])
        self.until_answered(ws)

    def nothing_comes_while_paused(self, ws):
        ws.say(op='sub', topics=['fleet'])
        ws.topic('fleet')
        ws.say(op='pause')
        self.until_answered(ws)
        seen = self.whole_told()
        with self.open() as other:  # others are told meanwhile
            other.say(op='sub', topics=['fleet'])
            for _ in range(3):
                other.topic('fleet')
        self.assertEqual(self.until_answered(ws), [])
        self.assertGreater(self.whole_told(), seen)
        ws.say(op='resume')
        self.assertIn('data', ws.topic('fleet'))  # it has missed some: all of it
        ws.say(op='unsub', topics=['fleet'])
        self.until_answered(ws)

    def metric(self, name):
        for line in self.get('/metrics')[1].splitlines():
            if line.startswith(name + ' '):
                return float(line.split()[-1])
        self.fail(f'no {name}')

    def whole_told(self):
        return self.metric('weir_push_messages_total{what="whole"}')

    def questions_are_answered(self, ws):
        ws.say(op='ask', id=7, q='/price BTC')
        message = ws.wait(lambda m: 'answer' in m)[0]
        self.assertEqual(message['answer'], 7)
        self.assertEqual(message['data']['symbol'], 'BTC')
        self.assertEqual(message['data']['command'], 'price')
        for i in range(100):
            ws.say(op='ask', id=i, q='/help')
        ends = [ws.next() for _ in range(100)]
        self.assertTrue(any('questions in a second' in end.get('error', '') for end in ends))
        self.wait_for('another second', lambda: self.may_ask(ws))

    def may_ask(self, ws):
        ws.say(op='ask', id=0, q='/help')
        return 'answer' in ws.next()

    def what_is_wrong_is_said(self, ws):
        for text, word in (('{', 'JSON'), ('[]', 'JSON'), ('{"op":"dance"}', 'op is'),
                           ('{"op":"sub"}', 'topics'), ('{"op":"sub","topics":["x"]}', 'no such'),
                           ('{"op":"sub","topics":["now:x"]}', 'nothing behind'),
                           ('{"op":"sub","topics":["bars:BTC"]}', 'MARKET:TF'),
                           ('{"op":"sub","topics":["terminal"]}', 'colon'),
                           ('{"op":"ask","q":"/help"}', 'id')):
            ws.send_frame(0x81, text.encode())
            self.assertIn(word, ws.wait(lambda m: 'error' in m)[0]['error'], text)
        ws.say(op='sub', topics=[f'terminal:{i}' for i in range(17)])
        ws.wait(lambda m: '16 topics' in m.get('error', ''))
        ws.say(op='unsub', topics=[f'terminal:{i}' for i in range(17)])
        self.until_answered(ws)

    def fragments_and_pings(self, ws):
        ws.send_frame(0x01, b'{"op":"ask","id":1,')
        ws.send_frame(0x89, b'alive')
        ws.send_frame(0x80, b'"q":"/help"}')
        opcode, payload = ws.frame()
        self.assertEqual((opcode, payload), (10, b'alive'))
        ws.wait(lambda m: m.get('answer') == 1)

    def frames_that_may_not_be_so(self):
        for first, payload, code in ((0x82, b'binary', 1003), (0x81, b'\xff', 1007),
                                     (0x81, b'x' * 70000, 1009), (0xc1, b'', 1002),
                                     (0x88, b'\x03\xe8bye', 1000)):
            ws = self.open()
            ws.send_frame(first, payload)
            with self.assertRaises(ws_client.Closed) as closed:
                ws.next()
            self.assertEqual(closed.exception.code, code)

    def who_may_not_listen(self):
        port = self.port('serve')
        self.refused(403, headers={'Origin': 'http://evil.example'})
        self.refused(421, headers={'Host': 'evil.example'})
        self.refused(400, protocols=())
        self.refused(400, protocols=('weir.v2',))
        self.refused(400, headers={'Sec-WebSocket-Key': 'short'})
        self.refused(400, headers={'Sec-WebSocket-Key': None})
        self.refused(426, headers={'Upgrade': None})
        refused = self.refused(426, headers={'Sec-WebSocket-Version': '8'})
        self.assertEqual(refused.headers['sec-websocket-version'], '13')
        self.open(headers={'Origin': f'http://127.0.0.1:{port}'}).close()

    def as_many_as_may_be(self):
        """One is open already; those of before may not be counted out yet."""
        self.wait_for('the others to be gone',
                      lambda: self.metric('weir_push_clients') == 1)
        many = [self.open() for _ in range(31)]
        self.assertIn('32', self.refused(503).body)
        for ws in many:
            ws.close()



class Tokens(Wired):
    settings = '[market]\nfeed = sim\nsymbols = BTC\n[archive]\nduckdb =\n'

    def test_tokens(self):
        path = os.path.join(self.temp, 'http-tokens')
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), 'w', encoding='utf-8') as file:
            file.write(f'page {TOKEN} read\nbot signal-token-of-the-test signal\n')
        self.write_config(f'[serve]\ntokens_file = {path}\n')
        self.start()
        self.refused(401)
        self.refused(401, protocols=('weir.v1', 'bearer.nobodys-token-at-all'))
        self.refused(403, protocols=('weir.v1', 'bearer.signal-token-of-the-test'))
        ws = self.open(protocols=('weir.v1', f'bearer.{TOKEN}'))
        self.assertEqual(ws.protocol, 'weir.v1')
        ws.say(op='sub', topics=['now'])
        self.assertIn('light', ws.topic('now')['data'])
        self.open(headers={'Authorization': f'Bearer {TOKEN}'}).close()
        # New tokens end what the ones before them let in.
        os.kill(self.child.pid, 1)
        with self.assertRaises(ws_client.Closed) as closed:
            for _ in range(100):
                ws.next()
        self.assertEqual(closed.exception.code, 1008)
        self.stop()


class Slow(harness.WeirTest):
    settings = '[market]\nfeed = sim\nsymbols = BTC\n[fleet]\ndemo = 300\n[archive]\nduckdb =\n'

    def test_who_does_not_read_is_skipped_and_others_are_not(self):
        self.start('--demo')
        port = self.port('serve')
        slow = WebSocket(port, receive_bytes=4096)
        quick = WebSocket(port)
        self.addCleanup(slow.close)
        self.addCleanup(quick.close)
        slow.say(op='sub', topics=['fleet'])
        quick.say(op='sub', topics=['fleet'])
        quick.topic('fleet')

        def skipped():
            quick.topic('fleet')
            text = servers.http_call(port, 'GET', '/metrics')[1]
            return any(line.startswith('weir_push_messages_total{what="skipped"}') and
                       float(line.split()[-1]) > 0 for line in text.splitlines())

        self.wait_for('one to be skipped', skipped, 60)
        # What it missed comes as a whole, when it reads again.
        self.assertIn('data', slow.topic('fleet'))
        slow.wait(lambda message: 'data' in message, 60)
        self.stop()


if __name__ == '__main__':
    harness.side_by_side(__file__, [Push, Tokens, Slow])
