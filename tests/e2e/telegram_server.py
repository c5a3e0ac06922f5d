"""A Bot API of one's own on the loopback: what Telegram does to a bot, good and bad.

    with TelegramServer(token='42:secret-of-a-test') as server:
        ... api_url = server.url ...
        server.say(chat=7, text='/cvd ETH')
        server.wait(lambda: server.messages(7), 5)
        assert not server.broken

Updates wait until a getUpdates with a higher offset has come, as Telegram's do; two that poll
drive each other out with 409. Requests are checked as Telegram checks them: the token, texts of
at most 4,096 visible characters in well-formed HTML, buttons, edits of messages that are there.
Everything is written down in `requests`, in order. `broken` says in words which limits the bot
has broken: 30 messages a second, 20 a minute in a group, a chat's burst, a retry_after that was
not waited for. With `enforces` what would break a limit is answered with 429.

Faults are asked for with `fault`: the next `count` requests of a method (and chat) are answered
with an error code, not at all ('silent'), slowly ('slow'), cut ('truncated'), or with nonsense
('garbage'). `shuffles` gives updates out of order, `repeats` old ones again.

Run as a program it prints `port N` and obeys POST /control with {"do": VERB, …}: say, press,
raw, fault, set, report. It ends when its standard input does."""
import collections
import html.parser
import json
import re
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = '42:a-token-of-the-tests-alone'
TAGS = {'b', 'strong', 'i', 'em', 'u', 'ins', 's', 'strike', 'del', 'a', 'pre', 'code',
        'blockquote', 'span', 'tg-spoiler', 'tg-emoji'}
SENDS = {'sendMessage', 'sendPhoto', 'editMessageText', 'editMessageCaption', 'editMessageMedia'}
# How much two requests may move towards each other on their way here; and what this process
# itself was late is added to it.
JITTER_S = 0.05


class Refused(Exception):
    def __init__(self, code, description, **parameters):
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


