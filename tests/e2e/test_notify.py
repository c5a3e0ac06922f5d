"""Alerts out: a webhook that is slow, fails, breaks off and redirects; a real Alertmanager; the
dead man's switch; alerts acknowledged and muted, over a new start; secrets nowhere."""
import hashlib
import hmac
import http.server
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

import harness

SECRET = 'not-for-anybodys-eyes-but-ours'
HOOK = '/in/T0K3NTOK3N'
PING = '/ping/a1b2c3d4-e5f6'
FIRING = '[alert.archive_disk]\nfire = 0\nclear = 0\nclear_hold = 0\n'
QUIET = '[alert.archive_disk]\nfire = 100\nclear = 99\nclear_hold = 0\n'


class Receiver(http.server.ThreadingHTTPServer):
    """What comes is kept by path. A word for each request to HOOK, in order: `slow` answers too
    late, `500`, `cut` breaks off, `302` sends elsewhere; then all is well."""
    daemon_threads = True

    def __init__(self, words=()):
        super().__init__(('127.0.0.1', 0), Handler)
        self.words, self.got, self.lock = list(words), {}, threading.Lock()
        self.wake = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path):
        return f'http://127.0.0.1:{self.server_address[1]}{path}'

    def of(self, path):
        with self.lock:
            return list(self.got.get(path, []))

    def alerts(self, path=HOOK):
        return [body for _, _, body in self.of(path) if body]

    def handle_error(self, request, client_address):
        pass  # a client that was answered too late

    def end(self):
        self.wake.set()
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def take(self):
        text = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        with self.server.lock:
            word = 'ok'
            if self.path == HOOK and self.server.words:
                word = self.server.words.pop(0)
            self.server.got.setdefault(self.path, []).append(
                (dict(self.headers), text, json.loads(text) if text else None))
        if word == 'slow':
            self.server.wake.wait(3)
        if word == 'cut':
            self.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
            self.close_connection = True
            return
        self.send_response(int(word) if word.isdigit() else 200)
        if word == '302':
            self.send_header('Location', '/elsewhere')
        self.send_header('Content-Length', '0')
        self.end_headers()

    do_GET = do_POST = take


class NotifyTest(harness.WeirTest):
    settings = '[market]\nfeed = off\n[fleet]\non = no\n'

    def setUp(self):
        super().setUp()
        self.secret_path = os.path.join(self.temp, 'secret')
        with open(self.secret_path, 'w', encoding='utf-8') as file:
            file.write(SECRET + '\n')
        os.chmod(self.secret_path, 0o600)

    def receive(self, *words):
        receiver = Receiver(words)
        self.addCleanup(receiver.end)
        return receiver

    def configure(self, notify, more):
        """The two alerts of the archive: ArchiveDisk by its threshold, DiskFree by disk_min."""
        self.write_config(more + '[notify]\nname = desk\ntimeout = 400ms\n'
                          f'webhook_secret_file = {self.secret_path}\n{notify}')
        os.chmod(self.config, 0o600)

    def hang_up(self):
        self.child.send_signal(signal.SIGHUP)

    def metric(self, line):
        found = [text for text in self.control('metrics').splitlines() if text.startswith(line)]
        return int(float(found[0].split()[-1])) if found else 0

    def http(self, path, body):
        request = urllib.request.Request(
            f'http://127.0.0.1:{self.port("serve")}{path}', json.dumps(body).encode(),
            {'Content-Type': 'application/json'})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def board(self):
        done = self.run_weir('alerts', 'list', '--json', '--state', self.state)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)['data']

    def alert(self, name):
        return next((alert for alert in self.board()['alerts'] if alert['name'] == name), None)

    def say(self, *words, status=0):
        done = self.run_weir('alerts', words[0], '--state', self.state, *words[1:])
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr


class Webhook(NotifyTest):
    def check_signatures(self, receiver):
        for headers, text, _ in receiver.of(HOOK):
            signed = headers['X-Weir-Timestamp'].encode() + b'.' + text
            mac = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
            self.assertEqual(headers['X-Weir-Signature'], 'sha256=' + mac)

    def check_no_secret(self):
        shown = self.run_weir('config', 'show', '--config', self.config)
        self.assertIn('***', shown.stdout)
        with open(f'/proc/{self.child.pid}/cmdline', 'rb') as file:
            line = file.read().decode()
        for text in (shown.stdout + shown.stderr, self.read_log(), self.control('metrics'),
                     self.control('status'), line):
            for secret in (SECRET, HOOK, PING):
                self.assertNotIn(secret, text)

    def test_a_nasty_receiver_gets_each_message_in_the_end_and_nothing_else_waits(self):
        receiver = self.receive('slow', '500', 'cut', 'ok', '302')
        notify = (f'webhook_url = {receiver.url(HOOK)}\ndeadman_url = {receiver.url(PING)}\n'
                  'deadman_interval = 200ms\n')
        self.configure(notify, FIRING)
        self.start()
        self.wait_for('it is taken', lambda: self.metric(
            'weir_notify_delivered_total{channel="webhook"}') == 1)
        tries = receiver.of(HOOK)
        self.assertEqual(len(tries), 4)
        self.assertEqual(len({headers['X-Weir-Delivery'] for headers, _, _ in tries}), 1)
        alert = tries[-1][2]
        self.assertEqual((alert['alert'], alert['status'], alert['name'], alert['scope']),
                         ('ArchiveDisk', 'firing', 'desk', 'archive'))
        self.assertGreater(len(receiver.of(PING)), 4)  # other channels did not wait
        self.configure(notify, QUIET)
        self.hang_up()
        self.wait_for('the recovery is refused, for good', lambda: self.metric(
            'weir_notify_given_up_total{channel="webhook"}') == 1)
        self.assertEqual(receiver.alerts()[-1]['status'], 'resolved')
        self.assertEqual(receiver.of('/elsewhere'), [])
        self.assertEqual(self.metric('weir_notify_retried_total{channel="webhook"}'), 3)
        self.wait_for('it is said', lambda: 'webhook: not taken: HTTP 302' in self.read_log())
        self.check_signatures(receiver)
        self.check_no_secret()
        self.stop()


