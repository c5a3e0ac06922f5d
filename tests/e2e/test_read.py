#!/usr/bin/env python3
"""weir read: each kind of stream, plain and packed, with a running weir and without."""
import json
import os

import harness
import test_fleet

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../../shared/data/market')
PERP = os.path.join(DATA, 'usdm_ethusdt_20240808.gz')


class ReadTest(test_fleet.FleetTest):
    def read(self, *words, status=0):
        done = self.run_weir('read', '--state', self.state, '--config', self.config, *words)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def rows(self, *words):
        return [json.loads(line) for line in self.read('--json', *words).stdout.splitlines()]


class Fleet(ReadTest):
    """What terminals leave behind."""

    settings = '[market]\nfeed = off\n[archive]\ncheckpoint = 1s\n'

    def trade(self, one):
        """A position that opens and closes."""
        one.positions = [(573338240, '0.10', '0.00000', '0.00000')]
        one.run()
        deal = dict(pos=573338240, sym='EURUSD', com='-0.35', sv=1783436662781)
        one.reliable('D', deal=391781246, ord=1, sd='buy', en='in', vol='0.10', px='1.08514',
                     pl='0.00', cm='two words', **deal)
        one.reliable('D', deal=391781247, ord=2, sd='sell', en='out', vol='0.10', px='1.08614',
                     pl='10.00', **deal)
        while one.wait('K')[2]['up'] != '2':
            pass
        one.positions = []
        one.snapshot()

    def test_streams_of_the_fleet(self):
        self.start()
        one = self.terminal(1)
        self.trade(one)
        closed = self.wait_for('the closed trade',
                               lambda: self.rows('trades:closed:t1'), 40)
        self.assertEqual([row['position_id'] for row in closed], [573338240])
        self.assertEqual((closed[0]['symbol'], closed[0]['pnl'], closed[0]['volume'],
                          closed[0]['commission']), ('EURUSD', '10', '0.1', '-0.7'))
        history = self.rows('instance_history:t1')
        self.assertEqual(history[0]['ping'], '150000')
        self.assertEqual(self.rows('instance_history:t1', '-n', '1'), [history[-1]])
        self.assertEqual(self.rows('instance_history:t1', '--from', str(history[-1]['ms'] + 1)), [])
        events = self.rows('instance_events')
        self.assertEqual(events[0]['event'], 'instance_started')
        text = self.read('instance_events').stdout.splitlines()
        self.assertEqual(len(text), len(events))
        self.assertTrue(text[0].startswith(f'entry={events[0]["entry"]} '), text[0])
        self.assertIn(' event=instance_started ', text[0])
        at = int(events[0]['entry'].split('-')[0])
        self.assertEqual(self.rows('instance_events', '--to', str(at)), [])
        self.assertEqual(self.rows('instance_events', '--from', str(at), '-n', '1'), [events[-1]])
        one.close()
        self.stop()
        self.assertEqual(self.rows('trades:closed:t1'), closed)
        self.assertEqual(self.rows('instance_events')[:len(events)], events)

    def start_with(self, packed):
        self.write_config(f'[fleet]\ntokens_file = {self.tokens_path}\n'
                          f'[streams]\npacked = {packed}\n')
        self.start(env={'WEIR_ARCHIVE_DUCKDB': ''})

    def test_packed_entries_are_told_row_by_row(self):
        self.start_with('yes')
        one = self.terminal(1)
        self.trade(one)
        with self.redis('rtrs', 'reader') as redis:
            held = redis.call('XRANGE', 'trade_results', '-', '+')
        self.assertEqual({bytes(words[0]) for _, words in held}, {b'p'})
        ids = [entry.decode() for entry, _ in held]
        rows = self.rows('trade_results')
        self.assertEqual([row['rid'].split(':')[-1] for row in rows], ['391781246', '391781247'])
        self.assertEqual([row['px'] for row in rows], ['1.08514', '1.08614'])
        self.assertEqual(rows[0]['cm'], 'two words')
        self.assertTrue(all(row['entry'] in ids for row in rows))
        self.assertEqual(self.rows('trade_results', '-n', '1'), rows[1:])
        self.assertEqual(self.rows('trade_results', '-n', '9'), rows)
        at = int(ids[0].split('-')[0])
        self.assertEqual(self.rows('trade_results', '--to', str(at)), [])
        self.assertEqual(self.rows('trade_results', '--from', str(at)), rows)
        one.close()
        self.stop()

    def test_plain_entries_are_what_the_stream_holds(self):
        self.start_with('no')
        one = self.terminal(1)
        self.trade(one)
        held = [{'entry': entry, **fields} for entry, fields in self.entries('rtrs', 'trade_results')]
        self.assertEqual(len(held), 2)
        self.assertEqual(self.rows('trade_results'), held)
        self.assertEqual(self.rows('trade_results', '-n', '1'), held[1:])
        lines = self.read('trade_results').stdout.splitlines()
        self.assertIn(f' rid={held[0]["rid"]} ', lines[0])
        done = self.read('trade_signals')
        self.assertEqual((done.stdout, done.stderr),
                         ('', 'weir read: trade_signals holds nothing\n'))
        one.close()
        self.stop()

    def test_what_is_no_stream_is_said_in_one_line(self):
        for name, why in (('tape', "'tape' is no key of weir's: see `weir keys`"),
                          ('instance:t1', "'instance:t1' is no stream but a hash"),
                          ('fleet:halt', "'fleet:halt' is no stream but a hash")):
            done = self.read(name, status=1)
            self.assertEqual((done.stdout, done.stderr), ('', f'weir read: {why}\n'))
        self.start()
        done = self.read('tape:nowhere', status=2)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.stop()

    def test_damaged_chunks_are_skipped_and_counted(self):
        self.start()
        with self.redis('rts') as rts:
            rts.call('XADD', 'trades:closed:t9', '*', 'c', 'nonsense')
        done = self.read('trades:closed:t9', status=1)
        self.assertEqual(done.stderr, 'weir read: 1 damaged entries were skipped\n')
        self.stop()


