#!/usr/bin/env python3
"""weir on four live venues for SOAK_SECONDS: trades, books and tickers of 80 markets over
TLS from the venue server of tests/venue, and trouble every minute. Resident memory, file
descriptors and what lies in Redis stay bounded, no rule of a venue is broken, and no minute
that weir calls complete differs from the truth. The proof at the end takes about two minutes
more. SOAK_RATE is the trades a second of a market. usage: soak_live.py WEIR"""
import csv
import math
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../e2e'))
import harness  # noqa: E402
import test_live  # noqa: E402

SECONDS = float(os.environ.get('SOAK_SECONDS', '600'))
RATE = float(os.environ.get('SOAK_RATE', '40'))
ASSETS = 'BTC,ETH,SOL,BNB,XRP,ADA,APT,ARB,AVAX,BCH,DOGE,DOT,LINK,LTC,NEAR,OP,SUI,TON,TRX,UNI'
N_ASSETS = len(ASSETS.split(','))
N_MARKETS = N_ASSETS * len(test_live.VENUES)
SAMPLE_S = 5
# What fills up once is filled before memory is measured: history, answers of REST after
# connections broke, and the 8,192 trade ids remembered of each Bybit market, for which its
# trades come faster at first.
WARM_S = min(120, SECONDS / 3 * 2)
WARM_RATE = max(RATE, 8_192 / WARM_S * 2)

# (second, fault, parameters), over and over; each minute has a kind of trouble of its own. A
# connection that broke has a minute of health before it breaks again, as its back-off wants.
CYCLE_S = 300
TROUBLE = (
    (5, 'gap', {'venue': 'binance', 'count': 200}),
    (10, 'gap', {'venue': 'bybit', 'count': 50}),
    (15, 'duplicate', {'seconds': 5}),
    (25, 'reorder', {'seconds': 5}),
    (65, 'unplug', {'seconds': 20}),
    (130, 'rest_error', {'seconds': 10}),
    (130, 'gap', {'venue': 'binance', 'count': 200}),
    (145, 'rest_limit', {'venue': 'binance_perp', 'status': 429, 'seconds': 5}),
    (150, 'half', {'count': 50}),
    (150, 'malformed', {'count': 50}),
    (150, 'unknown', {'count': 50}),
    (155, 'absurd', {'count': 20}),
    (190, 'shutdown', {'venue': 'binance'}),
    (190, 'close', {'venue': 'bybit_spot', 'code': 1001}),
    (195, 'drop', {'venue': 'bybit_perp'}),
    (245, 'silence', {'venue': 'binance_spot', 'stream': 'aggTrade', 'seconds': 10}),
    (245, 'freeze', {'venue': 'bybit', 'seconds': 10}),
    (270, 'cut', {'count': 2}),
    (275, 'refuse', {'seconds': 5}),
    (275, 'rst', {}),
)

# ---- bounds ----

GROWTH_KB = 3_072
# Time alone touches memory: a minute of a market is 112 bytes of its ring, a sample of
# open interest 16, and what is touched is pages.
TIME_BYTES = 112 + 16
PAGE_BYTES = 4_096
# What reuse of freed memory may still move in either half of the time.
NOISE_KB = 256
FD_GROWTH = 4
NOT_LIVE_PERCENT = 33  # of the time some connection is broken: 20 s in 300 are unplugged
# Bytes in Redis, overhead and all: of a trade of the tape, of a minute, of a live trade, of
# 200 ms of flow; a chunk; what a market has besides (klines, samples, states, open chunks).
TAPE_TRADE, BAR_MINUTE, STREAM_TRADE, FLOW_ENTRY = 5, 16, 64, 80
CHUNK_BYTES, OTHERS_KB, BESIDE_KB = 10_240, 40, 4_096
TRADES_KEPT = 10_000 + 200  # MAXLEN ~ cuts whole nodes of 100 entries
MINUTES_KEPT, FLOWS_A_SECOND = 73 * 60, 5


def time_kb(seconds):
    """Pages that the passing of time may touch in all markets, one at each end too."""
    pages = math.ceil(seconds / 60 * TIME_BYTES / PAGE_BYTES) + 1
    return N_MARKETS * pages * PAGE_BYTES / 1_024


def trend(samples):
    """Slope of the resident memory, kB a minute, and its standard error (least squares)."""
    x = [sample.s / 60 for sample in samples]
    y = [sample.rss_kb for sample in samples]
    slope, base = statistics.linear_regression(x, y)
    spread = math.fsum((a - statistics.fmean(x)) ** 2 for a in x)
    rest = math.fsum((b - base - slope * a) ** 2 for a, b in zip(x, y))
    return slope, math.sqrt(rest / (len(x) - 2) / spread)


def scan(redis):
    """Every key; SCAN may tell one twice."""
    keys, cursor = set(), b'0'
    while True:
        cursor, found = redis.call('SCAN', cursor, 'COUNT', 1_000)
        keys.update(found)
        if cursor == b'0':
            return keys


