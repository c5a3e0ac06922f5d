"""The dashboard of a running weir, with 40 simulated markets and 100 simulated terminals, in
Debian's Chromium: every page at 1280 and 390 pixels, dark and light, by keys alone, hidden,
from an address, and with a token (web_walk.mjs). WEIR_SCREENS names a folder that gets the
pictures of docs/dashboard.md."""
import gzip
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import time
import unittest

import harness
import servers

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
PLAYWRIGHT = os.path.join(ROOT, 'third_party', 'playwright-core', 'node_modules', 'playwright-core')
WALK = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'web_walk.mjs')
TOKEN = 'a-token-of-the-dashboard'


class Scripts(unittest.TestCase):
    """The modules, as Node reads them."""

    def test_every_module_parses(self):
        folder = os.path.join(ROOT, 'web')
        names = [name for name in os.listdir(folder) if name.endswith('.js')]
        self.assertGreater(len(names), 10)
        for name in names:
            with open(os.path.join(folder, name), 'rb') as file:
                done = subprocess.run(['node', '--check', '--input-type=module'], stdin=file,
                                      capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, f'{name}: {done.stderr}')

    def test_nothing_is_inline_and_nothing_is_from_elsewhere(self):
        folder = os.path.join(ROOT, 'web')
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding='utf-8') as file:
                text = file.read()
            self.assertNotRegex(text, r'innerHTML|insertAdjacentHTML|document\.write|eval\(', name)
            self.assertEqual([url for url in re.findall(r'https?://[^\s"\'<)]+', text)
                              if url != 'http://www.w3.org/2000/svg'], [], name)
            if name.endswith('.html'):
                self.assertNotRegex(text, r'<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)', name)


class Dashboard(harness.WeirTest):
    settings = ('[market]\nfeed = sim\nsymbols = BTC,ETH,SOL,XRP,DOGE,ADA,AVAX,LINK,DOT,LTC\n'
                '[fleet]\ndemo = 100\n[archive]\ncheckpoint = 1s\n'
                '[alert.whale_trade]\nfire = 20000\n')  # so that something fires

    def setUp(self):
        super().setUp()
        tokens = os.path.join(self.temp, 'tokens')
        with open(tokens, 'w', encoding='utf-8') as file:
            file.write(f'dashboard {TOKEN} admin\n')
        os.chmod(tokens, 0o600)
        self.start('--demo', env={'WEIR_SERVE_TOKENS_FILE': tokens})

    def test_a_browser_finds_everything_in_order(self):
        self.files()
        self.walk()
        self.stop()

    def files(self):
        """Each file comes once, compressed, and then is what it was."""
        _, headers, body = self.get('/')
        self.assertIn("default-src 'self'", headers['Content-Security-Policy'])
        self.assertEqual(headers['Content-Encoding'], 'gzip')
        html = gzip.decompress(body).decode()
        for path in ['/', '/tables.js', *re.findall(r'(?:src|href)="(/[^"]+)"', html)]:
            status, headers, _ = self.get(path)
            self.assertEqual(status, 200, path)
            self.assertEqual(self.get(path, headers['ETag'])[0], 304, path)

    def get(self, path, etag=None):
        """Status, headers and body."""
        conn = http.client.HTTPConnection('127.0.0.1', self.port('serve'), timeout=30)
        conn.request('GET', path, headers={'Accept-Encoding': 'gzip',
                                           **({'If-None-Match': etag} if etag else {})})
        answer = conn.getresponse()
        body = answer.read()
        conn.close()
        return answer.status, answer.headers, body

    def wait_until_full(self):
        """Terminals and the past of the markets are there, and all terminals have an order."""
        self.wait_for('100 terminals run', lambda: self.control('metrics').count(
            'weir_fleet_terminals{state="RUNNING"} 100\n'), 120)
        self.wait_for('the simulated past is there', lambda: 'history' not in
                      self.control('status'), 120)
        status, text = servers.http_call(
            self.port('serve'), 'POST', '/api/v1/signals', json.dumps({
                'id': 'to-all', 'to': 'all', 'act': 'open', 'sym': 'EURUSD', 'sd': 'buy',
                'vol': '0.10', 'exp': int(time.time() * 1000) + 600000}),
            headers={'Authorization': f'Bearer {TOKEN}', 'Content-Type': 'application/json'})
        self.assertEqual(status, 202, text)

    def walk(self):
        """What web_walk.mjs looked at."""
        self.wait_until_full()
        screens = os.environ.get('WEIR_SCREENS')
        done = subprocess.run(
            ['node', WALK, PLAYWRIGHT, shutil.which('chromium'),
             f'http://127.0.0.1:{self.port("serve")}', TOKEN, *([screens] if screens else [])],
            capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        looked = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertGreater(len(looked), 40)
        for one in looked:
            with self.subTest(one['check']):
                self.assertEqual(one['why'], '')


def is_there():
    return shutil.which('chromium') and shutil.which('node') and os.path.isdir(PLAYWRIGHT)


if __name__ == '__main__':
    if not is_there():
        print('SKIP: chromium, node or playwright-core is not installed: ./deps test')
        sys.exit(77)
    harness.main()