class Markets(ReadTest):
    def test_a_market_as_the_tape_commands_tell_it(self):
        if not os.path.exists(PERP):
            self.skipTest('no recording')
        market = 'binance:perp:ETHUSDT'
        done = self.run_weir('replay', '--as', 'binance:perp', '--state', self.state, PERP)
        self.assertEqual(done.returncode, 0, done.stderr)
        cat = self.run_weir('tape', 'cat', '--market', market, '--state', self.state)
        wanted = [json.loads(line) for line in cat.stdout.splitlines()]
        rows = self.rows(f'tape:{market}')
        self.assertEqual(len(rows), len(wanted))
        self.assertGreater(len(rows), 10000)
        self.assertEqual([(row['t_ms'], str(row['id']), row['side']) for row in rows],
                         [(row['t_ms'], row['id'], row['side']) for row in wanted])
        self.assertEqual(self.rows(f'tape:{market}', '-n', '3'), rows[-3:])
        minutes = self.run_weir('tape', 'minutes', '--market', market, '--state', self.state)
        bars = self.rows(f'bars:{market}')
        wanted = [line.split(',') for line in minutes.stdout.splitlines()[1:]]
        # the last is the market's own doing: it has not ended
        self.assertEqual([(str(bar['minute_ms']), bar['flags']) for bar in bars[:-1]],
                         [(line[1], line[-1]) for line in wanted[:-1]])
        self.assertEqual([str(bar['minute_ms']) for bar in bars], [line[1] for line in wanted])
        self.assertTrue(all(row['q'] for row in self.rows(f'oi:{market}')))


if __name__ == '__main__':
    harness.side_by_side(__file__, [Fleet, Markets])
