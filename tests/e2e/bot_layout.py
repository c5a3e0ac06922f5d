"""A bot of a hundred files and its Redis, as `weir sim mess --layout bot` writes it: what it
reads and writes in one scan, before and after a migration to weir's forms, and what each costs.
Shared by the end-to-end test and the bench. Standard library only."""
import json
import os
import statistics
import time
import zlib

import mess

TFS = ('15m', '1h', '4h', '1d')
DAY = 86400
DEAD_DAYS = 30
FLAG_SECONDS = DAY
FIGURES_SECONDS = 7 * DAY
TRADES_KEPT = 1000
# As the bot's server came: snapshots by redis.conf's own points, no log.
AS_IT_COMES = ('--save', '3600 1 300 100 60 10000')
WITH_LOG = ('--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec')
PROMISES = {'memory': 0.80, 'query time': 0.90, 'dead keys': 0.99, 'kept': 1.0}


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


# ---- one scan of the bot; answers what it has read, and how many round trips it took ----

class Before:
    """As the bot does it: one command, one round trip."""
    name = 'before'

    @staticmethod
    def scan(conn, symbols, trade):
        trips = 0

        def call(*words):
            nonlocal trips
            trips += 1
            return conn.call(*words)

        read = {}
        for symbol in symbols:
            close = call('GET', f'{symbol}_1h_latest_close')
            ema = call('GET', f'{symbol}_1h_EMA50')
            rsi = call('GET', f'{symbol}_15m_RSI14')
            adx = call('GET', f'{symbol}_1h_ADX14')
            trend = json.loads(call('GET', f'{symbol}_1h'))['trend']
            condition = call('GET', f'{symbol.lower()}_condition')
            read[symbol] = (close, ema, rsi, adx, trend.encode(), condition)
            call('SET', f'{symbol}_processed', 'true')
        for symbol in symbols[:3]:
            call('SADD', 'VOLUME_PASSED_TOKENS', symbol)
        call('SET', 'last_scan_vol', int(time.time()))
        call('INCR', 'tech_filter_count_in')
        call('RPUSH', 'FINAL_TRADES', trade)
        return read, trips

    @staticmethod
    def trade(conn, text):
        conn.call('RPUSH', 'FINAL_TRADES', text)

    @staticmethod
    def trades(conn):
        return set(conn.call('LRANGE', 'FINAL_TRADES', 0, -1))


class Piped(Before):
    """The same keys, everything of a scan in one pipeline: what the layout alone does not give."""
    name = 'piped'

    @staticmethod
    def scan(conn, symbols, trade):
        commands = []
        for symbol in symbols:
            commands.append(('MGET', f'{symbol}_1h_latest_close', f'{symbol}_1h_EMA50',
                             f'{symbol}_15m_RSI14', f'{symbol}_1h_ADX14', f'{symbol}_1h',
                             f'{symbol.lower()}_condition'))
            commands.append(('SET', f'{symbol}_processed', 'true'))
        commands.append(('SADD', 'VOLUME_PASSED_TOKENS', *symbols[:3]))
        commands.append(('SET', 'last_scan_vol', int(time.time())))
        commands.append(('INCR', 'tech_filter_count_in'))
        commands.append(('RPUSH', 'FINAL_TRADES', trade))
        answers = pipeline(conn, commands)
        read = {}
        for i, symbol in enumerate(symbols):
            close, ema, rsi, adx, text, condition = answers[2 * i]
            read[symbol] = (close, ema, rsi, adx, json.loads(text)['trend'].encode(), condition)
        return read, 1


class After:
    """Hashes by symbol and timeframe, everything of a scan in one pipeline."""
    name = 'after'

    @staticmethod
    def scan(conn, symbols, trade):
        commands = []
        for symbol in symbols:
            commands.append(('HMGET', f'indicators:v1:{symbol}:1h', 'latest_close', 'EMA50', 'ADX14',
                             'trend'))
            commands.append(('HGET', f'indicators:v1:{symbol}:15m', 'RSI14'))
        commands.append(('HMGET', 'market:v1:conditions', *symbols))
        commands.append(('HSET', 'market:v1:processed',
                         *(word for symbol in symbols for word in (symbol, 'true'))))
        commands.append(('EXPIRE', 'market:v1:processed', FLAG_SECONDS))
        commands.append(('SADD', 'market:v1:volume_passed', *symbols[:3]))
        commands.append(('SET', 'counters:v1:last_scan_vol', int(time.time()), 'EX', FLAG_SECONDS))
        commands.append(('INCR', 'counters:v1:tech_filter_in'))
        commands.append(('XADD', 'trades:v1:final', '*', 'v', trade))
        answers = pipeline(conn, commands)
        conditions = answers[2 * len(symbols)]
        read = {}
        for i, symbol in enumerate(symbols):
            close, ema, adx, trend = answers[2 * i]
            read[symbol] = (close, ema, answers[2 * i + 1], adx, trend, conditions[i])
        return read, 1

    @staticmethod
    def trade(conn, text):
        conn.call('XADD', 'trades:v1:final', '*', 'v', text)

    @staticmethod
    def trades(conn):
        return {entry[1][1] for entry in conn.call('XRANGE', 'trades:v1:final', '-', '+')}


