#!/usr/bin/env python3
"""Questions over HTTP beside bare answers: wrk on /api/v1/ask?q=/cvd+BTC of a weir that takes
20,000 frames a second (a day of 40 markets, played fast) and has 100 terminals, and on the file of the dashboard whose length is
nearest to the answer's, of the same server under the same load, in turns. What counts is the
ratio of the two; a stretch of each is too short for the machine to change much between them.
usage: bench_http_ask.py WEIR GEN_LOAD"""
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
GEN_LOAD = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else ''
DATA = os.environ.get('BENCH_DATA', os.path.join(HERE, '../../shared/data/market'))
TEMPLATES = [os.path.join(DATA, n) for n in ('usdm_ethusdt_20240808.gz', 'spot_ethusdt_20240809.gz')]
sys.argv = sys.argv[:2]
sys.path.insert(0, os.path.join(HERE, '../tests/e2e'))
import harness  # noqa: E402

SECONDS = int(os.environ.get('BENCH_SECONDS', 3))
ROUNDS = int(os.environ.get('BENCH_ROUNDS', 5))
HOURS, START_MS = 24, 1_700_000_000_000 // 3_600_000 * 3_600_000
FRAMES = int(os.environ.get('BENCH_FRAMES', 20000))
CONNECTIONS = 8
QUESTION = '/api/v1/ask?q=/cvd+BTC'
missed = 0


def bound(name, value, unit, limit, least=False):
    global missed
    met = value >= limit if least else value <= limit
    missed += not met
    print(f'{name:<58} {value:10.2f} {unit} (bound {">=" if least else "<="} {limit:g})'
          f'{"" if met else "  MISSED"}', flush=True)


def milliseconds(text):
    number, unit = re.fullmatch(r'([\d.]+)(us|ms|s)', text).groups()
    return float(number) * {'us': 1e-3, 'ms': 1, 's': 1e3}[unit]


def wrk(url):
    """requests a second, p99 in ms."""
    done = subprocess.run(['wrk', '-t', '1', '-c', str(CONNECTIONS), '-d', f'{SECONDS}s',
                           '--latency', url], capture_output=True, text=True, check=True)
    if 'Non-2xx' in done.stdout:
        raise SystemExit(f'{url}: {done.stdout}')
    rate = float(re.search(r'Requests/sec:\s+([\d.]+)', done.stdout).group(1))
    return rate, milliseconds(re.search(r'^ +99% +(\S+)', done.stdout, re.M).group(1))


class Load(harness.WeirTest):
    settings = '[fleet]\ndemo = 100\n[serve]\nrate = 0\n[log]\nlevel = error\n'

    def make_frames(self):
        """Trades of 40 markets as a recording, received at the pace that is wanted."""
        path = os.path.join(self.temp, 'frames')
        count = FRAMES * (SECONDS + 1) * (2 * ROUNDS + 4)
        done = subprocess.run([GEN_LOAD, str(count), '40', str(HOURS), str(START_MS), *TEMPLATES],
                              capture_output=True, check=True)
        lines = done.stdout.replace(b'L01USDT', b'BTCUSDT').replace(b'l01usdt', b'btcusdt')
        step_ns = 1_000_000_000 // FRAMES
        with open(path, 'wb') as file:
            for i, line in enumerate(lines.splitlines(keepends=True)):
                file.write(b'%d ' % (START_MS * 1_000_000 + i * step_ns) + line)
        return path

    def fetch(self, path):
        url = f'http://127.0.0.1:{self.port("serve")}{path}'
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.read()

    def frames(self):
        text = self.fetch('/metrics').decode()
        return sum(float(line.split()[-1]) for line in text.splitlines()
                   if line.startswith('weir_frames_total'))

    def file_near(self, length):
        """The path and the length of the dashboard's file whose length is nearest."""
        page = self.fetch('/').decode()
        paths = {'/'} | set(re.findall(r'(?:src|href)="(/[\w.-]+)"', page))
        sizes = {path: len(self.fetch(path)) for path in paths}
        return min(sizes.items(), key=lambda item: abs(item[1] - length))

    def has_history(self):
        answer = json.loads(self.fetch(QUESTION))
        return answer['coverage'] and answer['coverage']['minutes'] >= 15

    def runTest(self):
        self.start('--demo', '--replay', self.make_frames(), '--as', 'binance:perp',
                   '--speed', '1')
        self.wait_for('some history', self.has_history, 120)
        length = len(self.fetch(QUESTION))
        path, bare_length = self.file_near(length)
        base = f'http://127.0.0.1:{self.port("serve")}'
        rounds = []
        wrk(base + QUESTION)
        began, began_s = self.frames(), time.monotonic()
        for _ in range(ROUNDS):
            rounds.append((wrk(base + QUESTION), wrk(base + path)))
        taken = (self.frames() - began) / (time.monotonic() - began_s)
        print(f'answers of {length} bytes; {path} has {bare_length}; {taken:.0f} frames/s taken')
        ratio = statistics.median(ask[0] / bare[0] for ask, bare in rounds)
        print(f'{"questions":<58} {statistics.median(r[0][0] for r in rounds):10.0f} /s')
        print(f'{"bare answers":<58} {statistics.median(r[1][0] for r in rounds):10.0f} /s')
        print(f'{"bare answers, 99 % within":<58} '
              f'{statistics.median(r[1][1] for r in rounds):10.2f} ms')
        bound('questions to bare answers', ratio, '', 0.4, least=True)
        bound('questions, 99 % within', statistics.median(r[0][1] for r in rounds), 'ms', 5)
        self.stop()


if __name__ == '__main__':
    if not shutil.which('wrk') or not shutil.which('redis-server') or \
            not all(map(os.path.exists, [GEN_LOAD, *TEMPLATES])):
        print('needs wrk and redis-server (./deps test), gen_load, and the recordings')
        sys.exit(77)
    load = Load()
    load.setUp()
    try:
        load.runTest()
    finally:
        load.tearDown()
    sys.exit(1 if missed else 0)