class Html(html.parser.HTMLParser):
    """What is seen of a text, or Refused as Telegram refuses it."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.seen = [], ''

    def handle_starttag(self, tag, attrs):
        if tag not in TAGS:
            raise Refused(400, f"Bad Request: can't parse entities: unsupported start tag \"{tag}\"")
        self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise Refused(400, f"Bad Request: can't parse entities: unmatched end tag \"{tag}\"")

    def handle_data(self, data):
        self.seen += data


def visible(text, mode):
    if mode is None:
        return text
    if mode != 'HTML':
        raise Refused(400, 'Bad Request: unsupported parse_mode')
    stripped = re.sub(r'</?[a-zA-Z][^<>]*>', '', text)
    if '<' in stripped:
        raise Refused(400, "Bad Request: can't parse entities: Unsupported start tag")
    parser = Html()
    parser.feed(text)
    parser.close()
    if parser.open:
        raise Refused(400, "Bad Request: can't parse entities: can't find end tag")
    return parser.seen


def units(text):
    return len(text.encode('utf-16-le')) // 2


def form_of(body, content_type):
    """Fields and files of a multipart/form-data body, strictly."""
    boundary = re.fullmatch(r'multipart/form-data; boundary=([\w-]+)', content_type).group(1)
    fields, files = {}, {}
    parts = body.split(b'--' + boundary.encode())
    if parts[0] or parts[-1] != b'--\r\n':
        raise Refused(400, 'Bad Request: malformed form')
    for part in parts[1:-1]:
        head, _, value = part.partition(b'\r\n\r\n')
        if not head.startswith(b'\r\n') or not value.endswith(b'\r\n'):
            raise Refused(400, 'Bad Request: malformed form')
        name = re.search(rb'name="([^"]+)"', head).group(1).decode()
        if b'filename="' in head:
            files[name] = value[:-2]
        else:
            fields[name] = value[:-2].decode()
    return fields, files


class Fault:
    def __init__(self, kind, method=None, count=1, chat=None, retry_after=None, seconds=0.0,
                 description=None):
        self.kind, self.method, self.count, self.chat = kind, method, count, chat
        self.retry_after, self.seconds, self.description = retry_after, seconds, description

    def fits(self, method, chat):
        return (self.count and self.method in (None, method) and
                self.chat in (None, chat))


class Pulse(threading.Thread):
    """Measures how late this process runs: then requests seem to come in bunches."""

    BEAT_S = 0.02

    def __init__(self):
        super().__init__(daemon=True)
        self.late = collections.deque(maxlen=4000)

    def run(self):
        before = time.monotonic()
        while True:
            time.sleep(self.BEAT_S)
            now = time.monotonic()
            self.late.append((now, now - before - self.BEAT_S))
            before = now

    def jitter(self, since):
        now = time.monotonic()
        beats = list(self.late)
        last = beats[-1][0] if beats else now
        return (JITTER_S + max(0.0, now - last - self.BEAT_S) +
                sum(late for at, late in beats if at > since and late > 0.005))


class Limits:
    """Sees every send; says which limit one breaks."""

    def __init__(self):
        self.pulse = Pulse()
        self.pulse.start()
        self.all = collections.deque()
        self.chats = collections.defaultdict(list)
        self.waits = {}  # chat, or None for all: until when, since when

    def told_to_wait(self, chat, seconds, now):
        self.waits[chat] = (now + seconds, now)

    def broken_by(self, chat, now):
        group = chat is not None and chat < 0
        for key in (chat, None):
            until, since = self.waits.get(key, (0, 0))
            # What was on its way when the answer came has not been sent against it.
            if since + 0.25 < now < until - self.pulse.jitter(since):
                return f'{key or "all"}: sent {until - now:.2f} s before retry_after was over'
        mine = [at for at in self.chats[chat] if at > now - 60]
        self.chats[chat] = mine
        while self.all and self.all[0] < now - 1:
            self.all.popleft()
        if self.within(self.all, now, 1) >= 30:
            return 'more than 30 in a second'
        if group and self.within(mine, now, 60) >= 20:
            return f'{chat}: more than 20 in a minute'
        for window in (1, 5, 15):
            if self.within(mine, now, window) >= 3 + window:
                return f'{chat}: more than {3 + window} in {window} s'
        return None

    def within(self, sends, now, window):
        begin = now - window + self.pulse.jitter(now - window - 1)
        return sum(at > begin for at in sends)

    def count(self, chat, now):
        self.all.append(now)
        self.chats[chat].append(now)


class TelegramServer:
    def __init__(self, token=TOKEN, name='weir_test_bot', enforces=False):
        self.token, self.name, self.enforces = token, name, enforces
        self.changed = threading.Condition()
        self.requests, self.broken, self.faults = [], [], []
        self.updates, self.next_update, self.confirmed = [], 1000, 0
        self.old = collections.deque(maxlen=20)
        self.shuffles = self.repeats = False
        self.sent = {}         # (chat, message_id): its fields as they are now
        self.next_message = 1
        self.buttons = set()   # ids of presses that nobody has answered
        self.menus = {}
        self.polls = 0         # getUpdates ever: the newest drives out the one before
        self.limits = Limits()
        self.stopped = False
        self.server = ThreadingHTTPServer(('127.0.0.1', 0), handler_of(self))
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f'http://127.0.0.1:{self.port}'
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        with self.changed:
            self.stopped = True
            self.changed.notify_all()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    # ---- people ----

    def raw(self, update):
        """Any update; its id unless it has one."""
        with self.changed:
            self.next_update += 1
            update.setdefault('update_id', self.next_update)
            self.updates.append(update)
            self.changed.notify_all()
            return update['update_id']

    def _message(self, chat, user, thread, date, name):
        message = {'message_id': self._message_id(), 'date': int(date or time.time()),
                   'chat': {'id': chat, 'type': 'private' if chat > 0 else 'supergroup'},
                   'from': {'id': user or abs(chat), 'is_bot': False, 'first_name': name}}
        if thread:
            message.update(is_topic_message=True, message_thread_id=thread)
        return message

    def _message_id(self):
        with self.changed:
            self.next_message += 1
            return self.next_message

    def say(self, chat, text, user=None, thread=None, date=None, name='Ann', edited=False, **more):
        message = self._message(chat, user, thread, date, name)
        message.update(text=text, **more)
        return self.raw({'edited_message' if edited else 'message': message})

    def press(self, chat, message_id, data, user=None, name='Ann'):
        """A button under a message of the bot."""
        with self.changed:
            fields = self.sent.get((chat, message_id), {})
            press = str(self.next_update + 1)
            self.buttons.add(press)
        message = {'message_id': message_id, 'date': int(time.time()),
                   'chat': {'id': chat, 'type': 'private' if chat > 0 else 'supergroup'}}
        if fields.get('photo'):
            message['photo'] = [{'file_id': 'x', 'width': 1, 'height': 1}]
        return self.raw({'callback_query': {
            'id': press, 'data': data, 'message': message,
            'from': {'id': user or abs(chat), 'is_bot': False, 'first_name': name}}})

    # ---- looking ----

    def messages(self, chat=None):
        """Texts and pictures that stand in a chat now, in order."""
        with self.changed:
            return [dict(fields, chat=key[0], message_id=key[1])
                    for key, fields in sorted(self.sent.items(), key=lambda item: item[0][1])
                    if chat in (None, key[0])]

    def calls(self, method):
        with self.changed:
            return [request for request in self.requests if request['method'] == method]

    def wait(self, condition, seconds=10):
        """What the condition gives as soon as it is true, or False."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while True:
                found = condition()
                left = deadline - time.monotonic()
                if found or left <= 0:
                    return found or False
                self.changed.wait(min(left, 0.2))

    def fault(self, kind, **how):
        with self.changed:
            self.faults.append(Fault(kind, **how))
            self.changed.notify_all()

    # ---- methods ----

    def answer(self, method, fields, files, connection):
        """The result, or Refused. The condition is held."""
        if method == 'getUpdates':
            return self.get_updates(fields, connection)
        if method in SENDS:
            self.keep_limits(int(fields['chat_id']))
        return getattr(self, 'do_' + method, self.unknown)(fields, files)

    def unknown(self, fields, files):
        raise Refused(404, 'Not Found: method not found')

    def keep_limits(self, chat):
        now = time.monotonic()
        why = self.limits.broken_by(chat, now)
        if why:
            self.broken.append(why)
            if self.enforces:
                self.limits.told_to_wait(chat, 2, now)
                raise Refused(429, 'Too Many Requests: retry after 2', retry_after=2)
        self.limits.count(chat, now)

    def do_getMe(self, fields, files):
        return {'id': 42, 'is_bot': True, 'first_name': 'weir', 'username': self.name}

    def get_updates(self, fields, connection):
        offset, limit = int(fields.get('offset', 0)), int(fields.get('limit', 100))
        wanted = fields.get('allowed_updates')
        wanted = json.loads(wanted) if isinstance(wanted, str) else wanted
        until = time.monotonic() + int(fields.get('timeout', 0))
        self.polls += 1
        mine = self.polls
        self.changed.notify_all()
        if offset > 0:
            self.confirmed = max(self.confirmed, offset)
            self.old.extend(u for u in self.updates if u['update_id'] < offset)
            self.updates = [u for u in self.updates if u['update_id'] >= offset]
        while True:
            if self.polls != mine:
                raise Refused(409, 'Conflict: terminated by other getUpdates request; make sure '
                                   'that only one bot instance is running')
            fault = self.take_fault('getUpdates', None)
            if fault:
                return fault
            found = [u for u in self.updates
                     if not wanted or any(kind in u for kind in wanted) or len(u) == 1]
            left = until - time.monotonic()
            if found or left <= 0 or self.stopped:
                return self.in_disorder(found[:limit])
            self.changed.wait(min(left, 1.0))

    def in_disorder(self, found):
        if self.repeats and found:
            found = list(self.old) + found + found[-1:]
        return found[::-1] if self.shuffles else found

    def check_text(self, fields, key, limit):
        text = fields.get(key, '')
        shown = visible(text, fields.get('parse_mode'))
        if units(shown) > limit:
            raise Refused(400, 'Bad Request: message is too long')
        return shown

    def check_markup(self, fields):
        markup = fields.get('reply_markup')
        markup = json.loads(markup) if isinstance(markup, str) else markup
        for row in (markup or {}).get('inline_keyboard', []):
            for button in row:
                if not button['text'] or not 1 <= len(button['callback_data'].encode()) <= 64:
                    raise Refused(400, 'Bad Request: BUTTON_DATA_INVALID')
        return markup

    def keep_message(self, chat, message_id, fields, shown, photo=None):
        self.sent[chat, message_id] = {
            'text': shown, 'markup': self.check_markup(fields), 'photo': photo,
            'thread': int(fields.get('message_thread_id', 0)), 'at': time.monotonic(),
            'silent': fields.get('disable_notification') in (True, 'true')}
        return {'message_id': message_id, 'date': int(time.time()), 'text': shown,
                'chat': {'id': chat, 'type': 'private' if chat > 0 else 'supergroup'}}

    def do_sendMessage(self, fields, files):
        shown = self.check_text(fields, 'text', 4096)
        if not shown.strip():
            raise Refused(400, 'Bad Request: message text is empty')
        self.next_message += 1
        return self.keep_message(int(fields['chat_id']), self.next_message, fields, shown)

    def do_sendPhoto(self, fields, files):
        shown = self.check_text(fields, 'caption', 1024)
        self.check_photo(files)
        self.next_message += 1
        return self.keep_message(int(fields['chat_id']), self.next_message, fields, shown,
                                 files['photo'])

    def check_photo(self, files):
        if not files.get('photo', b'').startswith(b'\x89PNG\r\n\x1a\n'):
            raise Refused(400, 'Bad Request: IMAGE_PROCESS_FAILED')

    def edited(self, fields):
        key = int(fields['chat_id']), int(fields['message_id'])
        if key not in self.sent:
            raise Refused(400, 'Bad Request: message to edit not found')
        return key, self.sent[key]

    def edit(self, fields, key, shown, photo):
        before = dict(self.sent[key], at=0)
        result = self.keep_message(*key, fields, shown, photo)
        if dict(self.sent[key], at=0) == before:
            raise Refused(400, 'Bad Request: message is not modified: specified new message '
                               'content and reply markup are exactly the same')
        return result

    def do_editMessageText(self, fields, files):
        key, old = self.edited(fields)
        if old['photo']:
            raise Refused(400, 'Bad Request: there is no text in the message to edit')
        return self.edit(fields, key, self.check_text(fields, 'text', 4096), None)

    def do_editMessageCaption(self, fields, files):
        key, old = self.edited(fields)
        return self.edit(fields, key, self.check_text(fields, 'caption', 1024), old['photo'])

    def do_editMessageMedia(self, fields, files):
        key, _ = self.edited(fields)
        media = json.loads(fields['media'])
        if media['type'] != 'photo' or media['media'] != 'attach://photo':
            raise Refused(400, 'Bad Request: wrong media')
        self.check_photo(files)
        return self.edit(fields, key, self.check_text(media, 'caption', 1024), files['photo'])

    def do_sendChatAction(self, fields, files):
        return True

    def do_answerCallbackQuery(self, fields, files):
        if fields['callback_query_id'] not in self.buttons:
            raise Refused(400, 'Bad Request: query is too old and response timeout expired or '
                               'query ID is invalid')
        self.buttons.discard(fields['callback_query_id'])
        return True

    def do_setMyCommands(self, fields, files):
        for command in fields['commands']:
            if not re.fullmatch(r'[a-z0-9_]{1,32}', command['command']) or \
                    not 1 <= len(command['description']) <= 256:
                raise Refused(400, 'Bad Request: BOT_COMMAND_INVALID')
        self.menus[fields['scope'].get('chat_id', 0)] = [c['command'] for c in fields['commands']]
        return True

    def do_deleteMyCommands(self, fields, files):
        self.menus.pop(fields['scope'].get('chat_id', 0), None)
        return True

    # ---- one request ----

    def take_fault(self, method, chat):
        for fault in self.faults:
            if fault.fits(method, chat):
                fault.count -= 1
                self.faults = [other for other in self.faults if other.count]
                return fault
        return None

    def serve(self, path, body, content_type, connection):
        """(code, bytes, fault) of a request to the Bot API."""
        match = re.fullmatch(r'/bot([^/]+)/(\w+)', path)
        fields, files = {}, {}
        with self.changed:
            record = {'at': time.monotonic(), 'method': match.group(2) if match else path,
                      'fields': fields, 'code': 0}
            self.requests.append(record)
            self.changed.notify_all()
            code, answer, fault = 200, None, None
            try:
                if not match or match.group(1) != self.token:
                    raise Refused(401 if match else 404, 'Unauthorized' if match else 'Not Found')
                parsed, files = fields_of(body, content_type)
                fields.update(parsed)
                chat = int(fields['chat_id']) if 'chat_id' in fields else None
                if match.group(2) != 'getUpdates':
                    fault = self.take_fault(match.group(2), chat)
                if fault and isinstance(fault.kind, int):
                    raise self.refusal(fault, chat)
                if not fault:
                    result = self.answer(match.group(2), fields, files, connection)
                    if isinstance(result, Fault):
                        fault = result
                        if isinstance(fault.kind, int):
                            raise self.refusal(fault, None)
                        result = self.updates[:int(fields.get('limit', 100))]
                    answer = {'ok': True, 'result': result}
                else:
                    answer = {'ok': True, 'result': {'message_id': 1}}
            except Refused as refused:
                code = refused.code
                answer = {'ok': False, 'error_code': code, 'description': refused.description}
                if refused.parameters:
                    answer['parameters'] = refused.parameters
            record.update(code=code, fault=fault.kind if fault else None,
                          photo=len(files.get('photo', b'')))
            self.changed.notify_all()
        return code, json.dumps(answer).encode(), fault

    def refusal(self, fault, chat):
        if fault.kind == 429:
            self.limits.told_to_wait(chat, fault.retry_after, time.monotonic())
            return Refused(429, f'Too Many Requests: retry after {fault.retry_after}',
                           retry_after=fault.retry_after)
        return Refused(fault.kind, fault.description or f'error {fault.kind}')

    def control(self, asked):
        verb = asked.pop('do')
        if verb == 'report':
            with self.changed:
                methods = collections.Counter(r['method'] for r in self.requests)
                codes = collections.Counter(str(r['code']) for r in self.requests)
                return {'methods': methods, 'codes': codes, 'broken': self.broken,
                        'confirmed': self.confirmed, 'waiting': len(self.updates),
                        'menus': {str(key): menu for key, menu in self.menus.items()},
                        'messages': [dict(m, photo=len(m['photo'] or b''))
                                     for m in self.messages(asked.get('chat'))]}
        if verb == 'set':
            for name, value in asked.items():
                setattr(self, name, value)
            return True
        return {'say': self.say, 'press': self.press, 'fault': self.fault,
                'raw': lambda update: self.raw(update)}[verb](**asked)


