"""Messages gone bad: what each delivery fault does to one message on its way out. Each
function returns the messages that leave instead. A message with a shape leaves as
bytes of its own making, per connection."""
import json

from venue.web import Answer, dumps
from venue.ws import PING, TEXT, Pieces, frame

DEEP = 3_000
UNKNOWN = ({'e': 'somethingNew', 'E': 1, 's': 'BTCUSDT', 'x': {'y': [1, 2, {'z': None}]}},
           {'e': 'aggTrade2', 'p': '1', 'q': '2'}, [], {}, 'text', 17, None,
           {'topic': 'somethingNew.BTCUSDT', 'type': 'snapshot', 'ts': 1, 'data': [{}]},
           {'op': 'somethingNew', 'success': True})


def silence(fault, message):
    return []


def duplicate(fault, message):
    copies = int(fault.params.get('copies', 1))
    return [message] + [message.like(message.text) for _ in range(copies)]


def reorder(fault, message):
    """Gathers `window` messages and lets them go shuffled, never in order."""
    fault.held.append(message)
    window = int(fault.params.get('window', 4))
    if len(fault.held) < window and not fault.over:
        return []
    held, fault.held = fault.held, []
    order = held[:]
    fault.rng.shuffle(order)
    return order if order != held else held[::-1]


def late(fault, message):
    message.delay_s = float(fault.params.get('hold_s', 3))
    return [message]


def shaped(message, shape):
    message.shape = shape
    return [message]


def cuts(data, pieces, rng):
    """The data in so many pieces, cut anywhere, the head included."""
    places = sorted(rng.randrange(1, len(data)) for _ in range(pieces - 1))
    return [data[a:b] for a, b in zip([0] + places, places + [len(data)])]


def half(fault, message):
    pieces = int(fault.params.get('pieces', 3))
    pause_s = float(fault.params.get('pause_s', 0.1))
    return shaped(message, lambda conn, text: conn.send(
        Pieces(cuts(frame(text.encode()), pieces, fault.rng), pause_s)))


def cut(fault, message):
    """Half a frame, then RST."""
    def shape(conn, text):
        data = frame(text.encode())
        conn.send(Pieces([data[:max(1, len(data) // 2)]], 0.05, True))
    return shaped(message, shape)


def fragment(fault, message):
    """Continuation frames, with pings between them as RFC 6455 5.4 allows."""
    pieces = int(fault.params.get('pieces', 3))

    def shape(conn, text):
        parts = cuts(text.encode(), pieces, fault.rng)
        frames = []
        for i, part in enumerate(parts):
            frames.append(frame(part, TEXT if i == 0 else 0, fin=i == len(parts) - 1))
            if fault.params.get('pings') and i < len(parts) - 1:
                frames.append(frame(b'', PING))
        conn.send(Pieces(frames, float(fault.params.get('pause_s', 0.02))))
    return shaped(message, shape)


def spoil(how, text):
    """Bytes of a message that is no JSON, or JSON nobody wants."""
    data = text.encode()
    if how == 'truncated':
        return data[:len(data) * 2 // 3]
    if how == 'utf8':
        return data[:-2] + b'\xff\xfe"}'
    if how == 'empty':
        return b''
    if how == 'deep':
        return b'{"data":' + b'[' * DEEP + b']' * DEEP + b'}'
    if how == 'huge':
        return data[:-1] + b',"x":"' + b'a' * (2 << 20) + b'"}'
    if how == 'nan':
        return data.replace(b'"p":"', b'"p":"NaN').replace(b'"q":"', b'"q":"1e400')
    if how == 'nul':
        return data[:20] + b'\0\0\0' + data[20:]
    return b'%%% garbage \\u0000 {{{'


def malformed(fault, message):
    how = fault.params.get('how', 'truncated')
    return shaped(message, lambda conn, text: conn.send(frame(spoil(how, text))))


def unknown(fault, message):
    """A frame nobody knows goes out before the message."""
    odd = UNKNOWN[fault.touched % len(UNKNOWN)]
    stranger = message.like(dumps(odd))
    return [stranger, message]


def absurd(fault, message):
    """One field (in Bybit's rows too) becomes something no venue would say."""
    field = fault.params.get('field', 'T')
    value = fault.params.get('value', 9_007_199_254_740_993_000)
    event = json.loads(message.text)
    rows = event.get('data', event) if isinstance(event, dict) else event
    for row in rows if isinstance(rows, list) else [rows]:
        if isinstance(row, dict) and field in row:
            row[field] = value
    message.text = dumps(event)
    return [message]


def bad_frame(fault, message):
    """A frame RFC 6455 forbids, instead of the message."""
    how = fault.params.get('how', 'reserved')

    def shape(conn, text):
        data = text.encode()[:100]
        conn.send({'reserved': lambda: frame(data, TEXT, bits=0x40),
                   'opcode': lambda: frame(data, 5),
                   'masked': lambda: bytes([0x81, 0x80 | len(data), 0, 0, 0, 0]) + data,
                   'long_control': lambda: bytes([0x89, 126, 0, 200]) + b'x' * 200,
                   'continuation': lambda: frame(data, 0),
                   'length': lambda: bytes([0x81, 127]) + b'\xff' * 8,
                   'binary': lambda: frame(data, 2),
                   'close_code': lambda: frame(b'\x03\xed', 8)}[how]())
    return shaped(message, shape)


def raw_ping(payload):
    return frame(payload, PING)


MESSAGE = {'silence': silence, 'duplicate': duplicate, 'reorder': reorder, 'late': late,
           'half': half, 'cut': cut, 'fragment': fragment, 'malformed': malformed,
           'unknown': unknown, 'absurd': absurd, 'bad_frame': bad_frame}


def garbage(fault, answer):
    """A 200 that is not what it says: html, truncated, empty, nulls."""
    how = fault.params.get('how', 'html')
    if how == 'truncated':
        return Answer(200, answer.body[:len(answer.body) // 2])
    if how == 'empty':
        return Answer(200, '')
    if how == 'null':
        return Answer(200, 'null')
    if how == 'object':
        return Answer(200, '{}')
    return Answer(200, '<html><body>Please verify you are human</body></html>',
                  kind='text/html')

