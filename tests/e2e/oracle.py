"""Who writes results and remembers what was acknowledged, and who compares (faults.md): the
count, the distinct ids and the sum of the profit in DuckDB, in ClickHouse with FINAL and
in the dead letters must be those of the acknowledged ones."""
import json
import os
import random
import threading
import time
from decimal import Decimal

import harness

SYMBOLS = ('EURUSD', 'GBPUSD', 'USDJPY', 'XAUUSD', 'BTCUSD')


def result_fields(rng, rid, number):
    """A result as a terminal's would be; its profit has two places."""
    profit = Decimal(rng.randrange(-100000, 100000)) / 100
    now = int(time.time() * 1000)
    fields = {'rid': rid, 'id': f'sig-{number}', 'sid': str(10 ** 15 + number),
              'ins': f'mt5-{number % 100:03d}', 'st': rng.choice(('done', 'done', 'fail')),
              'rc': '10009', 'ord': str(5 * 10 ** 8 + number), 'sym': rng.choice(SYMBOLS),
              'sd': rng.choice(('buy', 'sell')), 'vol': f'{rng.randrange(1, 500) / 100:.2f}',
              'rq': f'{1 + rng.random():.5f}', 'px': f'{1 + rng.random():.5f}', 'slp': '0.2',
              'com': '-0.35', 'swp': '0.00', 'fee': '0.00', 'pnl': f'{profit:.2f}',
              'ex': str(rng.randrange(50, 500)), 'sv': str(now + 7200000), 't': str(now),
              'try': '1'}
    return fields, profit


class Generator(threading.Thread):
    """XADDs results until it is stopped, `rate` a second, a pipeline at a time. What was not
    acknowledged is sent again with the same rid when the server is back: in the end all
    that was sent is acknowledged, some of it is in the stream twice."""

    def __init__(self, connect, seed, rate=5000, pipeline=50, prefix='gen'):
        super().__init__(daemon=True)
        self.connect, self.rate, self.pipeline = connect, rate, pipeline
        self.rng, self.prefix = random.Random(seed), f'{prefix}{seed}-'
        self.acked, self.errors, self.number = {}, {}, 0
        self.stopping = threading.Event()

    def make(self):
        self.number += 1
        rid = f'{self.prefix}{self.number}'
        return rid, *result_fields(self.rng, rid, self.number)

    def send(self, conn, batch):
        """What of the batch was not acknowledged."""
        for _, fields, _ in batch:
            conn.send('XADD', 'trade_results', '*', *sum(fields.items(), ()))
        left = []
        for rid, fields, profit in batch:
            try:
                conn.read()
                self.acked[rid] = profit
            except harness.RespError as error:
                word = str(error).split()[0]
                self.errors[word] = self.errors.get(word, 0) + 1
                left.append((rid, fields, profit))
        return left

    def run(self):
        conn, left, due = None, [], time.monotonic()
        while not self.stopping.is_set() or left:
            batch = left or [self.make() for _ in range(self.pipeline)]
            try:
                conn = conn or self.connect()
                left = self.send(conn, batch)
            except (OSError, harness.RespError):
                conn, left = None, [row for row in batch if row[0] not in self.acked]
            if left:
                time.sleep(0.05)
            due = max(due + self.pipeline / self.rate, time.monotonic() - 1)
            time.sleep(max(0, due - time.monotonic()))

    def stop(self, seconds=60):
        self.stopping.set()
        self.join(seconds)
        if self.is_alive():
            raise RuntimeError(f'the generator cannot get rid of its last results: {self.errors}')

    def total(self):
        return len(self.acked), sum(self.acked.values(), Decimal(0))


class ArchiveTest(harness.WeirTest):
    """weir with an archive, and a generator beside it."""

    settings = ('[market]\nfeed = off\n[fleet]\non = no\n[archive]\ncheckpoint = 1s\n'
                '[log]\nlevel = info\n')

    def connect(self, segment='rtrs', user='weir'):
        with open(os.path.join(self.state, 'run', 'users'), encoding='utf-8') as file:
            logins = {tuple(line.split()[:2]): line.split()[2] for line in file}
        path = os.path.join(os.path.realpath(os.path.join(self.state, 'run')), f'{segment}.sock')
        return harness.Resp(path, user, logins[segment, user])

    def generate(self, seed, **how):
        generator = Generator(self.connect, seed, **how)
        generator.start()
        return generator

    def query(self, sql):
        deadline = time.monotonic() + 60
        while True:
            done = self.run_weir('archive', 'query', '--state', self.state, '--config',
                                 self.config, '--format', 'json', sql)
            busy = any(word in done.stderr for word in ('ask again', 'took longer than'))
            if not busy or time.monotonic() > deadline:
                break
        self.assertEqual(done.returncode, 0, done.stderr + self.read_log()[-3000:])
        return json.loads(done.stdout)

    def in_duckdb(self, like):
        """(rows, distinct ids, sum): in parts by a hash, so that the groups of one fit DuckDB's
        memory."""
        where = f"FROM trade_results WHERE result_id LIKE '{like}%'"
        rows = self.query(f'SELECT count(*) AS n {where}')[0]['n']
        parts, got = int(rows) // 400000 + 1, (0, 0, Decimal(0))
        for part in range(parts):
            row = self.query('SELECT CAST(coalesce(sum(n), 0) AS BIGINT) AS n, count(*) AS ids, '
                             'CAST(coalesce(sum(p), 0) AS VARCHAR) AS total FROM (SELECT '
                             f'hash(result_id) AS h, count(*) AS n, sum(pnl) AS p {where} AND '
                             f'hash(result_id) % {parts} = {part} GROUP BY h)')[0]
            got = (got[0] + int(row['n']), got[1] + int(row['ids']), got[2] + Decimal(row['total']))
        return got

    def check_duckdb(self, generator, seconds=30):
        """All that was acknowledged is there, once."""
        count, total = generator.total()
        want = (count, count, total)
        deadline = time.monotonic() + seconds
        while (got := self.in_duckdb(generator.prefix)) != want and time.monotonic() < deadline:
            time.sleep(0.2)
        self.assertEqual(got, want, self.read_log()[-3000:])

    def check_clickhouse(self, server, generator, seconds=60):
        count, total = generator.total()
        sql = ('SELECT count(), uniqExact(result_id), toString(sum(pnl)) FROM trade_results '
               f"FINAL WHERE result_id LIKE '{generator.prefix}%'")
        deadline = time.monotonic() + seconds
        got = None
        while time.monotonic() < deadline:
            try:
                row = server.query(sql)[0]
                got = int(row[0]), int(row[1]), Decimal(row[2].replace('\\N', '0'))
            except (RuntimeError, OSError) as error:
                got = str(error)
            if got == (count, count, total):
                return
            time.sleep(0.2)
        self.assertEqual(got, (count, count, total), self.read_log()[-3000:])

    def check_ledger(self):
        done = self.run_weir('archive', 'verify', '--state', self.state, '--config', self.config,
                             '--deep', '--json', timeout=600)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + self.read_log()[-3000:])
        return json.loads(done.stdout)
