"""Replay of the recordings against their exact figures: the real binary, a real
Redis server, kill -9 in the middle, the same file twice, tape stat and verify."""
import csv
import decimal
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

WEIR = sys.argv.pop(1) if len(sys.argv) > 1 else 'build/weir'
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../../shared/data/market')
PERP = [os.path.join(DATA, 'usdm_ethusdt_20240808.gz')]
SPOT = [os.path.join(DATA, 'spot_ethusdt_20240808.gz'), os.path.join(DATA, 'spot_ethusdt_20240809.gz')]
TRADES = {'binance:perp': 14076, 'binance:spot': 6106 + 8409}
D = decimal.Decimal
SUMS = ('taker_buy', 'taker_sell', 'taker_buy_quote', 'taker_sell_quote', 'n_buy', 'n_sell')
FIGURES = ('open', 'high', 'low', 'close', 'taker_buy', 'taker_sell', 'delta', 'cvd',
           'taker_buy_quote', 'taker_sell_quote', 'cvd_quote', 'n_buy', 'n_sell',
           'first_id', 'last_id')
HEADER = ('market,minute_ms,open,high,low,close,taker_buy,taker_sell,delta,cvd,taker_buy_quote,'
          'taker_sell_quote,cvd_quote,n_buy,n_sell,first_id,last_id,flags')


def expected(files):
    """The minutes.csv of the files, the minute they share merged, cvd running on."""
    minutes = {}
    for path in files:
        with open(path[:-3] + '.minutes.csv', newline='') as file:
            for row in csv.DictReader(file):
                row = {k: D(v) for k, v in row.items()}
                old = minutes.get(row['minute_ms'])
                if old:
                    row['open'] = old['open']
                    row['high'] = max(row['high'], old['high'])
                    row['low'] = min(row['low'], old['low'])
                    row['first_id'] = old['first_id']
                    for name in SUMS:
                        row[name] += old[name]
                minutes[row['minute_ms']] = row
    cvd = cvd_quote = D(0)
    for minute in sorted(minutes):
        row = minutes[minute]
        row['delta'] = row['taker_buy'] - row['taker_sell']
        cvd += row['delta']
        cvd_quote += row['taker_buy_quote'] - row['taker_sell_quote']
        row['cvd'], row['cvd_quote'] = cvd, cvd_quote
    return minutes


