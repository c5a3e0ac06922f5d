#!/usr/bin/env python3
"""weir on live venues: the local venue server (tests/venue) over real WebSockets, REST and
TLS. Bybit's frames are Binance-like trades of a made-up world in Bybit's envelope. Every
minute that weir calls complete is compared with the venue's own list of trades."""
import csv
import io
import json
import os
import re
import subprocess
import time
import unittest
from decimal import Decimal

import harness
from harness import WEIR, WeirTest
from venue import VenueServer

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'data',
                      'golden', 'live')
VENUES = ('binance_spot', 'binance_perp', 'bybit_spot', 'bybit_perp')
QUESTIONS = ('/price BTC', '/volume BTC 15m', '/cvd BTC 5m', '/momentum BTC', '/flow BTC',
             '/analysis BTC', '/oi BTC', '/funding BTC', '/liquidations BTC', '/top10',
             '/top10 perps oi', '/alerts')


WORDS = ('BALANCED', 'BUYERS', 'SELLERS', 'BUY', 'SELL', 'LONG', 'SHORT', 'UP', 'DOWN', 'FLAT', 'n/a',
         'none', 'EXTREME', 'HIGH', 'ABOVE AVG', 'NORMAL', 'LOW', 'MODERATE', 'NONE', 'NEUTRAL',
         'ACCELERATING', 'DECELERATING', 'STEADY', 'yes', 'no', 'NEW LONGS', 'NEW SHORTS',
         'LONG LIQUIDATION', 'SHORT SQUEEZE', 'LONG PRESSURE', 'LONG SQUEEZE', 'SHORT PRESSURE',
         'seller exhaustion', 'buyer exhaustion', 'seller absorption', 'buyer absorption')
# Lists and objects that chance fills.
CHANCE = ('alerts', 'cascade', 'cascades', 'whales', 'largest', 'last', 'depth', 'top')


def masked(text):
    """What a golden file keeps: figures, times and the words that follow from them are
    chance, labels and layout are not."""
    text = re.sub(r'(?m)^(Sums are of the same|\* not every minute).*\n', '', text)
    text = re.sub(r'[+-]?\d[\d,]*(\.\d+)?[kMBT]?', '#', text)
    text = re.sub(r'# (d|h|min|s)( # (h|min|s))?(?!\w)', 'AGE', text)
    words = '|'.join(sorted(map(re.escape, WORDS), key=len, reverse=True))
    text = re.sub(rf'(?<![\w/])({words})(?![\w/])', '#', text)
    text = re.sub(r'[ \t]+', ' ', text.replace('*', '').replace(' %', ''))
    text = re.sub(r'#([ /~]*#)+', '#', text)
    return re.sub(r'(?m)(\n #)+(?=$|<)', '', text)  # a figure too wide for its line


def shape(value):
    """JSON's keys and types; of a list the first element's."""
    if isinstance(value, dict):
        return {key: 'chance' if key in CHANCE else shape(item)
                for key, item in value.items() if key != 'text'}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return 'value'


