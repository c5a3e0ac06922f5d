#!/usr/bin/env python3
"""1,000 people ask at once, again and again for SOAK_SECONDS at the most (three rounds): each is
answered, by text and some by picture; the server's limits are never broken; memory is flat after
the first round. What an answer and a picture cost weir itself is in its metrics: at most 5 ms and
30 ms for 99 of 100. usage: soak_telegram.py WEIR"""
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '../e2e'))
import harness  # noqa: E402
import storm  # noqa: E402
import test_telegram  # noqa: E402

PEOPLE = int(os.environ.get('SOAK_PEOPLE', 1000))
ROUNDS = 3
FIRST = 1000  # user id
QUESTIONS = ('/price BTC', '/cvd ETH 5m', '/flow BTC', '/momentum ETH', '/volume BTC 15m',
             '/analysis BTC', '/oi ETH', '/funding BTC', '/liquidations', '/top10', '/alerts',
             '/memory', '/help')


class Crowd(test_telegram.TelegramTest):
    # Without an archive, whose memory follows the market's days and not the people.
    settings = '[market]\nfeed = sim\nsymbols = BTC,ETH\n[archive]\nduckdb =\n'

    def begin(self):
        """People are there already: a fresh weir makes the segments, we write, it reads."""
        super().begin()
        with self.redis('rss') as redis:
            for user in range(FIRST, FIRST + PEOPLE):
                redis.call('HSET', 'people', user, f'1 reader active 1723161599000 P{user}')
        self.again_once()

    def again_once(self):
        self.stop()
        self._mark = len(self.read_log())
        super().begin()

    def metric(self, name):
        text = self.control('metrics')
        found = re.search(rf'^{re.escape(name)} (\S+)$', text, re.M)
        self.assertTrue(found, name)
        return float(found[1])

    def round(self, number):
        before, began = self.server.next_message, time.monotonic()
        for place, user in enumerate(range(FIRST, FIRST + PEOPLE)):
            self.server.say(user, QUESTIONS[(place + number) % len(QUESTIONS)])

        def answered():
            return {message['chat'] for message in self.server.messages()
                    if message['message_id'] > before}
        everybody = set(range(FIRST, FIRST + PEOPLE))
        self.wait_for('everybody is answered', lambda: answered() >= everybody, PEOPLE / 10 + 60)
        print(f'round {number}: {PEOPLE} people answered after {time.monotonic() - began:.1f} s; '
              f'weir {storm.process_memory_mb(self.child.pid):.1f} MB', flush=True)

    def pictures(self):
        """Every tenth presses Chart."""
        asked = 0
        for user in range(FIRST, FIRST + PEOPLE, 10):
            message = self.server.messages(user)[-1]
            if 'Chart' in self.buttons(message):
                self.presses(message, 'Chart')
                asked += 1
        self.wait_for('pictures', lambda: sum(
            bool(message.get('photo')) for message in self.server.messages()) >= asked,
                      asked / 5 + 60)
        print(f'{asked} pictures', flush=True)

    def test_a_crowd_asks_at_once(self):
        self.round(0)
        self.pictures()
        before = storm.process_memory_mb(self.child.pid)
        for number in range(1, ROUNDS):
            self.round(number)
            self.pictures()
        grown = storm.process_memory_mb(self.child.pid) - before
        answer = self.metric('weir_answer_cpu_seconds{quantile="0.99"}')
        picture = self.metric('weir_picture_cpu_seconds{quantile="0.99"}')
        print(f'grown by {grown:.1f} MB; an answer {answer * 1e3:.2f} ms, a picture '
              f'{picture * 1e3:.1f} ms of its thread at the 99th percentile', flush=True)
        self.assertLess(grown, 4)
        self.assertLessEqual(answer, 0.005)
        self.assertLessEqual(picture, 0.030)
        self.stop()


if __name__ == '__main__':
    harness.main()