class Replay(unittest.TestCase):
    def setUp(self):
        self.temp = tempfile.TemporaryDirectory(prefix='weir-test-')
        self.state = os.path.join(self.temp.name, 'state')
        self.bars = os.path.join(self.temp.name, 'out.csv')

    def tearDown(self):
        self.temp.cleanup()

    def weir(self, *args, check=True, env=None):
        done = subprocess.run([WEIR, *args], capture_output=True, text=True, timeout=120,
                              env={**os.environ, **(env or {})})
        if check:
            self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def replay(self, source, files, *more):
        done = self.weir('replay', '--as', source, '--speed', 'max', '--state', self.state,
                         '--bars', self.bars, '--json', *more, *files)
        return json.loads(done.stdout)

    def check_bars(self, market, files):
        with open(self.bars, newline='') as file:
            self.assertEqual(file.readline().rstrip('\r\n'), HEADER)
            file.seek(0)
            rows = list(csv.DictReader(file))
        want = expected(files)
        self.assertEqual([int(r['minute_ms']) for r in rows], [int(m) for m in sorted(want)])
        for row in rows:
            self.assertEqual(row['market'], market)
            for name in FIGURES:
                self.assertEqual(D(row[name]), want[D(row['minute_ms'])][name],
                                 (row['minute_ms'], name))
        flags = [row['flags'] for row in rows]
        self.assertEqual(flags[0], 'partial')
        self.assertEqual(flags[-1], 'partial')
        self.assertEqual(set(flags[1:-1]), {'complete'})

    def check_source(self, source, files):
        market = source + ':ETHUSDT'
        total = TRADES[source]
        first = self.replay(source, files)
        self.assertEqual((first['trades'], first['duplicates'], first['gaps'], first['malformed']),
                         (total, 0, 0, 0))
        self.assertEqual([(m['market'], m['trades']) for m in first['markets']],
                         [(market, total)])
        self.check_bars(market, files)
        second = self.replay(source, files)
        self.assertEqual((second['trades'], second['duplicates']), (0, total))
        self.check_bars(market, files)
        self.weir('tape', 'verify', '--as', source, '--state', self.state, *files)
        stat = json.loads(self.weir('tape', 'stat', '--json', '--state', self.state).stdout)
        row, = stat['markets']
        self.assertEqual(row['market'], market)
        self.assertEqual(row['trades'] + row['open_trades'], total)
        bound = 1.85 if source == 'binance:perp' else 2.1
        self.assertLessEqual(row['bytes_per_trade'], bound)
        self.assertAlmostEqual(row['bytes_per_trade'], row['payload_bytes'] / row['trades'], 3)
        print(f"{market}: {row['bytes_per_trade']:.4f} bytes/trade, {row['chunks']} chunks")

    def test_perp_is_exact_and_counted_once(self):
        self.check_source('binance:perp', PERP)

    def test_spot_pair_is_exact_with_the_shared_minute_merged(self):
        self.check_source('binance:spot', SPOT)

    def test_without_store_computes_the_same(self):
        self.replay('binance:perp', PERP, '--no-store')
        self.check_bars('binance:perp:ETHUSDT', PERP)
        self.assertFalse(os.path.exists(self.state))

    def test_a_configured_port_is_not_opened_by_a_replay(self):
        env = {'WEIR_SEGMENT_RMS_PORT': '6399'}
        self.weir('replay', '--as', 'binance:perp', '--state', self.state, *PERP, env=env)
        with open(os.path.join(self.state, 'segments/rms/redis.conf'), encoding='utf-8') as file:
            self.assertIn('\nport 0\n', file.read())

    def test_kill_9_in_the_middle_ends_the_same(self):
        for share in (0.15, 0.5, 0.85):
            with self.subTest(share=share):
                self.state = os.path.join(self.temp.name, f'state-{share}')
                # paced so that the kill falls into the middle: 345 s of recording
                child = subprocess.Popen(
                    [WEIR, 'replay', '--as', 'binance:perp', '--speed', '100', '--state',
                     self.state, *PERP], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(0.3 + 3.45 * share)
                self.assertIsNone(child.poll())
                child.send_signal(signal.SIGKILL)
                child.wait()
                again = self.replay('binance:perp', PERP)
                self.assertEqual(again['trades'] + again['duplicates'], 14076)
                self.assertEqual(again['gaps'], 0)
                self.check_bars('binance:perp:ETHUSDT', PERP)
                self.weir('tape', 'verify', '--as', 'binance:perp', '--state', self.state, *PERP)

    def test_tape_cat_gives_back_what_decode_gives(self):
        self.replay('binance:perp', PERP)
        cat = self.weir('tape', 'cat', '--market', 'binance:perp:ETHUSDT', '--state', self.state)
        decoded = self.weir('decode', '--as', 'binance:perp', *PERP)
        def key(line):
            event = json.loads(line)
            return (event['t_ms'], int(event['id']), D(event['price']), D(event['qty']), event['side'])
        got = [key(line) for line in cat.stdout.splitlines()]
        want = [key(line) for line in decoded.stdout.splitlines() if '"type":"trade"' in line]
        self.assertEqual(got, want)

    def last_pid(self, log):
        with open(log, encoding='utf-8') as file:
            return int(file.readlines()[-1].split(':')[0])

    def test_kill_9_of_the_server_three_times_loses_nothing(self):
        child = subprocess.Popen([WEIR, 'replay', '--as', 'binance:perp', '--speed', '100', '--state',
                                  self.state, '--bars', self.bars, *PERP],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        log = os.path.join(self.state, 'segments/rms/redis.log')
        killed = None
        for _ in range(3):
            time.sleep(0.9)
            while (pid := self.last_pid(log)) == killed:  # not started again yet
                time.sleep(0.02)
            os.kill(pid, signal.SIGKILL)
            killed = pid
        self.assertEqual(child.wait(60), 0)
        self.check_bars('binance:perp:ETHUSDT', PERP)
        self.weir('tape', 'verify', '--as', 'binance:perp', '--state', self.state, *PERP)
        again = self.replay('binance:perp', PERP)
        self.assertEqual((again['trades'], again['duplicates']), (0, 14076))
        self.check_bars('binance:perp:ETHUSDT', PERP)

    def bybit_recording(self):
        """Binance's futures trades in Bybit's envelope: UUIDs for ids, a seq, several
        trades a message, every tenth message told twice."""
        path = os.path.join(self.temp.name, 'bybit')
        decoded = self.weir('decode', '--as', 'binance:perp', *PERP)
        trades = [json.loads(line) for line in decoded.stdout.splitlines() if '"type":"trade"' in line]
        with open(path, 'w', encoding='utf-8') as file:
            for number, first in enumerate(range(0, len(trades), 3)):
                group = trades[first:first + 3]
                message = json.dumps({
                    'topic': 'publicTrade.ETHUSDT', 'type': 'snapshot', 'ts': group[-1]['t_ms'],
                    'data': [{'T': t['t_ms'], 's': 'ETHUSDT', 'S': t['side'].capitalize(),
                              'v': t['qty'], 'p': t['price'], 'L': 'PlusTick',
                              'i': f'{int(t["id"]):08x}-0000-5000-8000-{int(t["id"]) * 7919 % 10**12:012d}',
                              'BT': False, 'RPI': False, 'seq': first * 3 + i // 2}
                             for i, t in enumerate(group)]}, separators=(',', ':'))
                receive = group[-1]['t_ms'] * 1000000
                file.write(f'{receive} {message}\n' * (2 if number % 10 == 0 else 1))
        return path

    def check_bybit_bars(self):
        with open(self.bars, newline='') as file:
            rows = list(csv.DictReader(file))
        want = expected(PERP)
        self.assertEqual([int(r['minute_ms']) for r in rows], [int(m) for m in sorted(want)])
        for row in rows:
            self.assertEqual((row['market'], row['first_id'], row['last_id']), ('bybit:perp:ETHUSDT', '', ''))
            for name in FIGURES[:-2]:
                self.assertEqual(D(row[name]), want[D(row['minute_ms'])][name], (row['minute_ms'], name))
        return [row['flags'] for row in rows]

    def test_binance_trades_in_bybits_envelope_are_counted_once(self):
        recording = [self.bybit_recording()]
        first = self.replay('bybit:perp', recording)
        self.assertEqual(first['trades'], 14076)
        self.assertGreater(first['duplicates'], 1000)
        self.assertEqual(set(self.check_bybit_bars()[1:-1]), {'complete'})
        again = self.replay('bybit:perp', recording)
        self.assertEqual((again['trades'], again['duplicates']), (0, 14076 + first['duplicates']))
        self.assertEqual(set(self.check_bybit_bars()[1:-1]), {'complete'})
        self.weir('tape', 'verify', '--as', 'bybit:perp', '--state', self.state, *recording)

    def test_bybits_envelope_survives_kill_9(self):
        recording = [self.bybit_recording()]
        child = subprocess.Popen([WEIR, 'replay', '--as', 'bybit:perp', '--speed', '100', '--state',
                                  self.state, *recording], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        time.sleep(2)
        self.assertIsNone(child.poll())
        child.kill()
        child.wait()
        again = self.replay('bybit:perp', recording)
        self.assertGreater(again['trades'], 0)
        self.assertEqual(set(self.check_bybit_bars()[1:-1]), {'complete'})
        self.weir('tape', 'verify', '--as', 'bybit:perp', '--state', self.state, *recording)

    def test_a_state_directory_in_use_is_refused_in_one_line(self):
        child = subprocess.Popen([WEIR, 'replay', '--as', 'binance:perp', '--speed', '1', '--state',
                                  self.state, *PERP], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 10
            while not os.path.exists(os.path.join(self.state, 'run', 'weir.sock')):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.02)
            other = self.weir('replay', '--as', 'binance:perp', '--state', self.state, *PERP,
                              check=False)
            self.assertEqual(other.returncode, 3)
            self.assertEqual(len(other.stderr.strip().splitlines()), 1, other.stderr)
            while True:  # 1: no trade yet
                answer = self.weir('ask', '--json', '--state', self.state, '/price ETH', check=False)
                if answer.returncode == 0:
                    break
                self.assertEqual(answer.returncode, 1, answer.stderr)
                self.assertLess(time.monotonic(), deadline)
            self.assertEqual(json.loads(answer.stdout)['symbol'], 'ETH')
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(20)


if __name__ == '__main__':
    if not os.path.isdir(DATA):
        print('SKIP test_replay: no recordings beside the project')
        sys.exit(77)
    unittest.main(verbosity=2)