class LiveTest(WeirTest):
    settings = ''
    feed = 'live'
    symbols = 'BTC,ETH'
    patience = 1000
    tls = True
    venue_args = ('--seed', '5', '--rate', '4')

    def setUp(self):
        super().setUp()
        self.venue = VenueServer(self.temp, '--symbols', self.symbols, *self.venue_args,
                                 tls=self.tls)
        self.addCleanup(self.venue.stop)
        self.venue.start()
        self.configure()

    def configure(self, ca=None, more=''):
        lines = ['[market]', f'feed = {self.feed}', f'symbols = {self.symbols}',
                 f'patience = {self.patience}', more]
        for name in VENUES:
            urls = self.venue.urls[name]
            lines += [f'[venue.{name}]', f'ws_url = {urls["ws"]}', f'rest_url = {urls["rest"]}',
                      f'ca_file = {ca or self.venue.ca or ""}']
        self.write_config('\n'.join(lines) + '\n')

    def ask(self, question, *flags):
        return subprocess.run([WEIR, 'ask', '--state', self.state, '--config', self.config, *flags,
                               question], capture_output=True, text=True, timeout=30)

    def ask_json(self, question):
        return json.loads(self.ask(question, '--json').stdout)

    def wait(self, what, condition, seconds=40):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = condition()
            if found:
                return found
            time.sleep(0.1)
        self.fail(f'{what}: not within {seconds} s\n{self.read_log()[-4000:]}')

    def has_data(self):
        answer = self.ask_json('/price BTC')
        return not answer.get('error') and len(answer['data']['markets']) == len(VENUES) and answer

    def has_all(self):
        """Streams, history, open interest and bars are there."""
        oi = self.ask_json('/oi BTC')
        if oi.get('error') or len(oi['data']['markets']) < 2:
            return False
        known = all(market['open_interest'] for market in oi['data']['markets'])
        price = self.has_data()
        whole = price and all(market['minutes'] == 1440 for market in price['data']['markets']
                              if market['market'].startswith('binance'))
        bars = self.ask_json('/analysis BTC')['data']['indicators']
        return known and whole and all(bar['bars'] == bar['bars_of'] for bar in bars)

    # ---- against the truth ----

    def minutes(self):
        """weir's minutes, of a weir that runs or of its state directory."""
        done = subprocess.run([WEIR, 'tape', 'minutes', '--state', self.state, '--config',
                               self.config], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = {}
        for row in csv.DictReader(io.StringIO(done.stdout)):
            found.setdefault(row['market'], {})[int(row['minute_ms'])] = row
        return found

    def compare(self, since_ms, until_ms):
        """Every minute from since_ms to until_ms that is not partial has the truth's sums.
        Returns how many were complete, and how many partial."""
        truth, weir = self.venue.minutes(), self.minutes()
        complete = partial = 0
        for market, rows in weir.items():
            for ms, row in rows.items():
                if not since_ms <= ms <= until_ms:
                    continue
                if 'partial' in row['flags']:
                    partial += 1
                    continue
                complete += 1
                true = truth[market].get(ms)
                where = f'{market} {ms} {row["flags"]}'
                self.assertIsNotNone(true, where)
                got = [Decimal(row[key]) for key in ('taker_buy', 'taker_sell', 'taker_buy_quote',
                                                     'taker_sell_quote')]
                wanted = [true.buy, true.sell, true.buy_quote, true.sell_quote]
                if got != wanted:
                    self.fail(f'{where}: {got}, not {wanted}; {self.missing(market, ms)}')
        return complete, partial

    def missing(self, market, minute_ms):
        """Which trades of a minute the tape lacks, for a person to see."""
        done = subprocess.run([WEIR, 'tape', 'cat', '--market', market, '--from', str(minute_ms),
                               '--to', str(minute_ms + 60_000), '--state', self.state, '--config',
                               self.config], capture_output=True, text=True, timeout=60)
        held = [json.loads(line)['id'] for line in done.stdout.splitlines()]
        made = [trade['id'] for trade in self.venue.trades(market) if not trade['block']
                and minute_ms <= trade['t_ms'] < minute_ms + 60_000]
        return f'made {made[0]}..{made[-1]}, tape lacks {sorted(set(made) - set(held))}'

    def settle(self, since_ms):
        """Waits until the minute of now has ended and every minute of Binance from since_ms
        to it is complete: ids and klines repair whatever happened there."""
        until_ms = int(time.time() * 1000) // 60_000 * 60_000

        def whole():
            if time.time() * 1000 < until_ms + 67_000:  # klines are asked for 7 s later
                time.sleep(1)
                return False
            rows = [row for market, minutes in self.minutes().items()
                    if market.startswith('binance') for ms, row in minutes.items()
                    if since_ms <= ms <= until_ms]
            return rows and not any('partial' in row['flags'] for row in rows)
        self.wait('the minutes of Binance are whole', whole, 150)
        return until_ms

    def metric(self, name):
        """Sum of a metric over its labels."""
        text = self.control('metrics')
        return sum(float(line.rsplit(' ', 1)[1]) for line in text.splitlines()
                   if re.match(rf'{name}[ {{]', line))


class Answers(LiveTest):
    def test_every_question_is_answered_in_every_form(self):
        self.start()
        self.wait('everything known', self.has_all, 90)
        self.venue.fault('cascade', venue='perp', symbol='BTC')
        self.wait('a cascade', lambda: self.ask_json('/liquidations BTC')['data']['last'])
        for question in QUESTIONS:
            for form, flags in (('txt', ()), ('html', ('--html',)), ('json', ('--json',))):
                answer = self.ask(question, *flags)
                self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
                self.assertNotIn('no data', answer.stdout if form == 'txt' else '')
                if form == 'json':
                    content = json.dumps(shape(json.loads(answer.stdout)), indent=1,
                                         sort_keys=True) + '\n'
                else:
                    self.assertLessEqual(len(answer.stdout), 4096 if form == 'txt' else 8192)
                    # whether it goes on still is the machine's haste
                    content = masked(re.sub('(?m)^A CASCADE of .*\n', '', answer.stdout))
                if question in ('/alerts', '/liquidations BTC', '/flow BTC') and form != 'json':
                    continue  # how many lines there are is chance
                if question.startswith('/top10') and form != 'json':  # so is their order,
                    content = content.replace('</pre>', '\n</pre>')  # and which is the last
                    content = '\n'.join(sorted(set(content.splitlines()))) + '\n'
                self.golden(question, form, content)
        self.compare_outputs()
        self.assertEqual(self.venue.breaches(), {})
        self.stop()

    def golden(self, question, form, content):
        name = question.strip('/').replace(' ', '_').lower()
        path = os.path.join(GOLDEN, f'{name}.{form}')
        if os.environ.get('UPDATE_GOLDEN'):
            os.makedirs(GOLDEN, exist_ok=True)
            with open(path, 'w', encoding='utf-8') as file:
                file.write(content)
        with open(path, encoding='utf-8') as file:
            self.assertEqual(content, file.read(), f'{question} as {form}')

    def compare_outputs(self):
        """What other programs read in segment RMS."""
        redis = self.redis('rms')
        market = 'binance:perp:BTCUSDT'
        now_ms = int(time.time() * 1000)

        def fields(key):
            flat = [item.decode() for item in redis.call('HGETALL', key)]
            return dict(zip(flat[::2], flat[1::2]))
        self.wait('funding in the hash', lambda: 'fr' in fields(f'market:{market}'))
        state = fields(f'market:{market}')
        for field in ('p', 't', 'cvd', 'd1', 'd15', 'd1440', 'v1440', 'oi', 'fr', 'nx', 'fl'):
            self.assertIn(field, state)
        self.assertLess(abs(int(state['t']) - now_ms), 10_000)
        delta = fields('delta_state:BTCUSDT')
        for minutes in (1, 5, 15, 30, 60):
            self.assertEqual(Decimal(delta[f'd{minutes}']),
                             Decimal(delta[f'b{minutes}']) - Decimal(delta[f's{minutes}']))
        bars = fields(f'indicators:{market}:15m')
        self.assertEqual(bars['n'], '210')
        self.assertIn('rsi14', bars)
        for key, ttl in ((f'market:{market}', 300), ('delta_state:BTCUSDT', 300),
                         (f'indicators:{market}:4h', 28_800), (f'klines:{market}:1h', 604_800)):
            self.assertTrue(0 < redis.call('TTL', key) <= ttl, key)
        for key in (f'stream:trades:{market}', 'stream:aggressor:BTCUSDT', f'liq:{market}',
                    f'funding:{market}', f'oi:{market}'):
            self.wait(key, lambda key=key: redis.call('XLEN', key) > 0)
        trades = {trade['id'] for trade in self.venue.trades(market)}
        for _, entry in redis.call('XRANGE', f'stream:trades:{market}', '-', '+'):
            self.assertIn(entry[1].decode(), trades)


class Trouble(LiveTest):
    """Sixty seconds of everything, with shortened timers."""
    patience = 60
    venue_args = ('--seed', '9', '--rate', '8', '--set', 'recent_minutes=2')

    def test_sixty_seconds_of_trouble_leave_no_wrong_minute_unmarked(self):
        self.start()
        self.wait('data', self.has_data)
        since_ms = (int(time.time() * 1000) // 60_000 + 0) * 60_000
        steps = [
            (1, 'gap', {'venue': 'binance', 'count': 7}),
            (2, 'duplicate', {'seconds': 6}),
            (4, 'reorder', {'seconds': 5}),
            (6, 'rst', {'venue': 'binance_perp'}),
            (8, 'half', {'count': 20}),
            (9, 'malformed', {'count': 5}),
            (9, 'unknown', {'count': 5}),
            (10, 'absurd', {'count': 6}),
            (12, 'silence', {'venue': 'binance_spot', 'stream': 'aggTrade', 'seconds': 6}),
            (14, 'rst', {'venue': 'bybit'}),
            (17, 'rest_limit', {'venue': 'binance_perp', 'status': 429, 'seconds': 3}),
            (18, 'gap', {'venue': 'binance_perp', 'count': 40}),
            (20, 'late', {'delay_s': 2, 'seconds': 4}),
            (23, 'shutdown', {'venue': 'binance'}),
            (28, 'cut', {'count': 2}),
            (31, 'gap', {'venue': 'bybit', 'count': 3}),
            (33, 'silence', {'venue': 'bybit_perp', 'seconds': 6}),
            (36, 'rest_error', {'seconds': 4}),
            (37, 'gap', {'venue': 'binance', 'count': 11}),
            (40, 'fragment', {'count': 30}),
            (42, 'refuse', {'seconds': 3}),
            (42, 'rst', {}),
            (50, 'duplicate', {'seconds': 5}),
        ]
        begin = time.monotonic()
        for seconds, fault, params in steps:
            time.sleep(max(0, begin + seconds - time.monotonic()))
            self.venue.fault(fault, **params)
        time.sleep(max(0, begin + 60 - time.monotonic()))
        self.venue.clear()
        self.wait('every connection live again', self.all_live)
        until_ms = self.settle(since_ms)
        self.stop()
        complete, partial = self.compare(since_ms, until_ms)
        self.assertGreaterEqual(complete, 8)
        self.assertEqual(self.venue.breaches(), {})
        print(f'\n  {complete} minutes equal to the truth, {partial} partial', end=' ')

    def all_live(self):
        text = self.control('metrics')
        live = re.findall(r'^weir_session_live\{[^}]*\} (\d)', text, re.M)
        return live and all(flag == '1' for flag in live)


class Unplugged(LiveTest):
    """Twenty seconds without any venue."""
    patience = 200
    symbols = 'BTC'

    def test_half_a_minute_unplugged_is_said_and_repaired(self):
        self.start()
        self.wait('data', self.has_data)
        since_ms = int(time.time() * 1000) // 60_000 * 60_000
        self.venue.fault('unplug', seconds=30)
        self.wait('all is said to be stale', lambda: re.search(
            r'STALE: the newest data is 1\d s old', self.ask('/price BTC').stdout))
        data = self.ask_json('/price BTC')
        self.assertTrue(data['stale'])
        for question in ('/cvd BTC', '/flow BTC', '/oi BTC', '/analysis BTC'):
            self.assertRegex(self.ask(question).stdout, 'STALE', question)
        self.wait('fresh data', lambda: not self.ask_json('/price BTC')['stale'], 60)
        self.wait('repairs', lambda: self.metric('weir_repaired_trades_total') > 0)
        until_ms = self.settle(since_ms)
        self.stop()
        complete, partial = self.compare(since_ms, until_ms)
        self.assertGreater(complete, 1)
        print(f'\n  {complete} minutes equal to the truth, {partial} partial', end=' ')


class Restarts(LiveTest):
    symbols = 'BTC'
    venue_args = ('--seed', '6', '--rate', '10')

    def test_a_restart_and_a_kill_go_on_exactly(self):
        self.start()
        self.wait('everything known', self.has_all, 90)
        held = self.ask_json('/cvd BTC')['data']['markets'][0]['minutes']
        self.assertGreater(held, 4000)
        self.stop()
        again = self.ask_json('/cvd BTC')['data']['markets'][0]['minutes']
        self.assertGreaterEqual(again, held)  # the history of the cold start is in the state
        since_ms = int(time.time() * 1000) // 60_000 * 60_000
        self.start()
        self.assertTrue(all(bar['bars'] == 210
                            for bar in self.ask_json('/analysis BTC')['data']['indicators']))
        self.wait('data', lambda: not self.ask_json('/price BTC')['stale'])
        self.kill()
        self.start()
        self.wait('data', lambda: not self.ask_json('/price BTC')['stale'])
        until_ms = self.settle(since_ms)
        self.stop()
        complete, _ = self.compare(since_ms, until_ms)
        self.assertGreater(complete, 0)


class Feeds(LiveTest):
    symbols = 'BTC'
    feed = 'auto'

    def test_auto_takes_the_venues_when_they_answer(self):
        self.start()
        answer = self.wait('data', self.has_data)
        self.assertFalse(answer['simulated'])
        self.stop()

    def test_auto_falls_back_to_the_simulator_and_says_so(self):
        self.venue.stop()
        self.start()
        said = self.child.stdout.readline() + self.child.stdout.readline()
        self.assertIn('the simulator stands in', said)
        self.assertIn('SIMULATED', said)
        self.wait('data', lambda: self.ask_json('/price BTC').get('simulated'))
        self.stop()

    def test_live_does_not_fall_back(self):
        self.venue.stop()
        self.feed = 'live'
        self.configure(ca='/etc/ssl/certs/ca-certificates.crt')
        self.start()
        time.sleep(3)
        answer = self.ask_json('/price BTC')
        self.assertEqual(answer['error'], 'no_data')
        self.assertFalse(answer['simulated'])
        self.assertIn('refused', self.read_log())
        self.stop()

    def test_a_certificate_of_somebody_else_is_not_trusted(self):
        self.feed = 'live'
        self.configure(ca='/etc/ssl/certs/ca-certificates.crt')
        self.start()
        self.wait('a refusal', lambda: 'certificate' in self.read_log())
        self.assertEqual(self.ask_json('/price BTC')['error'], 'no_data')
        self.stop()


CLASSES = (Answers, Trouble, Unplugged, Restarts, Feeds)

if __name__ == '__main__':
    harness.side_by_side(__file__, CLASSES)
