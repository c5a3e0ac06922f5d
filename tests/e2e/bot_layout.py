"""A bot of a hundred files and its Redis, as `weir sim mess --layout bot` writes it: what it
reads and writes in one scan, before and after `weir clean` and `weir migrate`, and what each
costs. Shared by the end-to-end test and the bench. Standard library only."""
import gc
import hashlib
import json
import math
import os
import shutil
import statistics
import subprocess
import time

import mess
from test_migrate_sinks import DuckDB

DAY = 86400
DEAD_DAYS = 30
# As the bot's server came: snapshots by redis.conf's own points, no log.
AS_IT_COMES = '3600 1 300 100 60 10000'
WITH_LOG = ('--appendonly', 'yes', '--appendfsync', 'everysec')
PROMISES = {'memory': 0.80, 'query time': 0.90, 'dead keys': 0.99, 'kept': 1.0}
# Scans of each side in a round: the quickest counts, for what else ran is no cost of a layout.
TRIES = 3
WARM_ROUNDS = 2


# ---- talking to a server ----

def one_by_one(conn, commands):
    return [conn.call(*words) for words in commands]


def pipeline(conn, commands):
    """All of them in one round trip."""
    conn.socket.sendall(b''.join(
        b'*%d\r\n' % len(words) + b''.join(
            b'$%d\r\n%s\r\n' % (len(part), part)
            for part in (word if isinstance(word, bytes) else str(word).encode()
                         for word in words))
        for words in commands))
    return [conn.read() for _ in commands]


def all_keys(conn):
    cursor, keys = '0', []
    while True:
        cursor, some = conn.call('SCAN', cursor, 'COUNT', 1000)
        keys += some
        if cursor == b'0':
            return keys


def symbols_of(conn):
    return sorted(key.decode().split(':')[1].removesuffix('USDT') for key in all_keys(conn)
                  if key.startswith(b'klines:') and key.endswith(b':1h'))


# ---- one scan of the bot: its commands, and what it has read from their answers ----

class Before:
    """The bot as it is."""

    @staticmethod
    def scan(symbols, trade):
        commands = []
        for symbol in symbols:
            commands += [('GET', f'{symbol}_1h_latest_close'), ('GET', f'{symbol}_1h_EMA50'),
                         ('GET', f'{symbol}_15m_RSI14'), ('GET', f'{symbol}_1h_ADX14'),
                         ('GET', f'{symbol}_1h'), ('GET', f'{symbol.lower()}_condition'),
                         ('SET', f'{symbol}_processed', 'true')]
        commands += [('SADD', 'VOLUME_PASSED_TOKENS', symbol) for symbol in symbols[:3]]
        commands += [('SET', 'last_scan_vol', int(time.time())), ('INCR', 'tech_filter_count_in'),
                     ('RPUSH', 'FINAL_TRADES', trade)]
        return commands

    @staticmethod
    def read(symbols, answers):
        read = {}
        for i, symbol in enumerate(symbols):
            close, ema, rsi, adx, text, condition, _ = answers[7 * i:7 * i + 7]
            read[symbol] = close, ema, rsi, adx, json.loads(text)['trend'].encode(), condition
        return read

    @staticmethod
    def trade(text):
        return 'RPUSH', 'FINAL_TRADES', text

    @staticmethod
    def trades(conn):
        return set(conn.call('LRANGE', 'FINAL_TRADES', 0, -1))


