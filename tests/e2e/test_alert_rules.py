#!/usr/bin/env python3
"""The alert rules that count: each fires from what really happens to signals, results, segments
and sinks, and ends."""
import os
import signal

import harness
from test_signals import OPEN, SignalTest


class Rules(SignalTest):
    terminals = 3
    # A sink that nobody is behind; a second for what else would take a minute.
    settings = ('[market]\nfeed = off\n[redis]\ndeadline_ms = 300\n'
                '[archive]\ncheckpoint = 1s\nclickhouse_url = http://127.0.0.1:9/none\n'
                '[alert.signals_pending]\nfire = 5\nclear = 5\nclear_hold = 0\n'
                '[alert.sync_failures]\nfire = 0\nclear = 0\n'
                '[alert.no_clients]\nhold = 500ms\n'
                '[alert.update_latency]\nfire = 0.0001\nclear = 0\nhold = 0\n'
                '[alert.retrieval_latency]\nfire = 0.0001\nclear = 0\nhold = 0\n')

    def fires(self, *alerts):
        for alert in alerts:
            self.wait_for(f'{alert} fires', lambda: f'alert: alert {alert}: ' in self.read_log())

    def test_each_fires_from_what_happens(self):
        self.begin(env={'WEIR_FLEET_SLIPPAGE': '1'})
        self.experts[1].answer = {'st': 'fail', 'rc': 10006, 'slp': '0.0'}
        self.send_many(6, 't1')
        self.send_many(4, 't2')
        self.fires('Slippage all', 'FailedTrades all')
        self.assertIn('4 trades failed within 60 s', self.read_log())
        self.assertIn('6 trades within 5 minutes slipped by more than 1 points', self.read_log())
        self.experts[2].stop()
        self.send_many(6, 't3')
        self.fires('SignalsPending all')
        self.send_many(51, 'group:none')
        self.fires('SignalsDropped all', 'SyncFailures clickhouse', 'UpdateLatency rtrs',
                   'RetrievalLatency rts')
        self.check_no_clients()
        self.expert(3)
        self.wait_for('signals are taken', lambda: 'alert ended SignalsPending' in self.read_log())
        self.stop()

    def send_many(self, count, to):
        self.sent = getattr(self, 'sent', 0) + count
        status, text = self.http('POST', '/api/v1/signals', [
            {'id': f's-{self.sent}-{i}', 'to': to, **OPEN} for i in range(count)])
        self.assertEqual(status, 202, text)

    def check_no_clients(self):
        """A server that does not answer has no clients, weir included."""
        pid = self.segment_pid('ris')
        os.kill(pid, signal.SIGSTOP)
        try:
            self.fires('NoClients ris')
        finally:
            os.kill(pid, signal.SIGCONT)
        self.wait_for('it answers', lambda: 'alert ended NoClients ris' in self.read_log())


if __name__ == '__main__':
    harness.main()
