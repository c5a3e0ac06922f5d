"""Prometheus and Alertmanager of Debian as servers of a test, with the files of
deploy/monitoring, whose addresses and times are put right for it."""
import json
import os
import re
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from servers import Server, http_call

SHIPPED = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'deploy',
                       'monitoring')
PROGRAMS = {'prometheus': '/usr/bin/prometheus', 'promtool': '/usr/bin/promtool',
            'alertmanager': '/usr/bin/prometheus-alertmanager', 'amtool': '/usr/bin/amtool'}


def there():
    return all(os.path.exists(path) for path in PROGRAMS.values())


def shipped(name):
    with open(os.path.join(SHIPPED, name), encoding='utf-8') as file:
        return file.read()


def names_in(text):
    """The metrics that PromQL names: those of weir and of the Redis exporter."""
    return set(re.findall(r'\b(?:weir|redis)_[a-z0-9_]+\b', text))


class Prometheus(Server):
    name = 'prometheus'

    def __init__(self, temp, weir_port, manager_port):
        super().__init__(temp)
        text = shipped('prometheus.yml')
        for there_, here in (('127.0.0.1:8780', f'127.0.0.1:{weir_port}'),
                             ('127.0.0.1:9093', f'127.0.0.1:{manager_port}'),
                             ('scrape_interval: 15s', 'scrape_interval: 1s'),
                             ('scrape_timeout: 5s', 'scrape_timeout: 1s'),
                             ('evaluation_interval: 15s', 'evaluation_interval: 1s')):
            assert there_ in text, there_
            text = text.replace(there_, here)
        with open(os.path.join(self.folder, 'prometheus.yml'), 'w', encoding='utf-8') as file:
            file.write(text)
        os.makedirs(os.path.join(self.folder, 'rules'))
        rules = re.sub(r'for: (1m|30s)\b', 'for: 1s', shipped('rules/weir.yml'))
        with open(os.path.join(self.folder, 'rules', 'weir.yml'), 'w', encoding='utf-8') as file:
            file.write(rules)

    def command(self):
        return [PROGRAMS['prometheus'], f'--config.file={self.folder}/prometheus.yml',
                f'--storage.tsdb.path={self.folder}/data',
                f'--web.listen-address=127.0.0.1:{self.port}', '--log.level=warn']

    def answers(self):
        return http_call(self.port, 'GET', '/-/ready', timeout=1)[0] == 200

    def query(self, expr):
        """The result of an instant query; an error where it is none."""
        words = urllib.parse.urlencode({'query': expr})
        status, text = http_call(self.port, 'GET', f'/api/v1/query?{words}')
        answer = json.loads(text)
        if status != 200:
            raise RuntimeError(f'{expr}: {answer.get("error")}')
        return answer['data']['result']

    def value(self, expr):
        """The one value of an expression, None where there is none."""
        found = self.query(expr)
        return float(found[0]['value'][1]) if found else None

    def alerts(self):
        text = http_call(self.port, 'GET', '/api/v1/alerts')[1]
        return [one for one in json.loads(text)['data']['alerts'] if one['state'] == 'firing']


class Alertmanager(Server):
    name = 'alertmanager'

    def __init__(self, temp, webhook_port):
        super().__init__(temp)
        text = shipped('alertmanager.yml')
        assert 'http://127.0.0.1:9095/alerts' in text
        text = text.replace('http://127.0.0.1:9095/alerts',
                            f'http://127.0.0.1:{webhook_port}/alerts')
        text = re.sub(r'group_wait: \w+', 'group_wait: 1s', text)
        text = re.sub(r'group_interval: \w+', 'group_interval: 1s', text)
        with open(os.path.join(self.folder, 'alertmanager.yml'), 'w', encoding='utf-8') as file:
            file.write(text)

    def command(self):
        return [PROGRAMS['alertmanager'], f'--config.file={self.folder}/alertmanager.yml',
                f'--storage.path={self.folder}/data', '--cluster.listen-address=',
                f'--web.listen-address=127.0.0.1:{self.port}', '--log.level=warn']

    def answers(self):
        return http_call(self.port, 'GET', '/-/ready', timeout=1)[0] == 200

    def post(self, alerts):
        status, text = http_call(self.port, 'POST', '/api/v2/alerts', json.dumps(alerts),
                                 headers={'Content-Type': 'application/json'})
        if status != 200:
            raise RuntimeError(f'{status}: {text}')

    def alerts(self):
        return json.loads(http_call(self.port, 'GET', '/api/v2/alerts')[1])

    def groups(self):
        return json.loads(http_call(self.port, 'GET', '/api/v2/alerts/groups')[1])


class Webhook:
    """What Alertmanager sends: `messages`, as they came."""

    def __init__(self):
        messages = self.messages = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):  # pylint: disable=invalid-name
                size = int(self.headers['Content-Length'])
                messages.append(json.loads(self.rfile.read(size)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
