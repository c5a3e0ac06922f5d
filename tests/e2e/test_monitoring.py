"""weir under a real Prometheus and Alertmanager, with the files that deploy/monitoring ships:
the format, the names, the bound of the series, the rules, the way of an alert."""
import json
import os
import re
import subprocess
import sys
import time

import harness
import monitoring
from monitoring import PROGRAMS, SHIPPED, Alertmanager, Prometheus, Webhook, names_in, shipped
from servers import http_call

SEGMENTS = len(harness.SEGMENTS)
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'data')


class Monitored(harness.WeirTest):
    """weir with simulated terminals."""

    settings = ('[market]\nfeed = off\n[fleet]\ndemo = 5\nrate = 1000\n'
                '[archive]\nduckdb =\n')

    def setUp(self):
        super().setUp()
        self.servers = []

    def tearDown(self):
        for server in self.servers:
            server.stop()
        super().tearDown()

    def up(self):
        self.start('--demo')
        self.wait_for('terminals', lambda: self.samples().get(
            'weir_fleet_terminals{state="RUNNING"}') == 5)

    def page(self, path='/metrics'):
        status, text = http_call(self.port('serve'), 'GET', path)
        self.assertEqual(status, 200, text[:300])
        return text

    def samples(self, path='/metrics'):
        found = {}
        for line in self.page(path).splitlines():
            if line and not line.startswith('#'):
                series, value = line.rsplit(' ', 1)
                self.assertNotIn(series, found)
                found[series] = float(value)
        return found

    def signal(self, number, **more):
        body = {'id': f'm-{number}', 'to': 'sim-001', 'act': 'open', 'sym': 'EURUSD',
                'sd': 'buy', 'vol': '0.01', **more}
        status, text = http_call(self.port('serve'), 'POST', '/api/v1/signals', json.dumps(body),
                                 headers={'Content-Type': 'application/json'})
        self.assertIn(status, (200, 202), text)

    def tool(self, *args, text=None):
        done = subprocess.run([PROGRAMS[args[0]], *args[1:]], input=text, capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout + done.stderr


# Bounded by tables, and there when something of the kind has happened first: a command of a
# server, an error, a kind of key, a growth.
NOW_AND_THEN = ('redis_commands_total', 'redis_commands_duration_seconds_total',
                'weir_redis_errors_total', 'weir_memory_family_', 'weir_memory_full_in_seconds')


class Pages(Monitored):
    def ended(self):
        found = self.samples()
        return sum(value for series, value in found.items()
                   if series.startswith('weir_deliveries_ended_total'))

    def lasting(self):
        return {series for series in self.samples() if not series.startswith(NOW_AND_THEN)}

    def test_the_page_is_right_in_form_and_names_and_bounded(self):
        self.up()
        self.assertEqual(self.tool('promtool', 'check', 'metrics', text=self.page()), '')
        self.signal(0)
        self.signal(1, to='nobody')
        self.wait_for('both ends', lambda: self.ended() == 2)
        before = self.lasting()
        for i in range(200, 500):
            self.signal(i, to='nobody' if i % 4 == 0 else f'sim-00{1 + i % 4}')
        self.wait_for('302 ends', lambda: self.ended() == 302, 60)
        after = self.lasting()
        self.assertEqual(sorted(after ^ before), [])
        terminal = [series for series in after if 'terminal="sim-001"' in series]
        self.assertGreaterEqual(len(terminal), 12)
        self.assertLessEqual(len(terminal), 15)
        for name in ('redis_up', 'redis_memory_used_bytes', 'redis_connected_clients'):
            self.assertEqual(sum(series.startswith(name + '{') for series in after), SEGMENTS)
        found = self.samples()
        self.assertEqual(found['weir_signal_seconds_count'], 302)
        self.assertGreater(found['weir_redis_write_seconds_count{segment="rts"}'], 0)
        ids = self.samples('/metrics/ids')
        self.assertIn('redis_tss_signals_received_total{signal_id="m-499",action="open"}', ids)
        self.assertEqual(ids['redis_tss_dropped_signals_total{signal_id="m-496"}'], 1)
        self.assertTrue(any(series.startswith('redis_execution_time{result_id=')
                            for series in ids))
        self.assertTrue(any(series.startswith('latency_us{trade_id="sim-00') for series in ids))
        self.assertNotIn('m-499', self.page())
        self.wait_for('the next second', lambda: 'redis_trade_slippage' in
                      self.samples('/metrics/design'))
        design = self.samples('/metrics/design')
        for series in ('latency_us{instance_id="rts"}', 'hit_ratio{instance_id="rtss"}',
                       'commands_processed_per_sec{instance_id="rms"}',
                       'trade_state_updates_per_sec', 'redis_tss_signal_processing_latency',
                       'redis_execution_time', 'redis_trade_slippage',
                       'redis_tss_stream_size{stream_id="trade_signals"}'):
            self.assertIn(series, design)
        self.assertEqual(design['redis_tss_signals_received_total{action="open"}'], 302)
        self.stop()


class Files(Monitored):
    """What needs no weir that runs."""

    def test_the_files_are_right(self):
        out = self.tool('promtool', 'check', 'config', f'{SHIPPED}/prometheus.yml')
        self.assertIn('SUCCESS', out)
        self.assertIn('SUCCESS', self.tool('promtool', 'check', 'rules',
                                           f'{SHIPPED}/rules/weir.yml'))
        self.assertIn('SUCCESS', self.tool('promtool', 'test', 'rules',
                                           f'{SHIPPED}/rules/weir_test.yml'))
        self.assertIn('SUCCESS', self.tool('amtool', 'check-config',
                                           f'{SHIPPED}/alertmanager.yml'))

    def test_an_alert_goes_the_way_of_its_severity(self):
        for severity, receiver in (('critical', 'operators'), ('warning', 'operators'),
                                   ('info', 'quiet')):
            out = self.tool('amtool', 'config', 'routes', 'test',
                            f'--config.file={SHIPPED}/alertmanager.yml', f'severity={severity}')
            self.assertEqual(out.splitlines()[0], receiver)

    def test_each_alert_has_all_that_people_need(self):
        book = shipped('runbook.md')
        alerts = re.findall(r'- alert: (\w+)\n(.*?)(?=\n      - alert|\n  - name|\Z)',
                            shipped('rules/weir.yml'), re.S)
        self.assertGreater(len(alerts), 20)
        for name, body in alerts:
            self.assertRegex(name, r'^([A-Z][a-z]+)+$')
            for what in ('expr: ', 'for: ', 'summary: ', 'description: '):
                self.assertIn(what, body, name)
            self.assertRegex(body, r'severity: (info|warning|critical)')
            self.assertIn(f'runbook: runbook.md#{name.lower()}', body)
            self.assertIn(f'\n## {name}\n', book)


class Told(Monitored):
    """An Alertmanager, and whom it tells."""

    def setUp(self):
        super().setUp()
        self.webhook = Webhook()
        self.manager = Alertmanager(self.temp, self.webhook.port).start()
        self.servers.append(self.manager)

    def tearDown(self):
        super().tearDown()
        self.webhook.close()

    def prometheus(self):
        server = Prometheus(self.temp, self.port('serve'), self.manager.port).start()
        self.servers.append(server)
        return server

    def told(self, status, name):
        return [alert['labels'] for message in self.webhook.messages
                for alert in message['alerts']
                if alert['status'] == status and alert['labels']['alertname'] == name]


class Names(Told):
    """Of metrics, as weir says and as the dashboard and the rules ask."""

    def test_weir_and_the_dashboard_and_rules_understand_each_other(self):
        self.start()
        prometheus = self.prometheus()
        self.wait_for('both jobs', lambda: prometheus.value('sum(up)') == 2)
        self.assertEqual(prometheus.value('count(count by (instance) (redis_up))'), SEGMENTS)
        with open(os.path.join(DATA, 'redis_dashboard_763.txt'), encoding='utf-8') as file:
            asked = [line.strip() for line in file if line.strip() and line[0] != '#']
        for name in asked:
            self.wait_for(name, lambda one=name: len({
                sample['metric']['instance'] for sample in prometheus.query(one)}) == SEGMENTS)
        known = set(re.findall(r'^# TYPE (\w+) ', self.page(), re.M))
        known |= {name + end for name in known for end in ('_bucket', '_sum', '_count')}
        dashboard = shipped('grafana/dashboards/weir.json')
        panels = [panel for panel in json.loads(dashboard)['panels'] if 'targets' in panel]
        self.assertGreater(len(panels), 30)
        always = known | {'weir_session_live', 'weir_archive_dead_total', 'weir_telegram_up',
                          'weir_account_up', 'weir_rest_bans_total', 'weir_archive_lag_seconds',
                          'weir_archive_trouble', 'weir_archive_rows_total',
                          'weir_archive_file_bytes', 'weir_archive_wal_bytes',
                          'weir_sink_rows_total', 'weir_sink_waiting_rows',
                          'weir_sink_held_total', 'weir_telegram_oldest_seconds',
                          'weir_notify_up'}
        rules = re.sub(r'(description|summary|runbook): .*', '', shipped('rules/weir.yml'))
        self.assertEqual(names_in(dashboard) - always, set())
        self.assertEqual(names_in(rules) - always, set())
        for panel in panels:
            for target in panel['targets']:
                prometheus.query(re.sub(r'\$__rate_interval', '1m', target['expr'])
                                 .replace('$instance', '.*').replace('$terminal', '.*')
                                 .replace('$segment', '.*'))


class Way(Told):
    """Of an alert, from weir through Prometheus and Alertmanager to people."""

    def test_a_weir_that_dies_is_told_and_so_is_its_end(self):
        self.start()
        prometheus = self.prometheus()
        self.wait_for('weir', lambda: prometheus.value('sum(redis_up)') == SEGMENTS)
        port = self.port('serve')
        self.kill()
        self.wait_for('that weir is down', lambda: self.told('firing', 'WeirDown'))
        self.assertEqual(self.told('firing', 'WeirDown')[0]['severity'], 'critical')
        self.start(env={'WEIR_SERVE_LISTEN': f'127.0.0.1:{port}'})
        self.wait_for('that it is back', lambda: self.told('resolved', 'WeirDown'), 60)


class Manager(Told):
    """What comes to Alertmanager is grouped, and ends."""

    def test_alerts_of_one_cause_come_as_one_message_and_end(self):
        def alert(scope, name='MemoryFull', severity='critical', **more):
            return {'labels': {'alertname': name, 'severity': severity, 'scope': scope,
                               'source': 'segment'},
                    'annotations': {'summary': 'a segment has no memory left'}, **more}

        names = harness.SEGMENTS[:3]
        self.manager.post([alert(name) for name in names])
        self.manager.post([alert('rms', 'Quiet', 'info')])
        self.wait_for('one message of all', lambda: any(
            sorted(one['labels']['scope'] for one in message['alerts']) == sorted(names)
            for message in self.webhook.messages))
        self.assertFalse(self.told('firing', 'Quiet'))
        groups = {group['labels']['alertname']: len(group['alerts'])
                  for group in self.manager.groups()}
        self.assertEqual(groups, {'MemoryFull': 3, 'Quiet': 1})
        end = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() - 1))
        self.manager.post([alert(name, endsAt=end) for name in names])
        self.wait_for('their end', lambda: {labels['scope'] for labels in self.told(
            'resolved', 'MemoryFull')} == set(names))
        self.assertEqual([one['labels']['alertname'] for one in self.manager.alerts()],
                         ['Quiet'])

    def test_without_weir_nothing_less_grave_is_told(self):
        self.manager.post([
            {'labels': {'alertname': 'WeirDown', 'severity': 'critical', 'instance': 'w'}}])
        self.wait_for('the cause', lambda: self.told('firing', 'WeirDown'))
        self.manager.post([
            {'labels': {'alertname': 'SinkStuck', 'severity': 'warning', 'sink': 'postgres'}}])
        self.wait_for('what follows from it', lambda: any(
            alert['labels']['alertname'] == 'SinkStuck' and
            alert['status']['state'] == 'suppressed' for alert in self.manager.alerts()))
        self.assertFalse(self.told('firing', 'SinkStuck'))


if __name__ == '__main__':
    if not monitoring.there():
        print('SKIP: prometheus and prometheus-alertmanager are not installed')
        sys.exit(77)
    harness.side_by_side(__file__, (Pages, Files, Names, Way, Manager))
