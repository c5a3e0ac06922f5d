"""Exchanges of one's own on the loopback: the signed REST of Binance (spot, USD-M) and of
Bybit, as strict as they are, and as troublesome as a test asks for.

    with ExchangeServer(key, secret, skew_s=10) as exchange:
        ... rest_url = exchange.url ...
        exchange.wait(lambda: exchange.count('/api/v3/account'), 5)
        assert not exchange.wrong

Every signed request is checked: the key, the signature over exactly what was sent, the
timestamp within its window by this exchange's own clock (`skew_s` off), and that no signature
comes twice, but at once: a client sends a request again when its connection breaks before a
byte of the answer came, and venues take that. `wrong` says in words what was not as it should be; a refusal that was asked for
(a revoked key) is none. Faults: `fault(path, n, kind)` for the next n answers of a path, kind
an HTTP code (429 and 418 with Retry-After), 'truncated', 'garbage', 'silent' or 'echo' (an
error whose text holds the key and the secret, as some venues' do)."""
import collections
import hashlib
import hmac
import http.server
import json
import threading
import time
import urllib.parse

WINDOW_MS, AHEAD_MS, AT_ONCE_S = 5000, 1000, 1


class ExchangeServer:
    def __init__(self, key, secret, skew_s=0):
        self.key, self.secret, self.skew_s = key, secret, skew_s
        self.revoked = False
        self.requests, self.wrong = [], []
        self.faults = collections.defaultdict(collections.deque)
        self.seen = {}  # signature: when it came first
        self.lock = threading.Lock()
        self.spot = [{'asset': 'BTC', 'free': '0.12345678', 'locked': '0.10000000'},
                     {'asset': 'USDT', 'free': '1000.00000001', 'locked': '0.00000000'},
                     {'asset': 'NOPRICE', 'free': '7.5', 'locked': '0'}]
        self.fills = 1234  # of income, each 0.01 USDT, over the last 20 days
        self.started_ms = self.now_ms()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                outer.handle(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.url = f'http://127.0.0.1:{self.server.server_address[1]}'
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    # ---- what a test asks ----

    def now_ms(self):
        return int((time.time() + self.skew_s) * 1000)

    def count(self, path):
        with self.lock:
            return sum(1 for seen in self.requests if seen == path)

    def fault(self, path, n, kind):
        with self.lock:
            self.faults[path].extend([kind] * n)

    @staticmethod
    def wait(condition, patience_s):
        end = time.monotonic() + patience_s
        while not condition() and time.monotonic() < end:
            time.sleep(0.02)
        return condition()

    # ---- answers ----

    def send(self, request, code, body, headers=None, cut=0):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        request.send_response(code)
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        request.send_header('Content-Length', str(len(raw)))
        request.end_headers()
        request.wfile.write(raw[:len(raw) - cut])
        if cut:
            request.close_connection = True

    def refuse(self, request, bybit, code, text, http_code=400):
        if bybit:
            self.send(request, 200, {'retCode': code, 'retMsg': text, 'result': {}})
        else:
            self.send(request, http_code, {'code': code, 'msg': text})

    def handle(self, request):
        path, _, query = request.path.partition('?')
        bybit = path.startswith('/v5/')
        with self.lock:
            self.requests.append(path)
            kind = self.faults[path].popleft() if self.faults[path] else None
        if path in ('/api/v3/time', '/fapi/v1/time'):
            return self.send(request, 200, {'serverTime': self.now_ms()})
        if path == '/v5/market/time':
            return self.send(request, 200, {'retCode': 0, 'result': {
                'timeSecond': str(self.now_ms() // 1000), 'timeNano': f'{self.now_ms()}000000'}})
        if kind and not self.trouble(request, bybit, kind):
            return None
        problem = self.check(request, bybit, query)
        if problem:
            return self.refuse(request, bybit, *problem)
        body = self.answer(path, dict(urllib.parse.parse_qsl(query)))
        if body is None:
            self.wrong.append(f'unknown path {path}')
            return self.refuse(request, bybit, -1, 'unknown path', 404)
        if kind == 'truncated':
            return self.send(request, 200, json.dumps(body).encode()[:-9])
        return self.send(request, 200, body)

    def trouble(self, request, bybit, kind):
        """True where the request goes on."""
        if kind == 'truncated':
            return True
        if kind == 'silent':
            request.close_connection = True
        elif kind == 'garbage':
            self.send(request, 200, b'<html>maintenance</html>')
        elif kind == 'cut':
            self.send(request, 200, b'{"balances":[]}', cut=5)
        elif kind == 'echo':
            text = f'bad request of {self.key} signed with {self.secret} [{self.key[:9]}'
            self.refuse(request, bybit, 10001 if bybit else -1102, text)
        else:
            headers = {'Retry-After': '2'} if kind in (429, 418) else {}
            code = -1003 if headers else -1001
            self.send(request, kind, {'code': code, 'msg': f'slow down {self.key}'}, headers)
        return False

    def check(self, request, bybit, query):
        if bybit:
            key = request.headers.get('X-BAPI-API-KEY', '')
            stamp = request.headers.get('X-BAPI-TIMESTAMP', '')
            window = request.headers.get('X-BAPI-RECV-WINDOW', '')
            signature = request.headers.get('X-BAPI-SIGN', '')
            payload = stamp + key + window + query
        else:
            key = request.headers.get('X-MBX-APIKEY', '')
            payload, _, signature = query.rpartition('&signature=')
            values = dict(urllib.parse.parse_qsl(payload))
            stamp, window = values.get('timestamp', ''), values.get('recvWindow', '')
        right = hmac.new(self.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
        if self.revoked or key != self.key:
            if not self.revoked:
                self.wrong.append('a request with another key')
            return (10003, f'API key {self.key} is invalid.') if bybit else \
                (-2015, f'Invalid API-key {self.key}, IP, or permissions for action.', 401)
        if signature != right:
            self.wrong.append(f'a wrong signature of {payload}')
            return (10004, f'error sign! origin_string[{payload}]') if bybit else \
                (-1022, 'Signature for this request is not valid.')
        if not stamp.isdigit() or window != str(WINDOW_MS):
            self.wrong.append(f'timestamp {stamp!r}, window {window!r}')
            return (10002, 'timestamp') if bybit else (-1102, 'timestamp')
        late = self.now_ms() - int(stamp)
        if late > WINDOW_MS or late < -AHEAD_MS:
            return (10002, 'invalid request, please check your timestamp') if bybit else \
                (-1021, 'Timestamp for this request is outside of the recvWindow.')
        with self.lock:
            if time.monotonic() > self.seen.setdefault(signature, time.monotonic()) + AT_ONCE_S:
                self.wrong.append('a signature that came again')
                return (10004, 'replayed') if bybit else (-1022, 'replayed')
        return None

    def fill_ms(self, i):
        return self.started_ms - 20 * 86400000 + i * (20 * 86400000 // self.fills)

    def income(self, values):
        first, last = int(values['startTime']), int(values['endTime'])
        rows = [{'incomeType': 'REALIZED_PNL', 'asset': 'USDT', 'income': '0.01000000',
                 'time': self.fill_ms(i), 'symbol': 'BTCUSDT', 'tranId': i, 'info': '',
                 'tradeId': str(i)}
                for i in range(self.fills) if first <= self.fill_ms(i) <= last]
        return rows[:int(values['limit'])]

    def closed_pnl(self, values):
        rows = [{'symbol': 'BTCUSDT', 'closedPnl': row['income'],
                 'createdTime': str(row['time']), 'updatedTime': str(row['time'])}
                for row in reversed(self.income({**values, 'limit': '100000'}))]
        at, limit = int(values.get('cursor', 'at:0').split(':')[1]), int(values['limit'])
        more = at + limit < len(rows)
        return {'retCode': 0, 'result': {'list': rows[at:at + limit], 'category': 'linear',
                                         'nextPageCursor': f'at%3A{at + limit}' if more else ''}}

    def answer(self, path, values):
        position = {'symbol': 'BTCUSDT', 'positionSide': 'BOTH', 'positionAmt': '-0.500',
                    'entryPrice': '61000.1', 'markPrice': '60000.0',
                    'unRealizedProfit': '500.05000000', 'liquidationPrice': '90000.5',
                    'initialMargin': '3000', 'marginAsset': 'USDT'}
        return {
            '/api/v3/account': lambda: {'balances': self.spot},
            '/fapi/v3/balance': lambda: [{'asset': 'USDT', 'balance': '2500.12345678',
                                          'crossUnPnl': '500.05', 'availableBalance': '10'}],
            '/fapi/v3/positionRisk': lambda: [position],
            '/fapi/v1/income': lambda: self.income(values),
            '/v5/account/wallet-balance': lambda: {'retCode': 0, 'result': {'list': [{
                'accountType': 'UNIFIED', 'coin': [
                    {'coin': 'ETH', 'equity': '2.000000000000000001', 'walletBalance':
                     '2.000000000000000001', 'unrealisedPnl': '0', 'locked': '0',
                     'totalOrderIM': '0E-8', 'totalPositionIM': ''}]}]}},
            '/v5/position/list': lambda: {'retCode': 0, 'result': {
                'list': [], 'nextPageCursor': '', 'category': 'linear'}},
            '/v5/position/closed-pnl': lambda: self.closed_pnl(values),
        }.get(path, lambda: None)()