def fields_of(body, content_type):
    try:
        if content_type == 'application/json':
            return json.loads(body), {}
        if content_type.startswith('multipart/form-data'):
            return form_of(body, content_type)
        return dict(urllib.parse.parse_qsl(body.decode())), {}
    except (ValueError, AttributeError) as error:
        raise Refused(400, f'Bad Request: {error}') from error


def handler_of(owner):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def log_message(self, *_):
            pass

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get('content-length', 0)))
            if self.path == '/control':
                self.give(200, json.dumps(owner.control(json.loads(body))).encode())
                return
            code, answer, fault = owner.serve(self.path, body,
                                              self.headers.get('content-type', ''), self)
            if fault and not isinstance(fault.kind, int):
                self.misbehave(fault, answer)
            else:
                self.give(code, answer)

        do_GET = do_POST

        def give(self, code, answer):
            try:
                self.send_response(code)
                self.send_header('Content-Type', 'application/json')
                self.send_header('Content-Length', str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            except OSError:
                self.close_connection = True

        def misbehave(self, fault, answer):
            self.close_connection = True
            try:
                self.misbehave_as(fault, answer)
            except OSError:
                pass

        def misbehave_as(self, fault, answer):
            if fault.kind == 'silent':
                self.hold(fault.seconds or 3600)
            elif fault.kind == 'garbage':
                self.give(200, b'<html>\xff{"update_id":' + answer[:50])
            elif fault.kind == 'slow':
                self.send_response(200)
                self.send_header('Content-Length', str(len(answer)))
                self.end_headers()
                self.wfile.write(answer[:10])
                self.hold(fault.seconds)
                self.wfile.write(answer[10:])
            elif fault.kind == 'truncated':
                self.send_response(200)
                self.send_header('Content-Length', str(len(answer) + 100))
                self.end_headers()
                self.wfile.write(answer[:-1])
            else:
                self.give(200, answer)

        def hold(self, seconds):
            until = time.monotonic() + seconds
            while time.monotonic() < until and not owner.stopped:
                time.sleep(0.05)

    return Handler


def main():
    with TelegramServer() as server:
        print('port', server.port, flush=True)
        sys.stdin.read()


if __name__ == '__main__':
    main()