class After:
    """The bot on the keys that the plan below makes."""

    @staticmethod
    def scan(symbols, trade):
        commands = []
        for symbol in symbols:
            commands += [('HMGET', f'indicators:v1:{symbol}:1h', 'EMA50', 'ADX14', 'trend'),
                         ('HGET', f'indicators:v1:{symbol}:15m', 'RSI14'),
                         ('SET', f'cache:v1:{symbol}:processed', 'true', 'EX', DAY)]
        commands += [('MGET', *(f'indicators:v1:{symbol}:1h:latest:close' for symbol in symbols)),
                     ('MGET', *(f'cache:v1:{symbol.lower()}:condition' for symbol in symbols)),
                     ('SADD', 'market:v1:volume_passed', *symbols[:3]),
                     ('SET', 'cache:v1:last:scan:vol', int(time.time()), 'EX', DAY),
                     ('INCR', 'counters:v1:tech:filter:count:in'),
                     ('XADD', 'trades:v1:final', 'MAXLEN', '~', 1000, '*', 'v', trade)]
        return commands

    @staticmethod
    def read(symbols, answers):
        closes, conditions = answers[3 * len(symbols):3 * len(symbols) + 2]
        read = {}
        for i, symbol in enumerate(symbols):
            ema, adx, trend = answers[3 * i]
            read[symbol] = closes[i], ema, answers[3 * i + 1], adx, trend, conditions[i]
        return read

    @staticmethod
    def trade(text):
        return 'XADD', 'trades:v1:final', 'MAXLEN', '~', 1000, '*', 'v', text

    @staticmethod
    def trades(conn):
        return {entry[1][1] for entry in conn.call('XRANGE', 'trades:v1:final', '-', '+')}


# ---- the plan, and what a person makes of it ----

def to_sink(table):
    return {'sink': 'duckdb', 'type': 'same', 'to': '', 'table': table}


def to_redis(name, form='same'):
    return {'sink': 'redis', 'type': form, 'to': name}


# Figures that the JSON of their symbol and timeframe has as well: new code reads them there.
FIGURES = ('StochRSI_K', 'StochRSI_D', 'EMA50', 'EMA200', 'ADX14', 'ATR14', 'RSI14', 'MACD',
           'volume')
EDITS = {
    'FINAL_TRADES': to_sink('trades'),
    'SENT_TRADES': to_redis('trades:v1:sent'),
    'VOLUME_PASSED_TOKENS': to_redis('market:v1:volume_passed'),
    'FORK_RRR_PASSED': to_redis('market:v1:rrr_passed'),
    'fork_score:approved': to_redis('market:v1:fork_approved'),
    **{f'{{symbol}}_{{tf}}_{name}': to_sink('indicator_data') for name in FIGURES},
}
KLINES = {'archived': to_sink('records'),
          'packed': to_redis('market:v1:klines:{symbol}:{tf}', 'packed')}


def edit(path, klines):
    """The rest of the plan stays as weir made it."""
    with open(path, encoding='utf-8') as file:
        plan = json.load(file)
    families = {family['match']: family for family in plan['families']}
    for match, changes in (*EDITS.items(), ('klines:{symbol}:{tf}', KLINES[klines])):
        families[match].update(changes)
    with open(path, 'w', encoding='utf-8') as file:
        json.dump(plan, file, indent=1)


class Weir:
    """The commands on one server; their files are in a folder of its own."""

    def __init__(self, weir, redis, folder):
        self.weir, self.url, self.folder = weir, redis.url, folder
        self.plan = os.path.join(folder, 'plan.json')
        self.duck = DuckDB(folder)
        os.makedirs(folder, exist_ok=True)

    def run(self, *words):
        done = subprocess.run([self.weir, *words, '--json'], cwd=self.folder, text=True,
                              capture_output=True, check=False, timeout=600)
        if done.returncode:
            raise AssertionError(f'weir {" ".join(words)}: {done.returncode}\n'
                                 f'{done.stdout[-2000:]}{done.stderr[-2000:]}')
        return json.loads(done.stdout)

    def clean(self):
        """Before the plan: its audit reads values, which an old server counts as use."""
        taken = self.run('clean', self.url, '--rule', 'dead', '--apply')['taken']
        return min(taken, self.run('clean', self.url, '--purge')['purged'])

    def migrate(self, step, *more):
        return self.run('migrate', step, '--plan', self.plan, *more)