# ---- the migration ----

def flat(text):
    """A flat JSON object as fields and values, numbers as they are written."""
    members = json.loads(text, parse_float=str, parse_int=str)
    return [word for pair in members.items() for word in pair]


def move_figures(old, symbols):
    """The JSON of a symbol and timeframe becomes a hash; what stood beside it was in it."""
    for symbol in symbols:
        for tf in TFS:
            text = old.call('GET', f'{symbol}_{tf}')
            close = old.call('GET', f'{symbol}_{tf}_latest_close')
            key = f'indicators:v1:{symbol}:{tf}'
            yield ('HSET', key, *flat(text), 'latest_close', close)
            yield ('EXPIRE', key, FIGURES_SECONDS)
            klines = old.call('GET', f'klines:{symbol}USDT:{tf}')
            yield ('SET', f'market:v1:klines:{symbol}:{tf}', zlib.compress(klines, 6))


def move_flags(old, symbols):
    """Flags end by themselves; those that nobody has used for a month are left behind."""
    yield ('HSET', 'market:v1:conditions',
           *(word for symbol in symbols
             for word in (symbol, old.call('GET', f'{symbol.lower()}_condition'))))
    yield ('HSET', 'market:v1:processed',
           *(word for symbol in symbols for word in (symbol, 'true')))
    yield ('EXPIRE', 'market:v1:processed', FLAG_SECONDS)
    yield ('HSET', 'market:v1:usdt', *(word for symbol in symbols for word in
                                       (symbol, old.call('GET', f'USDT_{symbol}'))))
    for key in all_keys(old):
        name = key.decode()
        if name.endswith('_alerted') and old.call('OBJECT', 'IDLETIME', key) < DEAD_DAYS * DAY:
            symbol, day, _ = name.split('_')
            yield ('SET', f'market:v1:alerted:{symbol}:{day}', 'true', 'EX', FLAG_SECONDS)


def move_rest(old, archive):
    """Counters and sets keep their shape. The newest trades are a stream; all of them, the older
    ones too, are in the archive's file, on the disk before anything is removed."""
    for key, to in (('tech_filter_count_in', 'counters:v1:tech_filter_in'),
                    ('tech_filter_count_out', 'counters:v1:tech_filter_out')):
        yield ('SET', to, old.call('GET', key))
    for key, to in (('VOLUME_PASSED_TOKENS', 'market:v1:volume_passed'),
                    ('FORK_RRR_PASSED', 'market:v1:rrr_passed'),
                    ('fork_score:approved', 'market:v1:fork_approved')):
        yield ('SADD', to, *old.call('SMEMBERS', key))
    yield ('HSET', 'trades:v1:sent', *old.call('HGETALL', 'SENT_TRADES'))
    yield ('SET', 'counters:v1:last_scan_vol', old.call('GET', 'last_scan_vol'), 'EX', FLAG_SECONDS)
    trades = old.call('LRANGE', 'FINAL_TRADES', 0, -1)
    with open(archive, 'wb') as file:
        file.write(b'\n'.join(trades) + b'\n')
        file.flush()
        os.fsync(file.fileno())
    for trade in trades[-TRADES_KEPT:]:
        yield ('XADD', 'trades:v1:final', '*', 'v', trade)


def migrate(old, new, archive):
    symbols = symbols_of(old)
    for step in (move_figures(old, symbols), move_flags(old, symbols), move_rest(old, archive)):
        pipeline(new, list(step))


# ---- measuring ----

def dead_keys(conn):
    return sum(idle > DEAD_DAYS * DAY for idle in
               pipeline(conn, [('OBJECT', 'IDLETIME', key) for key in all_keys(conn)]))


def used_memory(redis):
    return int(redis.info('used_memory_dataset')), int(redis.info('used_memory'))


