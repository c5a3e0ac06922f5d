#!/usr/bin/env python3
"""A dump of 1,000,000 mixed keys: `weir audit FILE` whole against `redis-check-rdb FILE`, the same
file, interleaved, medians; keys a second, MB a second, and weir's resident set.
usage: bench_rdb.py WEIR [GEN_LOAD [KEYS]]"""
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

WEIR = os.path.abspath(sys.argv[1])
KEYS = int(sys.argv[3]) if len(sys.argv) > 3 else 1_000_000
RUNS = 5
missed = 0


def bound(name, value, unit, limit, at_least):
    global missed
    met = value >= limit if at_least else value <= limit
    missed += not met
    sign = '>=' if at_least else '<='
    print(f'{name:<58} {value:10.2f} {unit} (bound {sign} {limit:g}){"" if met else "  MISSED"}', flush=True)


def command(*words):
    words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    return b'*%d\r\n' % len(words) + b''.join(b'$%d\r\n%s\r\n' % (len(w), w) for w in words)


def one_key(i, rng):
    """Of a hundred: 62 strings, 16 hashes, 6 lists, 6 sets, 6 zsets, 4 streams; a third expires."""
    kind, symbol = i % 100, ('BTC', 'ETH', 'SOL', 'XRP', 'DOGE')[i % 5] + str(i // 1000)
    if kind < 20:
        name = f'{symbol}_1h_RSI14_{i}'
        yield command('SET', name, f'{rng.random() * 100:.10f}')
    elif kind < 40:
        name = f'klines:{symbol}:{i}'
        yield command('SET', name, '{"open":%f,"high":%f,"low":%f,"close":%f,"volume":%d}' % (
            rng.random(), rng.random(), rng.random(), rng.random(), rng.randrange(10**9)))
    elif kind < 62:
        name = f'counter:{i}'
        yield command('SET', name, rng.randrange(10**6))
    elif kind < 78:
        name = f'user:{i}'
        yield command('HSET', name, *sum(([f'field{j}', rng.randrange(10**9)] for j in range(8)), []))
    elif kind < 84:
        name = f'queue:{i}'
        yield command('RPUSH', name, *(f'item-{rng.randrange(10**9)}' for _ in range(12)))
    elif kind < 90:
        name = f'set:{i}'
        yield command('SADD', name, *(f'{symbol}-{j}' if i % 2 else rng.randrange(10**6) for j in range(10)))
    elif kind < 96:
        name = f'rank:{i}'
        yield command('ZADD', name, *sum(([rng.random(), f'member{j}'] for j in range(10)), []))
    else:
        name = f'events:{i}'
        for j in range(3):
            yield command('XADD', name, f'{1700000000000 + i}-{j}', 'price', rng.random(), 'side', 'buy')
    if i % 3 == 0:
        yield command('PEXPIREAT', name, 4102444800000 + i)


def make_dump(folder):
    server = subprocess.Popen(['redis-server', '--port', '0', '--unixsocket', f'{folder}/s', '--dir', folder,
                               '--save', '', '--loglevel', 'warning'], stdout=subprocess.DEVNULL)
    try:
        while not os.path.exists(f'{folder}/s'):
            time.sleep(0.02)
        rng = random.Random(1)
        pipe = subprocess.Popen(['redis-cli', '-s', f'{folder}/s', '--pipe'], stdin=subprocess.PIPE,
                                stdout=subprocess.DEVNULL)
        for i in range(KEYS):
            pipe.stdin.write(b''.join(one_key(i, rng)))
        pipe.stdin.close()
        assert pipe.wait() == 0
        subprocess.run(['redis-cli', '-s', f'{folder}/s', 'save'], check=True, stdout=subprocess.DEVNULL)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
    return f'{folder}/dump.rdb'


def timed(words):
    """Seconds and the largest resident set in MB."""
    begin = time.monotonic()
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, f'{words[0]}: exit status {child.returncode}'
    return time.monotonic() - begin, usage.ru_maxrss * 1024 / 1e6


def main():
    if not all(shutil.which(name) for name in ('redis-server', 'redis-cli', 'redis-check-rdb')):
        print('redis-server, redis-cli or redis-check-rdb is not installed')
        return 77
    folder = tempfile.mkdtemp(prefix='weir-bench-')
    try:
        path = make_dump(folder)
        size = os.path.getsize(path) / 1e6
        ways = {'weir audit': [WEIR, 'audit', path, '--json'], 'weir audit --keys': [WEIR, 'audit', path, '--keys'],
                'redis-check-rdb': ['redis-check-rdb', path]}
        seconds = {name: [] for name in ways}
        resident = {name: 0 for name in ways}
        for _ in range(RUNS):
            for name, words in ways.items():
                took, mb = timed(words)
                seconds[name].append(took)
                resident[name] = max(resident[name], mb)
        print(f'{KEYS} keys, {size:.1f} MB')
        for name in ways:
            took = statistics.median(seconds[name])
            print(f'{name:<58} {KEYS / took / 1e3:10.0f} k keys/s, {size / took:.0f} MB/s, '
                  f'{took:.3f} s [{min(seconds[name]):.3f}..{max(seconds[name]):.3f}], '
                  f'{resident[name]:.1f} MB resident')
        check = statistics.median(seconds['redis-check-rdb'])
        bound('weir audit: speed of redis-check-rdb', check / statistics.median(seconds['weir audit']), 'x', 1.0, True)
        bound('weir audit: resident', max(resident['weir audit'], resident['weir audit --keys']), 'MB', 100, False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if missed else 0


if __name__ == '__main__':
    sys.exit(main())