def migrate(weir, conn, klines):
    """All of it. The old bot scans once more when the copies are made: dual brings that."""
    weir.run('migrate', 'plan', weir.url, '--plan', weir.plan, '--sink', f'duckdb={weir.duck.url}')
    edit(weir.plan, klines)
    weir.migrate('apply')
    one_by_one(conn, Before.scan(symbols_of(conn), '{"scan": "last"}'))
    trades = conn.call('LRANGE', 'FINAL_TRADES', 0, -1)
    weir.migrate('dual', '--for', '1')
    if not weir.migrate('verify')['holds'] or not weir.migrate('finish')['holds']:
        raise AssertionError('the migration does not hold')
    archived = weir.duck.query('SELECT md5(string_agg(raw, chr(10) ORDER BY position)) FROM '
                               'trades')[0][0]
    if archived != hashlib.md5(b'\n'.join(trades)).hexdigest():
        raise AssertionError('the archive has not every trade')
    return len(trades)


# ---- measuring ----

def wait_for(redis, name, value='0', seconds=60):
    deadline = time.monotonic() + seconds
    while redis.info(name) != value:
        if time.monotonic() > deadline:
            raise AssertionError(f'{name} is {redis.info(name)}')
        time.sleep(0.02)


def used_memory(redis):
    """Without the histograms of latency, 24 KB for each kind of command that was ever sent."""
    wait_for(redis, 'lazyfree_pending_objects')
    with redis.connect() as conn:
        conn.call('CONFIG', 'RESETSTAT')
    return int(redis.info('used_memory'))


def dead_keys(conn):
    keys = all_keys(conn)
    idle = pipeline(conn, [('OBJECT', 'IDLETIME', key) for key in keys])
    return {key for key, seconds in zip(keys, idle) if seconds > DEAD_DAYS * DAY}


def no_end(conn):
    """Keys that stay when nobody comes back for them."""
    keys = all_keys(conn)
    ends = pipeline(conn, [('TTL', key) for key in keys])
    return {key for key, seconds in zip(keys, ends) if seconds < 0}


def dead_left(conn, dead):
    """Those that were dead before, under the name that they have now. A flag of a symbol is in
    use again once the bot has scanned."""
    alerted = {b'cache:v1:%s:%s:alerted' % tuple(key.split(b'_')[:2])
               for key in dead if key.endswith(b'_alerted')}
    return set(all_keys(conn)) & (dead | alerted)


def log_from_now_on(redis):
    with redis.connect() as conn:
        conn.call('CONFIG', 'SET', 'appendfsync', 'everysec', 'appendonly', 'yes')
    wait_for(redis, 'aof_rewrite_scheduled')
    wait_for(redis, 'aof_rewrite_in_progress')
    wait_for(redis, 'aof_last_bgrewrite_status', 'ok')
    redis.settings = (*redis.settings, *WITH_LOG)


class Timing:
    """Rounds of every side's scan, in another order each; what they read is the same."""

    def __init__(self, sides, symbols):
        self.sides, self.symbols = sides, symbols
        self.seconds = {name: [] for name in sides}
        self.trips = {name: 0 for name in sides}

    def scan(self, name, trade):
        layout, run, conn = self.sides[name]
        began = time.perf_counter()
        commands = layout.scan(self.symbols, trade)
        read = layout.read(self.symbols, run(conn, commands))
        seconds = time.perf_counter() - began
        self.trips[name] = 1 if run is pipeline else len(commands)
        return seconds, read

    def round(self, number):
        names = list(self.sides)
        first, reads = number % len(names), []
        for name in names[first:] + names[:first]:
            scans = [self.scan(name, f'{{"scan": {number}}}') for _ in range(TRIES)]
            self.seconds[name].append(min(seconds for seconds, _ in scans))
            reads += [read for _, read in scans]
        if any(read != reads[0] for read in reads):
            raise AssertionError('the two layouts answer differently')

    def run(self, rounds):
        for number in range(WARM_ROUNDS):
            self.round(number)
        self.seconds = {name: [] for name in self.sides}
        gc.disable()
        try:
            for number in range(rounds):
                self.round(number)
        finally:
            gc.enable()

    def median(self, name):
        return statistics.median(self.seconds[name])

    def spread(self, name):
        """Half of the rounds lie between the two."""
        return statistics.quantiles(self.seconds[name], n=4)[::2]

    def saved(self, was, now):
        """By how much one is shorter than the other in the same round: the median, between the
        bounds in which the true one lies with 95 % (by order: a binomial's 1.96 sigma)."""
        shares = sorted(1 - b / a for a, b in zip(self.seconds[was], self.seconds[now]))
        off = 0.98 * math.sqrt(len(shares))
        low = max(math.floor(len(shares) / 2 - off), 0)
        return shares[low], statistics.median(shares), shares[len(shares) - 1 - low]


