#!/usr/bin/env python3
"""The market load of memory.md on the real binary and a real server: 18.7 million
trades of 40 markets (shares 1/rank) over 72 hours, then 10 million more. Prints
what RMS holds per family, weir's resident set on the way, how fast seven segments
answer and how fast the state is back. usage: bench_memory.py WEIR GEN_LOAD"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

WEIR, GEN_LOAD = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, '../../shared/data/market')
TEMPLATES = [os.path.join(DATA, n) for n in ('usdm_ethusdt_20240808.gz', 'spot_ethusdt_20240809.gz')]
TRADES, MARKETS, HOURS, START_MS = 18_700_000, 40, 72, 1_700_000_000_000 // 3_600_000 * 3_600_000
MORE = 10_000_000
missed = 0


def bound(name, value, unit, limit):
    global missed
    met = value <= limit
    missed += not met
    print(f'{name:<58} {value:10.2f} {unit} (bound <= {limit:g}){"" if met else "  MISSED"}', flush=True)


def rss_mb(pid):
    with open(f'/proc/{pid}/status') as file:
        fields = dict(line.split(':', 1) for line in file)
    return int(fields['VmRSS'].split()[0]) * 1024 / 1e6


def replay(state, fifo, trades, start_ms, hours):
    """Feeds generated frames through a fifo; the resident set as they pass."""
    generator = subprocess.Popen(f'exec {GEN_LOAD} {trades} {MARKETS} {hours} {start_ms} '
                                 f'{" ".join(TEMPLATES)} > {fifo}', shell=True)
    begin = time.monotonic()
    weir = subprocess.Popen([WEIR, 'replay', '--as', 'binance:perp', '--state', state, '--json', fifo],
                            stdout=subprocess.PIPE, text=True)
    samples = []
    while weir.poll() is None:
        try:
            samples.append(rss_mb(weir.pid))
        except (FileNotFoundError, KeyError):
            break
        time.sleep(0.25)
    result = json.loads(weir.communicate()[0])
    generator.wait()
    seconds = time.monotonic() - begin
    print(f'{trades} trades in {seconds:.1f} s ({trades / seconds / 1e6:.2f} M/s, the generator '
          f'included), {result["trades"]} taken, {result["late"]} late, {result["gaps"]} gaps')
    return result, samples


def redis(state, *command):
    return subprocess.run([WEIR, 'redis', '--state', state, 'rms', *command], check=True,
                          capture_output=True, text=True).stdout


def family_bytes(state, prefix):
    keys = re.findall(rf'{prefix}:\S+', redis(state, 'scan', '0', 'match', f'{prefix}:*', 'count', '10000'))
    return sum(int(redis(state, 'memory', 'usage', key, 'samples', '0').split()[-1]) for key in keys), len(keys)


def up_seconds(state):
    """Start to the line that weir prints when it is ready: (segments ms, state back ms)."""
    weir = subprocess.Popen([WEIR, 'up', '--state', state], stdout=subprocess.PIPE, text=True,
                            env={**os.environ, 'WEIR_MARKET_FEED': 'off'})
    line = weir.stdout.readline()
    found = re.search(r'answered after (\d+) ms, (\d+) markets back after (\d+) ms', line)
    return weir, (int(found[1]), int(found[2]), int(found[3]))


def main():
    if not os.path.isdir(DATA):
        print('no recordings beside the project')
        return 77
    temp = tempfile.mkdtemp(prefix='weir-bench-')
    state, fifo = os.path.join(temp, 'state'), os.path.join(temp, 'fifo')
    os.mkfifo(fifo)
    weir = None
    try:
        result, samples = replay(state, fifo, TRADES, START_MS, HOURS)
        full_mb = max(samples[-4:] or [0])
        bound('weir resident, 40 markets x 72 h full', full_mb, 'MB', 60)
        result, samples = replay(state, fifo, MORE, START_MS + HOURS * 3_600_000, HOURS)
        settled = samples[len(samples) // 4:]
        bound('growth while 10 million more pass (last - first quarter)', samples[-1] - settled[0], 'MB', 2)
        bound('weir resident after them', max(settled), 'MB', 60)
        shutil.rmtree(state)
        replay(state, fifo, TRADES, START_MS, HOURS)
        starts = []
        for _ in range(5):
            weir, figures = up_seconds(state)
            starts.append(figures)
            weir.send_signal(signal.SIGTERM)
            weir.wait()
            weir = None
        starts.sort(key=lambda f: f[2])
        print('segments ms, markets, state back ms (all after start):', starts)
        bound('seven segments answer after (median)', sorted(f[0] for f in starts)[2], 'ms', 100)
        bound('72 h x 40 markets back after the segments answer (median)',
              sorted(f[2] - f[0] for f in starts)[2], 'ms', 500)
        weir, figures = up_seconds(state)
        info = dict(re.findall(r'^(\w+):(\S+)', redis(state, 'info', 'memory'), re.M))
        used = int(info['used_memory']) / 1e6
        startup = int(info['used_memory_startup']) / 1e6
        tape, tapes = family_bytes(state, 'tape')
        tape_open, _ = family_bytes(state, 'tape_open')
        bars, _ = family_bytes(state, 'bars')
        bars_open, _ = family_bytes(state, 'bars_open')
        print(f'used_memory {used:.2f} MB, at an idle start {startup:.2f} MB; by MEMORY USAGE: tape '
              f'{tape / 1e6:.2f} MB in {tapes} keys, tape_open {tape_open / 1e6:.2f} MB, bars '
              f'{bars / 1e6:.2f} MB, bars_open {bars_open / 1e6:.2f} MB')
        bound('tape of 18.7 million trades, open chunks included', (tape + tape_open) / 1e6, 'MB', 42)
        bound('bars of 40 markets x 72 h, open hours included', (bars + bars_open) / 1e6, 'MB', 10)
        bound('RMS used_memory above idle', used - startup, 'MB', 52)
        bound('weir resident, state back', rss_mb(weir.pid), 'MB', 60)
    finally:
        if weir:
            weir.send_signal(signal.SIGTERM)
            weir.wait()
        shutil.rmtree(temp, ignore_errors=True)
    return 1 if missed else 0


if __name__ == '__main__':
    sys.exit(main())
