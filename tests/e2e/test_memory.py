#!/usr/bin/env python3
"""Memory that runs out (redis.md 4): every segment is filled by somebody else to 70, 80, 90
and 100 %. weir sheds and slows down in the order of its table, says so, keeps every result,
and is as before when the room is back."""
import http.client
import json
import os
import re
import threading
import time

import harness
import terminal
import test_signals

TABLE = os.path.join(os.path.dirname(__file__), '../../src/def/valves.def')
LEVELS = ('calm', 'warn', 'shed', 'slow', 'full')
PERCENT = {'warn': 72, 'shed': 82, 'slow': 92}
MAX = 16 << 20
SIGNALS = 20  # of a terminal
SESSION = {'sid': 'a', 'st': 'active'}
OPEN = test_signals.OPEN


def actions_of(segment, level):
    """Of the table, in its order: (name, what)."""
    with open(TABLE, encoding='utf-8') as file:
        rows = re.findall(r'^VALVE\((\w+), (\w+), (\w+), "(.*)"\)$', file.read(), re.M)
    return [(name, what) for name, of, begins, what in rows if of.lower() == segment and
            LEVELS.index(begins.lower()) <= LEVELS.index(level)]


class Filler:
    """Strings of somebody's beside weir's keys."""

    def __init__(self, conn):
        self.conn, self.count, self.bytes = conn, 0, 0

    def used(self):
        info = self.conn.call('INFO', 'memory').decode()
        return int(re.search(r'^used_memory:(\d+)', info, re.M)[1])

    def put(self, size):
        self.conn.call('SET', f'filler:{self.count}', bytes(size))
        self.count += 1
        self.bytes += size

    def fill(self, percent):
        while (left := MAX * percent // 100 - self.used()) > 1000:
            self.put(min(left * 9 // 10, 30000))

    def fill_all(self):
        """Until the server refuses even a little."""
        for size in (30000, 3000, 300, 30):
            try:
                while True:
                    self.put(size)
            except harness.RespError as error:
                assert str(error).startswith('OOM'), error

    def remove(self):
        for number in range(self.count):
            self.conn.call('UNLINK', f'filler:{number}')


class Held(terminal.Expert):
    """One that keeps its results back until `opened`, then sends all within a second."""

    def __init__(self, *args):
        super().__init__(*args)
        self.opened, self.held = threading.Event(), []

    def reliable(self, terminal_, verb, **fields):
        if verb == 'R' and not self.opened.is_set():
            self.held.append(fields)
        else:
            super().reliable(terminal_, verb, **fields)

    def serve(self, terminal_):
        tell = terminal_.state

        def state(**more):
            while self.opened.is_set() and self.held:
                self.reliable(terminal_, 'R', **self.held.pop(0))
            tell(**more)
        terminal_.state = state
        super().serve(terminal_)


class Memory(test_signals.SignalTest):
    settings = ('[market]\nfeed = sim\n[archive]\ncheckpoint = 1s\n[log]\nlevel = info\n' +
                ''.join(f'[segment.{name}]\nmaxmemory = 16mb\n' for name in harness.SEGMENTS))

    def memory(self):
        status, text = self.http('GET', '/api/v1/memory')
        self.assertEqual(status, 200, text)
        return {one['segment']: one for one in json.loads(text)['segments']}

    def each(self, what):
        """what(segment) for all segments at once."""
        threads = [threading.Thread(target=what, args=(name,)) for name in harness.SEGMENTS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def wait_level(self, level, top_up=lambda name: None):
        """top_up: what the server's buffers took while it was filled is free again."""
        def reached():
            self.each(top_up)
            return {one['level'] for one in self.memory().values()} == {level}
        self.wait_for(f'all {level}', reached, 20)

    def check_level(self, level):
        """What is shown at a level, everywhere it is shown."""
        for name, one in self.memory().items():
            want = actions_of(name, level)
            self.assertEqual([(act['action'], act['what']) for act in one['actions']], want, one)
            self.assertEqual(one['max'], MAX)
            self.assertEqual(self.metric(f'weir_memory_level{{segment="{name}"}}'),
                             LEVELS.index(level))
            for act, _ in want:
                self.assertEqual(self.metric(
                    f'weir_memory_acting{{segment="{name}",action="{act}"}}'), 1)
            lines = re.findall(rf'segment {name}: (\w+): [\d.]+ of 16.8 MB, \d+ %',
                               self.read_log())
            self.assertEqual(lines, list(LEVELS[1:LEVELS.index(level) + 1]))

    def check_order(self):
        """Actions began in the order of the table."""
        log = self.read_log()
        for name in harness.SEGMENTS:
            begun = [what for what in re.findall(rf'segment {name}: (.*) \([\d.]+ of 16.8', log)
                     if not what.startswith('no longer')]
            self.assertEqual(begun, [what for _, what in actions_of(name, 'full')], name)

    def begin_with_signals(self):
        """Terminals that have signals and have not answered them."""
        self.start()
        for number, name in enumerate(self.names, 1):
            self.experts.append(Held(lambda: self.port('fleet'), name, self.tokens[name],
                                     1000 + number))
            self.experts[-1].start()
        for name in self.names:
            self.wait_state(name, 'RUNNING')
        self.expires = int(time.time() * 1000) + 600000
        places = {f's-{number}-{name}': name for number in range(SIGNALS) for name in self.names}
        status, text = self.http('POST', '/api/v1/signals', [
            {'id': key, 'to': name, 'exp': self.expires, **OPEN} for key, name in places.items()])
        self.assertEqual(status, 202, text)
        return set(places.items())

    def streams(self):
        with self.redis('rms') as redis:
            names = redis.call('SCAN', '0', 'MATCH', 'stream:trades:*', 'COUNT', '10000')[1]
            return {name: redis.call('XLEN', name) for name in names}

    def xadd(self, **fields):
        with self.redis('rtss', 'producer') as redis:
            redis.call('XADD', 'trade_signals', '*', *sum(fields.items(), ()))

    def refused(self, method, path, body):
        conn = http.client.HTTPConnection('127.0.0.1', self.port('serve'), timeout=10)
        conn.request(method, path, json.dumps(body), {'Content-Type': 'application/json'})
        answer = conn.getresponse()
        text = answer.read().decode()
        conn.close()
        self.assertEqual(answer.status, 429, text)
        self.assertIn('nearly full', text)
        self.assertGreater(int(answer.getheader('Retry-After')), 0)

    def check_slow(self):
        """At 90 % the sources are slowed down; what closes positions goes on."""
        self.refused('POST', '/api/v1/signals', {'id': 'x', 'to': 't1', **OPEN})
        self.refused('PUT', '/api/v1/sessions/ann', SESSION)
        self.assertEqual(self.http('PUT', '/api/v1/preferences/ann', {'theme': 'dark'})[0], 200)
        self.xadd(id='m-open', to='t1', exp=self.expires, **OPEN)
        self.xadd(id='m-close', to='t2', exp=self.expires, act='closeall')
        for name in self.names:
            self.assertIn(f'{name}: throttle, memory', self.read_log())

    def test_every_segment_is_filled_and_emptied(self):
        sent = self.begin_with_signals()
        fillers = {name: Filler(self.redis(name)) for name in harness.SEGMENTS}
        streams = self.wait_for('live streams', lambda: sum(self.streams().values()) > 100)
        self.check_level('calm')
        for level, percent in PERCENT.items():
            self.wait_level(level, lambda name: fillers[name].fill(percent))
            self.check_level(level)
            streams = {'shed': self.streams()}.get(level, streams)
        self.check_slow()
        self.wait_level('full', lambda name: fillers[name].fill_all())
        self.check_level('full')
        self.check_order()

        for expert in self.experts:
            expert.opened.set()
        self.wait_for('results wait', lambda: fillers['rtrs'].fill_all() or
                      self.metric('weir_results_spilled_total') >= len(sent))
        self.wait_for('the spill file counts: they are acknowledged',
                      lambda: not any(expert.waiting for expert in self.experts))
        for name in ('rts', 'rtss', 'rtrs', 'rss', 'rms'):
            self.assertEqual(self.memory()[name]['evicted'], 0)
        self.assertIn('KeysEvicted ris', self.read_log())
        self.assertEqual(self.streams(), streams)
        self.check_shown(fillers)

        freed = time.monotonic()
        self.each(lambda name: fillers[name].remove())
        self.wait_level('calm')
        self.assertGreater(time.monotonic() - freed, 4)
        self.check_recovered(sent)
        self.stop()

    def check_shown(self, fillers):
        """To people and to programs, and which keys it is."""
        put = fillers['rss'].bytes

        def unknown():
            found = [one for one in self.memory()['rss']['families'] if one['family'] == 'unknown']
            return found and 0.9 * put < found[0]['bytes'] < 1.3 * put
        self.wait_for('the keys that took it', unknown)
        done = self.run_weir('memory', '--state', self.state)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r'rtrs +up +16\.\d +16\.8 .* full')
        self.assertIn('rtrs: results wait in the spill file', done.stdout)
        answer = self.run_weir('ask', '--state', self.state, '/memory').stdout
        self.assertRegex(answer, r'rms +16\.\d +16\.8 +\d+ % +full')
        done = self.run_weir('memory', '--json', '--state', self.state)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual({one['level'] for one in json.loads(done.stdout)['segments']}, {'full'})
        self.assertGreater(self.metric('weir_memory_refused_total{segment="rtrs"}'), 0)
        self.assertGreater(self.metric('weir_memory_resident_bytes'), 1e6)

    def check_recovered(self, sent):
        log = self.read_log()
        for name in harness.SEGMENTS:
            for _, what in actions_of(name, 'full'):
                self.assertIn(f'segment {name}: no longer: {what} (', log)
            self.assertIn(f'alert ended MemoryFull {name}', log)
        self.assertEqual(self.http('PUT', '/api/v1/sessions/ann', SESSION)[0], 200)
        self.send(id='m-last', to='t2', **OPEN)
        want = sorted([*sent, ('m-close', 't2'), ('m-last', 't2')])
        sql = "SELECT signal_id AS id, instance FROM trade_results WHERE status = 'done'"
        self.wait_for('every result is archived, once', lambda: sorted(
            (row['id'], row['instance']) for row in self.query(sql)) == want, 40)
        rows = self.query("SELECT status, reason FROM trade_results WHERE signal_id = 'm-open'")
        self.assertEqual([(row['status'], row['reason']) for row in rows], [('refused', 'memory')])
        self.assertEqual([expert.waiting for expert in self.experts], [[]] * self.terminals)
        for expert in self.experts:
            self.assertEqual(set(expert.orders.values()), {1})
        self.assertEqual(self.metric('weir_results_spilled_bytes'), 0)
        before = sum(self.streams().values())
        self.wait_for('live outputs again', lambda: sum(self.streams().values()) > before)
        self.check_ledger()


if __name__ == '__main__':
    harness.main()
