"""Pictures: of a running weir by HTTP and by the command line, of a stopped one from its
state directory. Market data comes from the simulator."""
import concurrent.futures
import http.client
import os
import struct
import urllib.parse

import harness

BYTES_MAX = 60 * 1024


class Picture(harness.WeirTest):
    settings = '[market]\nfeed = sim\nsymbols = BTC,ETH\n'

    def is_picture(self, png):
        self.assertEqual(png[:8], b'\x89PNG\r\n\x1a\n')
        self.assertEqual(struct.unpack('>II', png[16:24]), (900, 600))
        self.assertEqual(png[-8:-4], b'IEND')
        self.assertLessEqual(len(png), BYTES_MAX)

    def chart(self, **query):
        conn = http.client.HTTPConnection('127.0.0.1', self.port('serve'), timeout=30)
        conn.request('GET', '/api/v1/chart.png?' + urllib.parse.urlencode(query))
        answer = conn.getresponse()
        body = answer.read()
        conn.close()
        return answer.status, answer.headers, body

    def drawn(self, *words):
        """By `weir ask --png`; the picture, or None and what was said."""
        path = os.path.join(self.temp, 'picture.png')
        done = self.run_weir('ask', '--state', self.state, '--png', path, *words)
        if done.returncode:
            self.assertFalse(os.path.exists(path))
            return None, done
        with open(path, 'rb') as file:
            png = file.read()
        os.remove(path)
        return png, done

    def wait_for_trades(self):
        self.wait_for('trades', lambda: self.run_weir(
            'ask', '--state', self.state, '/price BTC').returncode == 0, 60)

    def test_every_way_to_a_picture(self):
        self.start()
        self.wait_for_trades()
        for question in ('/cvd ETH 5m', '/volume BTC', '/oi ETH', '/liquidations BTC'):
            status, headers, png = self.chart(q=question, theme='light')
            self.assertEqual(status, 200, png)
            self.assertEqual(headers['Content-Type'], 'image/png')
            self.is_picture(png)
        self.assertNotEqual(self.chart(q='/cvd ETH', theme='dark')[2],
                            self.chart(q='/cvd ETH', theme='light')[2])
        png, done = self.drawn('/cvd', 'ETH', '5m')
        self.is_picture(png)
        self.assertIn('CVD', done.stdout)
        self.refusals()
        self.stop()
        png, done = self.drawn('--theme', 'light', '/price', 'BTC')
        self.is_picture(png)
        self.assertIn('SIMULATED', done.stdout)

    def refusals(self):
        for query, status, words in (
                ({'q': '/fleet'}, 404, 'no picture'), ({'q': '/cvd NOSUCH'}, 404, 'NOSUCH'),
                ({'q': '/cvd ETH 7m'}, 400, '7m'), ({'q': '/cvd', 'theme': 'blue'}, 400, 'theme'),
                ({}, 400, '?q=')):
            got, _, body = self.chart(**query)
            self.assertEqual(got, status, body)
            self.assertIn(words, body.decode())
        png, done = self.drawn('/fleet')
        self.assertIsNone(png)
        self.assertEqual((done.returncode, done.stderr),
                         (1, 'weir ask: --png: there is no picture of this answer\n'))
        png, done = self.drawn('/cvd', 'NOSUCH')
        self.assertIsNone(png)
        self.assertEqual((done.returncode, done.stderr), (1, ''))

    def test_many_at_once_are_drawn_or_told_to_come_again(self):
        self.start()
        self.wait_for_trades()
        questions = [f'/cvd {"ETH" if i % 2 else "BTC"}{" " * (i + 1)}5m' for i in range(60)]
        with concurrent.futures.ThreadPoolExecutor(60) as pool:
            answers = list(pool.map(lambda question: self.chart(q=question), questions))
        drawn = [png for status, _, png in answers if status == 200]
        self.assertGreaterEqual(len(drawn), 20)
        for png in drawn:
            self.is_picture(png)
        for status, headers, body in answers:
            if status != 200:
                self.assertEqual((status, headers['Retry-After']), (503, '1'), body)
        self.stop()

    def test_a_stop_waits_for_those_that_are_drawn(self):
        self.start()
        self.wait_for_trades()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            charts = [pool.submit(self.chart, q=f'/cvd ETH{" " * (i + 1)}5m') for i in range(8)]
            self.stop()
            for chart in charts:
                try:
                    chart.result(30)
                except (OSError, http.client.HTTPException):
                    pass  # the listener was gone, or its connection was ended


if __name__ == '__main__':
    harness.main()