class Deadman(NotifyTest):
    def test_what_ended_while_weir_was_away_is_told_as_ended(self):
        receiver = self.receive()
        notify = f'webhook_url = {receiver.url(HOOK)}\n'
        self.configure(notify, FIRING)
        self.start()
        self.wait_for('it is told', lambda: len(receiver.alerts()) == 1)
        self.wait_for('it is stored', lambda: self.redis('rls').call(
            'EXISTS', 'alert:archive:archive_disk'))
        self.kill()
        self.settings = '[market]\nfeed = off\npatience = 5\n[fleet]\non = no\n'
        self.configure(notify, QUIET)
        self.start()
        self.wait_for('its end is told', lambda: len(receiver.alerts()) == 2)
        self.assertEqual([alert['status'] for alert in receiver.alerts()],
                         ['firing', 'resolved'])
        self.assertIn('ArchiveDisk archive ended while weir was away', self.read_log())
        self.stop()

    def test_what_ends_while_it_is_muted_is_told_as_ended(self):
        receiver = self.receive()
        notify = f'webhook_url = {receiver.url(HOOK)}\n'
        self.settings = '[market]\nfeed = off\npatience = 5\n[fleet]\non = no\n'
        self.configure(notify, FIRING)
        self.start()
        self.wait_for('it is told', lambda: len(receiver.alerts()) == 1)
        self.say('mute', 'ArchiveDisk', 'archive', '1h')
        self.configure(notify, QUIET)
        self.hang_up()
        self.wait_for('its end is told', lambda: len(receiver.alerts()) == 2)
        self.assertEqual([alert['status'] for alert in receiver.alerts()],
                         ['firing', 'resolved'])
        self.stop()

    def test_pings_end_with_weir_and_while_its_loop_is_stuck(self):
        receiver = self.receive()
        self.configure(f'deadman_url = {receiver.url(PING)}\ndeadman_interval = 100ms\n'
                       'deadman_method = post\n', '')
        self.start()
        self.wait_for('it pings', lambda: len(receiver.of(PING)) > 3)
        self.child.send_signal(signal.SIGSTOP)
        self.check_silence(receiver)
        self.child.send_signal(signal.SIGCONT)
        before = len(receiver.of(PING))
        self.wait_for('it pings again', lambda: len(receiver.of(PING)) > before + 3)
        self.kill()
        self.check_silence(receiver)

    def check_silence(self, receiver):
        """What was on its way may come; then, for ten intervals, nothing does."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            before = len(receiver.of(PING))
            receiver.wake.wait(1)
            if len(receiver.of(PING)) == before:
                return
        self.fail('pings go on')


class Hushed(NotifyTest):
    def test_what_is_acknowledged_and_muted_is_not_told_after_a_new_start_either(self):
        receiver = self.receive()
        short = '[archive]\ndisk_min = 1000000gb\n[alert.disk_free]\nclear_hold = 0\n'
        notify = f'webhook_url = {receiver.url(HOOK)}\n'
        self.configure(notify, short)
        self.start()
        self.say('ack', 'HighCpu', status=1)
        self.assertIn('DiskFree', self.say('mute', 'DiskFre', '1h', status=1))  # did you mean
        self.say('mute', 'DiskFree', status=2)
        self.wait_for('it is told', lambda: len(receiver.alerts()) == 1)
        self.assertIn('new signals are refused', self.read_log())
        self.say('ack', 'DiskFree', 'archive')
        self.assertTrue(self.alert('DiskFree')['acknowledged'])
        status, answer = self.http('/api/v1/alerts/mute', {'alert': 'archive_disk', 'scope': '',
                                                           'for_s': 3600})
        self.assertEqual(status, 200, answer)
        self.assertEqual(self.http('/api/v1/alerts/mute', {'alert': 'no'})[0], 404)
        self.assertEqual(self.http('/api/v1/alerts/mute', {'alert': 'high_cpu', 'for_s': 0})[0],
                         422)
        self.wait_for('it is stored', lambda: self.stored() == 2)
        self.kill()

        self.configure(notify, short + FIRING)
        self.start()
        self.wait_for('both fire', lambda: self.board()['firing'] == 2)
        self.assertTrue(self.alert('DiskFree')['acknowledged'])
        self.assertTrue(self.alert('ArchiveDisk')['muted'])
        kinds = {row['alert']: row['kind'] for row in self.board()['not_told']}
        self.assertEqual(kinds, {'DiskFree': 'ack', 'ArchiveDisk': 'mute'})
        self.say('unmute', 'ArchiveDisk')
        told = self.wait_for('it is told', lambda: len(receiver.alerts()) == 2 and
                             receiver.alerts())
        self.assertEqual([alert['alert'] for alert in told], ['DiskFree', 'ArchiveDisk'])
        self.configure(notify, '[archive]\ndisk_min = 0\n[alert.disk_free]\nclear_hold = 0\n' +
                       FIRING)
        self.hang_up()
        self.wait_for('its end is told', lambda: len(receiver.alerts()) == 3 and
                      receiver.alerts()[-1]['status'] == 'resolved')
        self.assertEqual(self.board()['not_told'], [])
        self.assertIn('new signals are taken again', self.read_log())
        for line in ('operator local: alerts ack DiskFree archive',
                     'operator http: alerts mute archive_disk',
                     'operator local: alerts unmute ArchiveDisk'):
            self.assertIn(line, self.read_log())
        self.stop()

    def stored(self):
        text = self.redis('rss').call('GET', 'alert_hushes')
        return len(text.splitlines()) if text else 0

    def test_rules_are_tried_by_http(self):
        self.start()
        status, answer = self.http('/api/v1/alerts/test',
                                   {'rules': '# two\nBTC price > 1\n\nBTC prise > 1\n'})
        self.assertEqual(status, 200)
        self.assertEqual([rule['rule'] for rule in answer['rules']],
                         ['BTC price > 1', 'BTC prise > 1'])
        self.assertEqual([rule['would'] for rule in answer['rules']], [[], []])
        self.assertTrue(answer['rules'][1]['error'])
        self.assertEqual(self.http('/api/v1/alerts/test', {'rules': 'x\n' * 11})[0], 422)
        self.assertEqual(self.http('/api/v1/alerts/test', {'rules': 7})[0], 400)
        self.stop()


@harness.unittest.skipUnless(shutil.which('prometheus-alertmanager'),
                             'prometheus-alertmanager is not installed')
class Alertmanager(NotifyTest):
    CONFIG = '''
route:
  receiver: hook
  group_by: [weir]
  group_wait: 500ms
  group_interval: 1s
receivers:
- name: hook
  webhook_configs:
  - url: %s
    send_resolved: true
'''

    def start_manager(self, receiver):
        folder = os.path.join(self.temp, 'manager')
        os.makedirs(folder)
        path = os.path.join(folder, 'alertmanager.yml')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(self.CONFIG % receiver.url('/manager'))
        port = harness.free_port()
        with open(os.path.join(folder, 'log'), 'wb') as log:
            manager = subprocess.Popen(
                ['prometheus-alertmanager', f'--config.file={path}',
                 f'--storage.path={folder}/data', f'--web.listen-address=127.0.0.1:{port}',
                 '--cluster.listen-address='], stdout=log, stderr=log)
        self.addCleanup(manager.wait)
        self.addCleanup(manager.kill)
        url = f'http://127.0.0.1:{port}'

        def ready():
            try:
                with urllib.request.urlopen(url + '/-/ready', timeout=2) as answer:
                    return answer.status == 200
            except OSError:
                return False
        self.wait_for('Alertmanager is ready', ready)
        return url

    def test_it_gets_groups_and_resolves_the_alerts(self):
        receiver = self.receive()
        url = self.start_manager(receiver)
        notify = f'alertmanager_url = {url}/\nalertmanager_timeout = 60s\n'
        firing = '[archive]\ndisk_min = 1000000gb\n[alert.disk_free]\nclear_hold = 0\n' + FIRING
        self.configure(notify, firing)
        self.start()

        def group_of(status):
            for group in receiver.alerts('/manager'):
                if group['status'] == status and len(group['alerts']) == 2:
                    return group
            return None
        group = self.wait_for('both come as one', lambda: group_of('firing'))
        self.assertEqual(sorted(alert['labels']['alertname'] for alert in group['alerts']),
                         ['ArchiveDisk', 'DiskFree'])
        self.assertEqual(group['commonLabels'],
                         {'source': 'archive', 'scope': 'archive', 'weir': 'desk'})
        with urllib.request.urlopen(url + '/api/v2/alerts', timeout=10) as answer:
            there = json.loads(answer.read())
        critical = next(alert for alert in there if alert['labels']['severity'] == 'critical')
        self.assertIn('GiB', critical['annotations']['description'])
        self.configure(notify, QUIET + '[archive]\ndisk_min = 0\n'
                       '[alert.disk_free]\nclear_hold = 0\n')
        self.hang_up()
        self.wait_for('both are resolved', lambda: group_of('resolved'))
        self.stop()


if __name__ == '__main__':
    harness.side_by_side(__file__, (Webhook, Deadman, Hushed, Alertmanager))
