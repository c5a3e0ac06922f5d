"""HTTP/1.1 as far as a venue needs it: GET and POST with keep-alive, and the upgrade."""
import asyncio
import json
from email.utils import formatdate
from urllib.parse import parse_qsl, unquote, urlsplit

HEAD_MAX = 128 << 10
REASONS = {101: 'Switching Protocols', 200: 'OK', 400: 'Bad Request', 403: 'Forbidden',
           404: 'Not Found', 405: 'Method Not Allowed', 418: "I'm a teapot",
           429: 'Too Many Requests', 500: 'Internal Server Error', 502: 'Bad Gateway',
           503: 'Service Unavailable'}
JSON_TYPE = 'application/json;charset=UTF-8'


def dumps(value):
    return json.dumps(value, separators=(',', ':'), ensure_ascii=False)


class Request:
    def __init__(self, method, target, headers, body=b''):
        parts = urlsplit(target)
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.path = unquote(parts.path)
        self.raw_query = parts.query
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True))

    @property
    def is_upgrade(self):
        return 'websocket' in self.headers.get('upgrade', '').lower()


class Answer:
    def __init__(self, status, body, headers=None, kind=JSON_TYPE):
        self.status = status
        self.body = body.encode() if isinstance(body, str) else body
        self.headers = headers or {}
        self.kind = kind

    def bytes(self, date_s=None, keep=True):
        lines = [f'HTTP/1.1 {self.status} {REASONS.get(self.status, "Status")}',
                 f'Date: {formatdate(date_s, usegmt=True)}',
                 f'Content-Type: {self.kind}', f'Content-Length: {len(self.body)}',
                 f'Connection: {"keep-alive" if keep else "close"}']
        lines += [f'{name}: {value}' for name, value in self.headers.items()]
        return '\r\n'.join(lines).encode() + b'\r\n\r\n' + self.body


async def read_request(reader):
    """None at the end of the connection, ValueError for what is no request."""
    try:
        head = await reader.readuntil(b'\r\n\r\n')
    except asyncio.IncompleteReadError as end:
        if end.partial.strip():
            raise ValueError('half a request') from None
        return None
    except asyncio.LimitOverrunError:
        raise ValueError('head too long') from None
    lines = head.decode('latin-1').split('\r\n')
    method, target, version = lines[0].split(' ')
    if not version.startswith('HTTP/1.'):
        raise ValueError('not HTTP/1')
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(':')
        if colon:
            headers[name.strip().lower()] = value.strip()
    length = int(headers.get('content-length', 0))
    body = await reader.readexactly(min(length, 1 << 20)) if length else b''
    return Request(method, target, headers, body)