def stop(*_):
    """Ends the test as an error would: what it started is ended by tearDown, undisturbed."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.exit('stopped')


@dataclass
class Sample:
    s: float  # since the load began
    rss_kb: int
    fds: int
    used: int  # bytes, of segment RMS
    metrics: Counter
    all_live: bool


class Figures:
    """Prints each figure beside its bound, and keeps those that missed it."""

    def __init__(self):
        self.missed = []

    def put(self, what, value, bound=None, unit=''):
        line = f'{what:46} {value:>12,.1f} {unit}'
        if bound is not None:
            line = f'{line:66} at most {bound:,.1f}'
            if not value <= bound:
                line += '  MISSED'
                self.missed.append(line)
        print(line, flush=True)


class Soak(test_live.LiveTest):
    symbols = ASSETS
    venue_args = ('--seed', '17', '--rate', str(RATE), '--set', 'recent_minutes=2')

    def test_live_feeds_stay_within_their_bounds(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        figures = Figures()
        self.since_ms = 0
        self.started = time.monotonic()
        self.start()
        self.wait('history, bars and open interest', self.has_all, 120)
        self.since_ms = int(time.time() * 1_000) // 60_000 * 60_000
        self.samples = []
        self.load()
        self.venue.clear()
        self.wait('every connection live again', lambda: self.sample(0).all_live, 90)
        self.judge_process(figures)
        self.judge_redis(figures)
        self.judge_minutes(figures)
        self.assertEqual(figures.missed, [])

    def tearDown(self):
        if self.venue.child and self.venue.child.poll() is not None:
            print(f'the venue server ended with {self.venue.child.poll()}:\n'
                  f'{self.venue.read_log()[-4_000:]}')
        super().tearDown()

    # ---- the load ----

    def load(self):
        print(f'\n{N_MARKETS} markets, {N_MARKETS * RATE:,.0f} trades a second, {SECONDS:.0f} s, '
              f'the first {WARM_S:.0f} of them to warm up')
        print(f'{"s":>5} {"RSS MB":>8} {"fds":>5} {"Redis MB":>9} {"trades":>10} {"frames":>10} '
              f'{"repaired":>9} {"slow turns":>10}')
        begin = time.monotonic()
        self.venue.fault('rate', venue='bybit', per_s=WARM_RATE)
        for second in range(0, int(SECONDS), SAMPLE_S):
            time.sleep(max(0, begin + second - time.monotonic()))
            self.make_trouble(second)
            self.samples.append(self.sample(time.monotonic() - begin))
            if second % 30 == 0:
                self.print_sample(self.samples[-1])

    def make_trouble(self, second):
        if WARM_S - SAMPLE_S <= second < WARM_S:
            self.venue.fault('rate', venue='bybit', per_s=RATE)
        for due, fault, params in TROUBLE:
            if second % CYCLE_S == due:
                self.venue.fault(fault, **params)

    def sample(self, since):
        metrics, connections = Counter(), 0
        for line in self.control('metrics').splitlines():
            if not line.startswith('#'):
                name, value = line.rsplit(' ', 1)
                metrics[name.split('{')[0]] += float(value)
                connections += name.startswith('weir_session_live{')
        with open(f'/proc/{self.child.pid}/status', encoding='utf-8') as file:
            rss_kb = int(re.search(r'^VmRSS:\s+(\d+)', file.read(), re.M)[1])
        return Sample(since, rss_kb, len(os.listdir(f'/proc/{self.child.pid}/fd')),
                      self.memory('used_memory'), metrics,
                      metrics['weir_session_live'] == connections)

    def memory(self, field):
        with self.redis('rms') as redis:
            info = redis.call('INFO', 'memory').decode()
        return int(re.search(rf'^{field}:(\d+)', info, re.M)[1])

    @staticmethod
    def print_sample(sample):
        metrics = sample.metrics
        print(f'{sample.s:5.0f} {sample.rss_kb / 1024:8.1f} {sample.fds:5} '
              f'{sample.used / 2**20:9.1f} {metrics["weir_trades_total"]:10,.0f} '
              f'{metrics["weir_frames_total"]:10,.0f} '
              f'{metrics["weir_repaired_trades_total"]:9,.0f} '
              f'{metrics["weir_loop_slow_turns_total"]:10,.0f}', flush=True)

    # ---- the process ----

    def judge_process(self, figures):
        warm = [sample for sample in self.samples if sample.s >= WARM_S]
        seconds = warm[-1].s - warm[0].s
        before = max(sample.rss_kb for sample in self.samples if sample.s < WARM_S)
        figures.put('most resident in the warm-up', before / 1_024, unit='MB')
        figures.put('  growth since', max(sample.rss_kb for sample in warm) - before, GROWTH_KB,
                    'kB')
        self.judge_trend(figures, warm)
        fds = [sample.fds for sample in warm if sample.all_live]
        half = len(fds) // 2
        figures.put('open files, all connections live: median', statistics.median(fds[:half]))
        figures.put('  growth in the second half',
                    statistics.median(fds[half:]) - statistics.median(fds[:half]), FD_GROWTH)
        figures.put('  most at any time', max(sample.fds for sample in warm))
        first, last = warm[0].metrics, warm[-1].metrics
        for what, name in (('trades', 'weir_trades_total'), ('frames', 'weir_frames_total'),
                           ('turns of the loop', 'weir_loop_turns_total'),
                           ('  busy over 50 ms', 'weir_loop_slow_turns_total')):
            figures.put(what, (last[name] - first[name]) / seconds, unit='/s')
        figures.put('some connection not live, of the samples',
                    100 - 100 * sum(sample.all_live for sample in warm) / len(warm),
                    NOT_LIVE_PERCENT, '%')
        for what, name in (('connections broken', 'weir_session_broken_total'),
                           ('  replaced by an overlapping one', 'weir_session_replaced_total'),
                           ('trades brought back by id', 'weir_repaired_trades_total'),
                           ('REST requests', 'weir_rest_requests_total')):
            figures.put(what, last[name])
        figures.put('transactions with Redis failed', last['weir_store_failed_total'], 0)
        figures.put('live outputs dropped', last['weir_outputs_dropped_total'], 0)

    @staticmethod
    def judge_trend(figures, warm):
        """A leak rises in both halves of the time; one step up is no trend."""
        half = len(warm) // 2
        minutes = (warm[half].s - warm[0].s) / 60
        slopes = [trend(part) for part in (warm[:half], warm[half:])]
        for name, (slope, error) in zip(('first', 'second'), slopes):
            figures.put(f'trend in the {name} half (± {error:.1f})', slope, unit='kB/min')
        slope, error = min(slopes)
        figures.put('  the lesser one, over that half', slope * minutes,
                    time_kb(minutes * 60) + NOISE_KB + 3 * error * minutes, 'kB')

    # ---- Redis ----

    def judge_redis(self, figures):
        """Everything that lies in segment RMS, by the prefix of its key."""
        with self.redis('rms') as redis:
            sizes = Counter()
            for key in scan(redis):
                prefix = re.match(r'(stream:)?[^:]*', key.decode())[0]
                sizes[prefix] += redis.call('MEMORY', 'USAGE', key, 'SAMPLES', '0') or 0
        trades = self.samples[-1].metrics['weir_trades_total']
        flows = N_ASSETS * min(self.flow_s(), 3_700) * FLOWS_A_SECOND
        bounds = {
            'tape': TAPE_TRADE * trades + N_MARKETS * CHUNK_BYTES,
            'bars': BAR_MINUTE * N_MARKETS * MINUTES_KEPT,
            'stream:trades': STREAM_TRADE * min(trades * 1.1, N_MARKETS * TRADES_KEPT),
            'stream:aggressor': FLOW_ENTRY * flows,
        }
        for prefix, bound in bounds.items():
            figures.put(f'Redis, {prefix}', sizes.pop(prefix, 0) / 1_024, bound / 1_024, 'kB')
        figures.put('Redis, all other keys', sizes.total() / 1_024, N_MARKETS * OTHERS_KB, 'kB')
        used = self.memory('used_memory') - self.memory('used_memory_startup')
        figures.put('Redis, used since its start', used / 1_024, sum(bounds.values()) / 1_024 +
                    N_MARKETS * OTHERS_KB + BESIDE_KB, 'kB')

    def flow_s(self):
        """Since when flow is written: a little before the first sample, and still."""
        return time.monotonic() - self.started

    # ---- the truth ----

    def minutes(self):
        """As LiveTest.minutes, of the time of the load alone: 80 markets hold 345,000."""
        found = {}
        with subprocess.Popen([harness.WEIR, 'tape', 'minutes', '--state', self.state, '--config',
                               self.config], stdout=subprocess.PIPE, text=True) as child:
            for row in csv.DictReader(child.stdout):
                if int(row['minute_ms']) >= self.since_ms:
                    found.setdefault(row['market'], {})[int(row['minute_ms'])] = row
        self.assertEqual(child.returncode, 0)
        return found

    def judge_minutes(self, figures):
        until_ms = self.settle(self.since_ms)
        self.stop()
        self.assertEqual(harness.pids_under(self.state), [], 'weir left processes behind')
        complete, partial = self.compare(self.since_ms, until_ms)
        span = (until_ms - self.since_ms) // 60_000 + 1
        figures.put('minutes equal to the truth', complete)
        figures.put('  marked partial, all of Bybit', partial, span * N_MARKETS / 2)
        figures.put('  not held at all', span * N_MARKETS - complete - partial, 0)
        breaches = self.venue.breaches()
        figures.put('rules of the venues broken', sum(map(len, breaches.values())), 0)
        self.assertEqual(breaches, {})


if __name__ == '__main__':
    harness.main()
