#!/usr/bin/env python3
"""weir plan as people and programs call it: the load, the shipped documents, the page, and a
small measurement on real servers."""
import json
import os
import re
import shutil
import unittest
import xml.etree.ElementTree as ET

import harness

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCENARIOS = ('memory_impact', 'memory_impact_rtrs', 'market_intelligence')
COMPONENT = {'name', 'items', 'bytes_per_item', 'original', 'corrected', 'planned', 'measured',
             'bound', 'within'}
SMALL = '''[load]
instances = 4
state_hours = 1
open_trades = 20
closed_a_day = 10
results_kept_s = 10
sessions = 50
alerts = 50
markets = 4
symbols = 2
market_hours = 1
away_s = 60
[component.ris]
items = 4
bytes = 2 KB
'''


class PlanTest(harness.WeirTest):
    settings = ''

    def plan(self, *args, env=None, timeout=60):
        """From the repository, where the documents are however weir was built."""
        cwd = os.getcwd()
        os.chdir(ROOT)
        try:
            return self.run_weir('plan', '--state', self.state, '--config', self.config, *args,
                                 env=env, timeout=timeout)
        finally:
            os.chdir(cwd)

    def json_of(self, *args, statuses=(0,), timeout=60):
        done = self.plan('--json', *args, timeout=timeout)
        self.assertIn(done.returncode, statuses, done.stderr)
        plan = json.loads(done.stdout)
        self.assertEqual(set(plan), {'components', 'totals', 'faults', 'within_bounds', 'summary'})
        for row in plan['components']:
            self.assertEqual(set(row), COMPONENT)
        for row in plan['faults']:
            self.assertEqual(set(row), {'rule', 'where', 'original', 'corrected'})
        self.assertEqual(plan['within_bounds'], done.returncode == 0)
        return plan

    def test_the_usual_load_is_within_its_bounds(self):
        plan = self.json_of()
        self.assertTrue(plan['within_bounds'])
        self.assertTrue(all(row['measured'] is None for row in plan['components']))
        self.assertLessEqual(plan['totals']['planned'], plan['totals']['bound'])
        self.assertEqual(len(plan['totals']['segments']), 7)
        for segment in plan['totals']['segments']:
            self.assertGreater(segment['maxmemory'], segment['planned'])

    def test_text_is_for_people(self):
        done = self.plan()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('100 terminals', done.stdout)
        self.assertIn('shipped table', done.stdout)
        self.assertNotIn('\033', done.stdout)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 120)

    def test_more_terminals_cost_more(self):
        few, many = self.json_of(), self.json_of('--instances', '1000', statuses=(0, 1))
        self.assertGreater(many['totals']['planned'], 5 * few['totals']['planned'])
        done = self.plan('--instances', '0')
        self.assertEqual(done.returncode, 2)

    def test_the_configuration_counts(self):
        self.write_config('[market]\nsymbols = BTC\n')
        self.assertIn(' 4 markets of 1 symbol,', self.plan().stdout)

    def test_every_shipped_document_is_corrected(self):
        for name in SCENARIOS:
            with self.subTest(name):
                plan = self.json_of('--scenario', name, statuses=(0, 1))
                self.assertTrue(plan['faults'])
                self.assertTrue(any(row['corrected'] not in (None, row['original'])
                                    for row in plan['components']))
                text = self.plan('--scenario', name).stdout
                for fault in plan['faults']:
                    self.assertIn(fault['where'].split()[0], text)

    def test_a_document_can_be_a_file(self):
        path = os.path.join(self.temp, 'mine.ini')
        with open(path, 'w', encoding='utf-8') as file:
            file.write('[component.x]\nitems = 10\nbytes = 1 KB\nclaimed = 3 MB\n')
        plan = self.json_of('--scenario', path, statuses=(0, 1))
        self.assertEqual([fault['rule'] for fault in plan['faults']], ['wrong_product'])
        with open(path, 'w', encoding='utf-8') as file:
            file.write('[component.x\n')
        done = self.plan('--scenario', path)
        self.assertEqual(done.returncode, 3)
        self.assertRegex(done.stderr, r'^weir plan: --scenario \S+mine\.ini: .*1.*\n$')

    def test_an_unknown_document_is_one_line(self):
        done = self.plan('--scenario', 'nothing_like_it')
        self.assertIn(done.returncode, (2, 3))
        self.assertEqual(done.stdout, '')
        self.assertEqual(done.stderr.count('\n'), 1)
        for name in SCENARIOS:
            self.assertIn(name, done.stderr)

    def page(self, *args):
        path = os.path.join(self.temp, 'plan.html')
        done = self.plan('--html', path, *args, timeout=120)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        with open(path, encoding='utf-8') as file:
            text = file.read()
        ET.fromstring(text.partition('\n')[2])
        self.assertIsNone(re.search(r'://|<script|<link|<img|url\(|@import', text))
        return text

    def test_the_page_needs_nothing_else(self):
        self.assertIn('<svg', self.page())
        page = self.page('--scenario', 'memory_impact_rtrs')
        self.assertIn('dd class="is"', page)

    def test_a_small_measurement_and_its_calibration(self):
        if not shutil.which('redis-server'):
            self.skipTest('redis-server is not installed')
        path = os.path.join(self.temp, 'small.ini')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(SMALL)
        plan = self.json_of('--scenario', path, '--calibrate', '--scale', '50', statuses=(0, 1),
                            timeout=300)
        server = plan['totals']['server']
        self.assertRegex(server['version'], r'^\d+\.\d+\.\d+')
        self.assertEqual(server['scale_percent'], 50)
        self.assertTrue(all(segment['used'] > segment['idle'] for segment in server['segments']))
        self.assertGreater(plan['components'][0]['measured'], 0)
        self.assertTrue(plan['totals']['filled'])
        text = ' '.join(self.plan().stdout.split())
        self.assertIn(f'calibration, measured on Redis {server["version"]}', text)
        self.assertEqual(harness.pids_under(self.temp), [])


if __name__ == '__main__':
    harness.main(needs_redis=False)
