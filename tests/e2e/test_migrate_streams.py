#!/usr/bin/env python3
"""weir migrate over large streams, which go in pieces: what a stream is besides its entries (its last
id, how many were ever added, the largest id that was deleted) goes with it, and comes back."""
import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest

import harness

ENTRIES = 6000
FACTS = (b'length', b'last-generated-id', b'max-deleted-entry-id', b'entries-added')


class TestStreams(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='weir-streams-')
        self.socket = os.path.join(self.folder, 'r.sock')
        self.process = subprocess.Popen(
            ['redis-server', '--port', '0', '--unixsocket', self.socket, '--save', '', '--dir',
             self.folder, '--loglevel', 'warning'], stdout=subprocess.DEVNULL)
        self.addCleanup(self.stop)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.redis = harness.Resp(self.socket, timeout=120)
                self.redis.call('PING')
                break
            except (OSError, harness.RespError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        self.plan = os.path.join(self.folder, 'plan.json')
        with open(self.plan, 'w', encoding='utf-8') as file:
            json.dump({'weir_migrate': 1, 'source': 'unix://' + self.socket, 'databases': [0],
                       'audit': '', 'families': [
                           {'match': 'events_{id}', 'from': 'stream', 'to': 'market:v1:{id}',
                            'type': 'same', 'ttl': 'keep', 'sink': 'redis', 'rule': ''}]}, file)

    def stop(self):
        self.redis.close()
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)

    def fill(self, name):
        for i in range(ENTRIES):
            self.redis.send('XADD', name, f'{i + 1}-0', 'v', f'{i}')
        for _ in range(ENTRIES):
            self.redis.read()
        self.delete_newest(name, 900000)
        self.redis.call('XDEL', name, '1-0', '40-0')

    def delete_newest(self, name, id_):
        self.redis.call('XADD', name, f'{id_}-5', 'v', 'gone')
        self.redis.call('XDEL', name, f'{id_}-5')

    def facts(self, name):
        info = self.redis.call('XINFO', 'STREAM', name)
        told = dict(zip(info[::2], info[1::2]))
        return [told.get(word) for word in FACTS]

    def expect(self, what):
        done = subprocess.run([harness.WEIR, 'migrate', what, '--plan', self.plan],
                              cwd=self.folder, capture_output=True, text=True, check=False,
                              timeout=300)
        self.assertEqual(done.returncode, 0, f'{what}: {done.stdout}{done.stderr}')

    def test_a_stream_goes_on_from_where_it_was(self):
        self.fill('events_1')
        before = self.facts('events_1')
        self.assertEqual(before[1], b'900000-5')
        self.expect('apply')
        self.assertEqual(self.facts('market:v1:1'), before)
        self.expect('finish')
        self.assertEqual(self.redis.call('EXISTS', 'events_1'), 0)
        self.expect('rollback')
        self.assertEqual(self.redis.call('EXISTS', 'market:v1:1'), 0)
        self.assertEqual(self.facts('events_1'), before)

    def test_what_changed_besides_its_entries_is_backed_up_before_it_goes(self):
        self.fill('events_1')
        self.expect('apply')
        self.delete_newest('events_1', 990000)  # the same entries
        before = self.facts('events_1')
        entries = self.redis.call('XRANGE', 'events_1', '-', '+')
        self.assertEqual(before[1], b'990000-5')
        self.expect('finish')
        self.assertEqual(self.redis.call('EXISTS', 'events_1'), 0)
        self.expect('rollback')
        self.assertEqual(self.facts('events_1'), before)
        self.assertEqual(self.redis.call('XRANGE', 'events_1', '-', '+'), entries)


if __name__ == '__main__':
    harness.main()