def server_seconds(redis, layout, symbols, rounds):
    """What the server itself needs for the commands of a scan, by its own count; the least."""
    names, least = {words[0].lower() for words in layout.scan(symbols, '')}, []
    with redis.connect() as conn:
        for _ in range(rounds):
            conn.call('CONFIG', 'RESETSTAT')
            pipeline(conn, layout.scan(symbols, '{"scan": "counted"}'))
            told = conn.call('INFO', 'commandstats').decode()
            least.append(sum(int(row.partition('usec=')[2].partition(',')[0])
                             for row in told.splitlines()
                             if row.partition(':')[0].removeprefix('cmdstat_') in names))
    return min(least) * 1e-6


def survivors(redis, layout, count):
    """Of so many trades that were acknowledged, those that are there after kill -9 and a start.
    Where there is a log, they are in its file first: everysec may wait up to two seconds."""
    wrote = [f'{{"id": {number}, "symbol": "BTCUSDT", "survives": "?"}}'.encode()
             for number in range(count)]
    with redis.connect() as conn:
        one_by_one(conn, [layout.trade(text) for text in wrote])
    if redis.info('aof_enabled') == '1':
        wait_for(redis, 'aof_buffer_length')
    redis.kill()
    redis.start()
    with redis.connect() as conn:
        return len(layout.trades(conn) & set(wrote))


class Trial:
    """The bot's server as it is, and copies of it that are migrated."""

    def __init__(self, weir, temp, keys):
        self.weir, self.temp = weir, temp
        self.servers = []
        self.old = self.serve('old')
        self.empty = used_memory(self.old)
        mess.fill(weir, self.old, keys, 1, os.path.join(temp, 'truth'), layout='bot')
        self.dump = self.old.dump()

    def serve(self, name, dump=None):
        redis = mess.Redis(os.path.join(self.temp, name))
        if dump:
            shutil.copy(dump, redis.folder)
        self.servers.append(redis.start())
        return redis

    def stop(self):
        for redis in self.servers:
            redis.stop()

    def migrate(self, klines, figures):
        redis = self.serve(klines, self.dump)
        weir = Weir(self.weir, redis, os.path.join(self.temp, f'weir-{klines}'))
        memory = used_memory(redis) - self.empty
        with redis.connect() as conn:
            dead, stay = dead_keys(conn), no_end(conn)
            figures['keys'] = conn.call('DBSIZE')
            figures['cleaned'] = weir.clean()
            figures['archived'] = migrate(weir, conn, klines)
            log_from_now_on(redis)
            left = dead_left(conn, dead)
            figures['dead keys'] = len(dead), len(left & no_end(conn))
            figures['dying'] = len(left - no_end(conn))
            figures['no end'] = len(stay), len(no_end(conn))
            figures['keys'] = figures['keys'], conn.call('DBSIZE')
        figures['memory'] = memory, used_memory(redis) - self.empty
        return redis


