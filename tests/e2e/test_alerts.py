"""Alerts of the operator's own: set on the command line, told in the log and where alerts go,
kept over a restart, tried on the tape. HTTP may look at them and change nothing. Market data
comes from the simulator."""
import json
import os
import urllib.error
import urllib.parse
import urllib.request

import harness

WHALE_S = 180  # the simulator's are rare, and come when they come
RULES = '# two rules\nBTC price > 1 every 1m\n\nBTC whale > 10000\n'


class Alerts(harness.WeirTest):
    settings = '[market]\nfeed = sim\n'

    def alerts(self, *words, status=0):
        done = self.run_weir('alerts', words[0], '--state', self.state, *words[1:])
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def board(self):
        done = self.run_weir('alerts', 'list', '--json', '--state', self.state)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)['data']['own']

    def add(self, rule):
        """Once a market is there."""
        def added():
            done = self.run_weir('alerts', 'add', '--state', self.state, rule)
            return done.returncode == 0 and done.stdout
        return self.wait_for(f'"{rule}" is set', added)

    def http(self, question):
        query = urllib.parse.urlencode({'q': question})
        url = f'http://127.0.0.1:{self.port("serve")}/api/v1/ask?{query}'
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.read().decode()

    def test_an_alert_is_set_told_kept_and_deleted(self):
        self.start()
        self.assertIn('Alert 1 is set', self.add('BTC whale > 10000 every 1m'))
        self.wait_for('the whale is told', lambda: 'UserRule 1: ' in self.read_log(), WHALE_S)
        self.wait_for('it is counted', lambda: self.board()[0]['told'] >= 1)
        self.add('BTC price > 1000000000')
        self.alerts('edit', '2', '> 2000000000')
        self.alerts('mute', '2')
        self.alerts('del', '77', status=1)
        self.alerts('add', 'BTC prise > 1', status=2)
        self.assertIn('may be changed from here', self.http('/alerts del 2'))
        self.assertIn('2000000000', self.http('/alerts'))
        self.stop()
        self.start()
        rules = self.wait_for('both are back', lambda: len(self.board()) == 2 and self.board())
        by_id = {rule['id']: rule for rule in rules}
        self.assertGreaterEqual(by_id[1]['told'], 1)
        self.assertTrue(by_id[2]['muted'])
        self.assertEqual(by_id[2]['rule'], 'BTC price > 2000000000')
        self.alerts('del', '2')
        self.assertEqual([rule['id'] for rule in self.board()], [1])
        self.stop()

    def tried(self, path):
        done = self.run_weir('alerts', 'test', '--json', path, '--state', self.state,
                             '--config', self.config)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)['rules']

    def test_rules_of_a_file_are_tried_on_the_tape(self):
        path = os.path.join(self.temp, 'rules')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(RULES)
        self.start()
        self.wait_for('a whale on the tape', lambda: self.tried(path)[1]['told'] > 0, WHALE_S)
        self.stop()
        rules = self.tried(path)
        self.assertEqual([rule['told'] > 0 for rule in rules], [False, True])
        self.assertEqual(len(rules[1]['times']), rules[1]['told'])


if __name__ == '__main__':
    harness.main()
