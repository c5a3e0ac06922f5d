"""Exchange accounts against local exchanges that check every signature and clock: balances
exact, a clock that is off, trouble of every kind, a revoked key; and that neither key nor
secret is anywhere afterwards: log, metrics, answers, Redis, state directory, /proc."""
import json
import os
import subprocess
import unittest
import urllib.request

import harness
from exchange_server import ExchangeServer

KEYS = {'main': ('KmainKEYabcdefghijklmnopqrstuvwx0001', 'SmainSECRETabcdefghijklmnopqrstu0002'),
        'desk-2': ('KdeskKEYabcdefghijklmnopqrstuvwx0003', 'SdeskSECRETabcdefghijklmnopqrstu0004')}


class AccountsTest(harness.WeirTest):
    settings = '[market]\nfeed = off\n[fleet]\non = no\n[account]\npoll = 2s\n'

    def setUp(self):
        super().setUp()
        self.binance = ExchangeServer(*KEYS['main'], skew_s=10).__enter__()
        self.addCleanup(self.binance.__exit__)
        self.bybit = ExchangeServer(*KEYS['desk-2'], skew_s=-10).__enter__()
        self.addCleanup(self.bybit.__exit__)
        self.key_file = os.path.join(self.temp, 'main.key')
        with open(self.key_file, 'w', encoding='utf-8') as file:
            file.write('key = %s\nsecret = %s\n' % KEYS['main'])
        os.chmod(self.key_file, 0o600)
        self.write_config(f'[account.main]\nkey_file = {self.key_file}\n'
                          f'rest_url = {self.binance.url}\n'
                          f'[account.desk-2]\nvenue = bybit\nrest_url = {self.bybit.url}\n')
        self.environment = {'WEIR_EXCHANGE_KEY_DESK_2': KEYS['desk-2'][0],
                            'WEIR_EXCHANGE_SECRET_DESK_2': KEYS['desk-2'][1]}

    def weir(self, *args):
        """Its output, both streams, whatever its exit status."""
        done = subprocess.run([harness.WEIR, *args], capture_output=True, text=True, timeout=60,
                              check=False)
        self.outputs.append(done.stdout + done.stderr)
        return done

    def ask(self, question):
        done = self.weir('ask', question, '--json', '--state', self.state, '--config', self.config)
        return json.loads(done.stdout)

    def account(self, question, name):
        data = self.ask(question)['data']
        return next(row for row in data['accounts'] if row['name'] == name)

    def comes(self, condition, patience_s=80):
        """At this pace the share of the venue's limit may be used up: it rests for a minute."""
        self.assertTrue(ExchangeServer.wait(condition, patience_s), self.read_log())

    def metrics(self):
        url = f"http://127.0.0.1:{self.port('serve')}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()

    def run_up(self):
        self.outputs = []
        self.start(env=self.environment)
        for name in KEYS:
            self.comes(lambda name=name: self.account('/balance', name)['state'] == 'up')

    def no_secret(self, where, text):
        raw = text if isinstance(text, bytes) else text.encode()
        for words in KEYS.values():
            for word in words:
                self.assertNotIn(word.encode(), raw, where)
                self.assertNotIn(word[:10].encode(), raw, where)

    def look_everywhere(self):
        for segment in harness.SEGMENTS:
            with self.redis(segment) as redis:
                for key in redis.call('SCAN', '0', 'COUNT', '100000')[1]:
                    self.no_secret(f'{segment} {key}', key)
                    self.no_secret(f'{segment} {key}', redis.call('DUMP', key) or b'')
        for pid in harness.pids_under(self.temp):
            for name in ('cmdline', 'environ'):
                with open(f'/proc/{pid}/{name}', 'rb') as file:
                    self.no_secret(f'/proc/{pid}/{name}', file.read())
        for folder, _, names in os.walk(self.temp):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path) and path != self.key_file:
                    with open(path, 'rb') as file:
                        self.no_secret(path, file.read())
        for output in self.outputs:
            self.no_secret('an output', output)
        self.no_secret('metrics', self.metrics())

    def test_everything_is_exact_and_no_secret_is_anywhere(self):
        self.run_up()
        main, desk = self.account('/balance', 'main'), self.account('/balance', 'desk-2')
        rows = {(row['asset'], row['part']): row for row in main['balances']}
        self.assertEqual(rows['BTC', 'spot']['equity'], '0.22345678')
        self.assertEqual(rows['USDT', 'spot']['usd'], '1000.00000001')
        self.assertEqual(rows['USDT', 'perp']['equity'], '3000.17345678')
        self.assertIsNone(rows['NOPRICE', 'spot']['usd'])
        self.assertIsNone(rows['BTC', 'spot']['usd'])  # no market is fed: never guessed
        self.assertEqual(main['usd'], '4000.17345679')
        self.assertEqual(desk['balances'][0]['equity'], '2.000000000000000001')
        position = self.account('/positions', 'main')['positions'][0]
        self.assertEqual((position['side'], position['qty'], position['liquidation']),
                         ('short', '0.5', '90000.5'))
        for name in KEYS:
            self.comes(lambda name=name: [asset['30d']['all'] for asset in
                                          self.account('/pnl', name)['assets']] == ['12.34'])
        self.assertEqual(self.account('/pnl', 'main')['assets'][0]['30d']['rows'], 1234)
        self.weir('ask', '/balance', '--state', self.state, '--config', self.config)
        shown = self.weir('config', 'show', '--config', self.config)
        self.assertIn('[account.main]', shown.stdout)
        self.trouble()
        self.look_everywhere()
        self.assertEqual(self.binance.wrong + self.bybit.wrong, [])
        self.stop()
        for output in self.outputs + [self.read_log()]:
            self.no_secret('after the end', output)

    def trouble(self):
        """Each fault is said while it lasts, and is over afterwards."""
        for kind, said in ((429, 'limited'), (418, 'banned'), (503, 'does not answer'),
                           ('truncated', 'answer not understood'), ('silent', 'does not answer'),
                           ('garbage', 'answer not understood'),
                           ('echo', 'answer not understood')):
            # A connection that breaks before a byte came is tried once more by the client.
            self.binance.fault('/api/v3/account', 2 if kind == 'silent' else 1, kind)
            counter = f'weir_account_faults_total{{account="main",fault="{said}"}}'
            before = self.metric(counter)
            self.comes(lambda: self.metric(counter) > before)
            self.comes(lambda: self.account('/balance', 'main')['state'] == 'up')
        self.bybit.fault('/v5/account/wallet-balance', 1, 'echo')
        self.bybit.revoked = True
        self.comes(lambda: self.account('/balance', 'desk-2')['state'] == 'key refused')
        self.assertEqual(len(self.account('/balance', 'desk-2')['balances']), 1)
        self.weir('ask', '/pnl desk-2', '--state', self.state, '--config', self.config)

    def metric(self, name):
        for line in self.metrics().splitlines():
            if line.startswith(name + ' '):
                return int(line.rpartition(' ')[2])
        return 0

    def refused_start(self, *words):
        done = subprocess.run([harness.WEIR, 'up', '--state', self.state, '--config', self.config],
                              capture_output=True, text=True, timeout=60, check=False,
                              env={**os.environ, 'WEIR_SERVE_LISTEN': '127.0.0.1:0'})
        self.assertNotEqual(done.returncode, 0)
        for word in words:
            self.assertIn(word, done.stderr)
        self.no_secret('an error', done.stdout + done.stderr)

    def test_a_key_that_cannot_be_had_is_one_clear_line(self):
        self.refused_start('desk-2', 'WEIR_EXCHANGE_KEY_DESK_2')
        os.chmod(self.key_file, 0o644)
        self.refused_start('account main', 'chmod 600')
        with open(self.key_file, 'w', encoding='utf-8') as file:
            file.write(KEYS['main'][0] + '\n')
        os.chmod(self.key_file, 0o600)
        self.refused_start('account main', 'line 1')


class NoAccountTest(harness.WeirTest):
    settings = '[market]\nfeed = off\n[fleet]\non = no\n'

    def test_without_an_account_it_says_what_to_set(self):
        self.start()
        done = subprocess.run([harness.WEIR, 'ask', '/balance', '--state', self.state],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn('[account.NAME]', done.stdout + done.stderr)
        self.stop()


if __name__ == '__main__':
    harness.main()