def measure(weir, temp, keys, rounds, trades, packed=False):
    """Both layouts, side by side; figures of each."""
    trial = Trial(weir, temp, keys)
    figures = {'written': trades}
    try:
        if packed:
            other = {}
            trial.migrate('packed', other)
            figures['packed'] = other['memory']
        old, new = trial.old, trial.migrate('archived', figures)
        with old.connect() as was, new.connect() as now:
            symbols = symbols_of(was)
            figures['timing'] = Timing({'before': (Before, one_by_one, was),
                                        'after': (After, pipeline, now),
                                        'before, piped': (Before, pipeline, was),
                                        'after, not piped': (After, one_by_one, now)}, symbols)
            figures['timing'].run(rounds)
            figures['server'] = (server_seconds(old, Before, symbols, rounds),
                                 server_seconds(new, After, symbols, rounds))
            # The snapshot that its points would have made by now.
            was.call('CONFIG', 'SET', 'save', AS_IT_COMES)
            was.call('SAVE')
        figures['kept'] = survivors(old, Before, trades), survivors(new, After, trades)
        return figures
    finally:
        trial.stop()


# ---- the table ----

def less(pair):
    return 1 - pair[1] / pair[0] if pair[0] else 0.0


def verdict(promise, low, high):
    return 'kept' if low >= promise else 'NOT kept' if high < promise else 'undecided'


def line(what, was, now, share='', promise='', said=''):
    print(f'{what:<46} {was:>12} {now:>12} {share:>22} {promise:>9} {said}', flush=True)


def show_promises(figures, shares):
    timing = figures['timing']
    low, middle, high = timing.saved('before', 'after')
    line('promise', 'before', 'after', 'saved', 'promised')
    rows = (('memory', 'its Redis, MB', [f'{bytes / 1e6:.2f}' for bytes in figures['memory']]),
            ('query time', 'a scan of the bot, ms, median',
             [f'{timing.median(name) * 1e3:.2f}' for name in ('before', 'after')]),
            ('dead keys', f'keys dead for {DEAD_DAYS} days that stay', figures['dead keys']),
            ('kept', f'of {figures["written"]} trades, there after kill -9', figures['kept']))
    for name, what, pair in rows:
        share = f'{shares[name]:.1%}'
        bounds = (shares[name], shares[name])
        if name == 'query time':
            share, bounds = f'{middle:.1%} ({low:.1%}…{high:.1%})', (low, high)
        line(what, *pair, share, f'{PROMISES[name]:.0%}', verdict(PROMISES[name], *bounds))


def show_reasons(figures):
    timing = figures['timing']
    print('what it comes from', flush=True)
    line('  half of the scans took, ms',
         *('…'.join(f'{seconds * 1e3:.2f}' for seconds in timing.spread(name))
           for name in ('before', 'after')))
    for what, was, now in (
            ('  new layout alone: a command, a round trip', 'before', 'after, not piped'),
            ('  pipeline alone: the old keys in one', 'before', 'before, piped'),
            ('  new layout, where both are in one pipeline', 'before, piped', 'after')):
        low, middle, high = timing.saved(was, now)
        line(what, f'{timing.median(was) * 1e3:.2f}', f'{timing.median(now) * 1e3:.2f}',
             f'{middle:.1%} ({low:.1%}…{high:.1%})')
    line('  round trips of a scan', timing.trips['before'], timing.trips['after'])
    line('  commands of a scan', timing.trips['before'], timing.trips['after, not piped'])
    line("  the server's own time of a scan, ms",
         *(f'{seconds * 1e3:.2f}' for seconds in figures['server']),
         f'{less(figures["server"]):.1%}')
    line('  keys', *figures['keys'])
    line('  keys without an end', *figures['no end'])
    line('  dead keys that clean removed', '', figures['cleaned'])
    line('  dead keys that end within a day', '', figures['dying'])
    line('  trades in the DuckDB file, each compared', '', figures['archived'])
    if 'packed' in figures:
        line('  its Redis with klines packed in it, MB',
             *(f'{bytes / 1e6:.2f}' for bytes in figures['packed']),
             f'{less(figures["packed"]):.1%}')


def show(figures):
    """Measured, beside what was promised; the shares by name."""
    shares = {'memory': less(figures['memory']),
              'query time': figures['timing'].saved('before', 'after')[1],
              'dead keys': less(figures['dead keys']),
              'kept': figures['kept'][1] / figures['written']}
    show_promises(figures, shares)
    show_reasons(figures)
    return shares