def scan_times(sides, symbols, rounds):
    """Median seconds of a scan of each side, taken turn by turn; what they read is the same."""
    times = [[] for _ in sides]
    trips = [0 for _ in sides]
    for number in range(rounds):
        reads = []
        for i, (side, conn) in enumerate(sides):
            began = time.perf_counter()
            read, trips[i] = side.scan(conn, symbols, f'{{"scan": {number}}}')
            times[i].append(time.perf_counter() - began)
            reads.append(read)
        if any(read != reads[0] for read in reads):
            raise AssertionError('the two layouts answer differently')
    return [statistics.median(some) for some in times], trips


def survivors(redis, side, count):
    """Of so many trades that were acknowledged, those that are there after kill -9 and a start."""
    wrote = [f'{{"id": {number}, "symbol": "BTCUSDT", "survives": "?"}}'.encode()
             for number in range(count)]
    with redis.connect() as conn:
        for text in wrote:
            side.trade(conn, text)
    redis.kill()
    redis.start()
    with redis.connect() as conn:
        return len(side.trades(conn) & set(wrote))


def measure(weir, temp, keys, rounds, trades):
    """Both layouts, side by side; figures of each."""
    old = mess.Redis(os.path.join(temp, 'old'), *AS_IT_COMES).start()
    new = mess.Redis(os.path.join(temp, 'new'), *WITH_LOG).start()
    try:
        empty = used_memory(old)[1], used_memory(new)[1]
        mess.fill(weir, old, keys, 1, os.path.join(temp, 'truth'), layout='bot')
        with old.connect() as was, new.connect() as now:
            dead = dead_keys(was)
            archive = os.path.join(temp, 'trades.jsonl')
            migrate(was, now, archive)
            before = Before.trades(was)
            with open(archive, 'rb') as file:
                archived = set(file.read().splitlines())
            if archived != before:
                raise AssertionError('the archive has not every trade')
            figures = {'keys': (was.call('DBSIZE'), now.call('DBSIZE')),
                       'memory': (used_memory(old)[1] - empty[0], used_memory(new)[1] - empty[1]),
                       'dead keys': (dead, dead_keys(now)),
                       'no end': (no_end(was), no_end(now))}
            times, trips = scan_times(((Before, was), (After, now), (Piped, was)),
                                      symbols_of(was), rounds)
            figures['query time'], figures['round trips'] = times[:2], trips[:2]
            figures['piped'] = times[0], times[2]
        # The snapshot that its points would have made by now.
        old.dump()
        figures['kept'] = (survivors(old, Before, trades), survivors(new, After, trades))
        figures['written'] = trades
        return figures
    finally:
        old.stop()
        new.stop()


def no_end(conn):
    """Keys that stay when nobody comes back for them."""
    return sum(ttl < 0 for ttl in pipeline(conn, [('TTL', key) for key in all_keys(conn)]))


def less(pair):
    return 1 - pair[1] / pair[0] if pair[0] else 0.0


def show(figures):
    """Measured, beside what was promised; the shares by name."""
    kept = figures['kept'][1] / figures['written']
    shares = {'memory': less(figures['memory']), 'query time': less(figures['query time']),
              'dead keys': less(figures['dead keys']), 'kept': kept}
    rows = (('memory', 'used_memory, MB', 1e-6, '{:.2f}', 'less'),
            ('query time', 'a scan of the bot, ms', 1e3, '{:.2f}', 'less'),
            ('dead keys', f'keys idle for over {DEAD_DAYS} days', 1, '{:.0f}', 'fewer'),
            ('kept', f'of {figures["written"]} trades, there after kill -9', 1, '{:.0f}', 'kept'))
    for name, what, factor, form, word in rows:
        was, now = (form.format(value * factor) for value in figures[name])
        promise = PROMISES[name]
        verdict = 'kept' if shares[name] >= promise else 'NOT kept'
        print(f'{what:<40} {was:>10} -> {now:>8}: {shares[name]:6.1%} {word}; '
              f'promised {promise:.0%}: {verdict}')
    print(f'{"the same keys in one pipeline, ms":<40} {figures["piped"][0] * 1e3:>10.2f} -> '
          f'{figures["piped"][1] * 1e3:>8.2f}: {less(figures["piped"]):6.1%} less, of which no '
          f'new layout is the cause')
    print(f'{"keys":<40} {figures["keys"][0]:>10} -> {figures["keys"][1]:>8}')
    print(f'{"keys without an end":<40} {figures["no end"][0]:>10} -> {figures["no end"][1]:>8}')
    print(f'{"round trips of a scan":<40} {figures["round trips"][0]:>10} -> '
          f'{figures["round trips"][1]:>8}', flush=True)
    return shares
