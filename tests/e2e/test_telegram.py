#!/usr/bin/env python3
"""People and a real weir, by a Bot API of the test's own: pairing and approving, questions and
their buttons, pictures, settings, alerts, halting with a code, restarts, and a Telegram that is
away for a while. Usage: test_telegram.py WEIR"""
import json
import os
import re
import unittest

import harness
from telegram_server import TelegramServer

TOKEN = '42:a-token-of-the-tests-alone'
ADA, BEN, EVE = 7, 8, 666


class TelegramTest(harness.WeirTest):
    settings = ('[market]\nfeed = sim\nsymbols = BTC,ETH\n[archive]\nduckdb = archive.duckdb\n')
    more = ''

    def setUp(self):
        super().setUp()
        self.server = TelegramServer(token=TOKEN)
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        token = os.path.join(self.temp, 'token')
        with open(token, 'w', encoding='utf-8') as file:
            file.write(TOKEN + '\n')
        os.chmod(token, 0o600)
        self.write_config(f'[telegram]\napi_url = {self.server.url}\ntoken_file = {token}\n'
                          + self.more)
        self.begin()

    def begin(self):
        self.start()
        self.wait_for('the bot to be known', lambda: 'the bot is @weir_test_bot'
                      in self.read_log()[self.log_mark():])

    def log_mark(self):
        return self.__dict__.setdefault('_mark', 0)

    def again(self):
        self.stop()
        self._mark = len(self.read_log())
        self.begin()

    def tearDown(self):
        self.assertNotIn(TOKEN.split(':')[1], self.read_log())
        self.assertEqual(self.server.broken, [])
        super().tearDown()

    def weir(self, *args):
        return self.run_weir(*args, '--state', self.state)

    # ---- talking ----

    def texts(self, chat):
        return [message['text'] for message in self.server.messages(chat)]

    def hears(self, chat, *words, after=0, seconds=15):
        """The newest message of the chat that has all the words, once there is one."""
        def find():
            return next((message for message in reversed(self.server.messages(chat))
                         if message['message_id'] > after and
                         all(word in message['text'] for word in words)), None)
        found = self.server.wait(find, seconds)
        self.assertTrue(found, f'{words} not heard in {chat}: {self.texts(chat)}\n'
                        + self.read_log())
        return found

    def asks(self, chat, text, *words, **how):
        after = self.server.next_message
        self.server.say(chat, text, **how)
        return self.hears(chat, *words, after=after)

    def buttons(self, message):
        return {button['text']: button['callback_data']
                for row in (message['markup'] or {}).get('inline_keyboard', []) for button in row}

    def presses(self, message, label, user=None):
        buttons = self.buttons(message)
        self.assertIn(label, buttons)
        self.server.press(message['chat'], message['message_id'], buttons[label], user=user)

    def stands(self, message, *words, seconds=15):
        """The message itself comes to have the words."""
        def find():
            now = self.server.sent[message['chat'], message['message_id']]
            return all(word in now['text'] for word in words)
        self.assertTrue(self.server.wait(find, seconds),
                        f'{words}: {self.server.sent[message["chat"], message["message_id"]]}')
        return dict(self.server.sent[message['chat'], message['message_id']],
                    chat=message['chat'], message_id=message['message_id'])

    def quiet(self, chat, probe=ADA):
        """Nothing was said to the chat: what was asked before the probe has been dealt with."""
        before = len(self.texts(chat))
        self.asks(probe, '/id', str(probe))
        self.assertEqual(len(self.texts(chat)), before)

    def pairs(self, user, name):
        link = self.weir('telegram', 'pair')
        self.assertEqual(link.returncode, 0, link.stderr)
        found = re.fullmatch(r'https://t\.me/weir_test_bot\?start=([0-9a-f]{32})\n', link.stdout)
        self.assertTrue(found, link.stdout)
        after = self.server.next_message
        self.server.say(user, '/start ' + found.group(1), name=name)
        return after, found.group(1)

    def reload(self, before, after):
        """The settings with `after` in the place of `before`."""
        with open(self.config, encoding='utf-8') as file:
            text = file.read()
        self.assertIn(before, text)
        with open(self.config, 'w', encoding='utf-8') as file:
            file.write(text.replace(before, after))
        self.child.send_signal(harness.signal.SIGHUP)
        self.wait_for('the reload', lambda: 'reloaded' in self.read_log())

    def metric(self, name):
        text = self.control('metrics')
        found = re.search(r'^' + re.escape(name) + r' (\d+)$', text, re.M)
        self.assertTrue(found, name)
        return int(found.group(1))


class People(TelegramTest):
    def test_pairing_approving_and_roles(self):
        self.server.say(EVE, '/price BTC')
        after, code = self.pairs(ADA, 'Ada')
        self.hears(ADA, 'You are in, as admin', after=after)
        self.quiet(EVE)
        # The code worked once.
        self.server.say(BEN, '/start ' + code, name='Ben')
        self.hears(BEN, 'used already')
        after, _ = self.pairs(BEN, 'Ben <b>')
        self.hears(BEN, 'An admin must let you in now', after=after)
        question = self.hears(ADA, 'Ben <b>', 'asks to be let in')
        self.server.say(BEN, '/price BTC', name='Ben <b>')
        self.quiet(BEN)
        self.presses(question, 'Approve')
        self.hears(BEN, 'You are in, as reader')
        self.stands(question, 'is reader now')
        self.asks(BEN, '/price ETH', 'ETH')
        self.asks(BEN, '/balance', 'is for the role trader')
        self.asks(BEN, '/halt all', 'is for the role admin')
        # By the operator's hand.
        listed = self.weir('telegram', 'users', '--json')
        people = {row['id']: row for row in json.loads(listed.stdout)['users']}
        self.assertEqual((people[ADA]['role'], people[BEN]['role']), ('admin', 'reader'))
        self.assertNotIn(EVE, people)
        self.assertEqual(self.weir('telegram', 'role', str(BEN), 'trader').returncode, 0)
        self.hears(BEN, 'You are in, as trader')
        last = self.weir('telegram', 'role', str(ADA), 'none')
        self.assertEqual(last.returncode, 1)
        self.assertIn('last admin', last.stderr)
        self.assertEqual(self.weir('telegram', 'role', str(BEN), 'none').returncode, 0)
        self.server.say(BEN, '/price BTC')
        self.quiet(BEN)
        self.assertEqual(self.weir('telegram', 'test').returncode, 0)
        self.hears(ADA, 'test message')
        self.server.wait(lambda: ADA in self.server.menus, 10)
        self.assertIn('halt', self.server.menus[ADA])
        self.assertNotIn('halt', self.server.menus[0])

    def test_who_is_not_answered(self):
        self.pairs(ADA, 'Ada')
        self.hears(ADA, 'You are in')
        before = len(self.texts(ADA))
        self.server.say(ADA, '/price BTC', date=1)
        self.server.say(ADA, '/price BTC', edited=True)
        self.server.say(ADA, '/price BTC', forward_origin={'type': 'hidden_user'})
        self.server.say(-100, '/price BTC', user=ADA)
        self.quiet(-100)
        self.assertEqual(len(self.texts(ADA)), before + 1)
        for reason in ('old', 'forwarded', 'group'):  # edits are not asked for
            self.assertEqual(self.metric(f'weir_bot_unheard_total{{reason="{reason}"}}'), 1,
                             reason)

    def test_a_new_start_keeps_people_offset_and_preferences(self):
        self.pairs(ADA, 'Ada')
        self.hears(ADA, 'You are in')
        self.asks(ADA, '/settings sym ETH', 'Symbol: ETH')
        self.asks(ADA, '/alerts add ETH price > 1', 'ETH price')
        rss = self.redis('rss')
        self.wait_for('the rule to be stored', lambda: rss.call('HLEN', 'rules') == 1)
        self.wait_for('the preference', lambda: rss.call('HGET', f'preference:{ADA}', 'sym')
                      == b'ETH')
        self.assertEqual(rss.call('HGET', f'session:{ADA}', 'dev'), b'telegram')
        self.assertIn(b'admin active', rss.call('HGET', 'people', ADA))
        self.wait_for('the offset', lambda: int(rss.call('GET', 'telegram:offset') or 0)
                      > self.server.next_update)
        self.again()
        before = len(self.texts(ADA))
        self.asks(ADA, '/price', 'ETH')
        self.asks(ADA, '/alerts list', 'ETH price')
        # Nothing of before was answered again.
        self.assertEqual(len(self.texts(ADA)), before + 2)

    def test_kill_9_forgets_nobody(self):
        self.pairs(ADA, 'Ada')
        self.hears(ADA, 'You are in')
        self.asks(ADA, '/alerts add BTC price > 1', 'BTC price')
        rss = self.redis('rss')
        self.wait_for('the rule to be stored', lambda: rss.call('HLEN', 'rules') == 1)
        self.kill()
        self._mark = len(self.read_log())
        self.begin()
        self.asks(ADA, '/alerts list', 'BTC price')


class Answers(TelegramTest):
    more = 'admins = 7\nchats = 8,-100\n'

    def test_questions_and_their_buttons(self):
        answer = self.asks(ADA, '/c eth 5m', 'ETH CVD · 5m', 'as of')
        buttons = self.buttons(answer)
        self.assertEqual(buttons['·5m·'], 'q:/cvd ETH 5m')
        self.assertEqual(buttons['60m'], 'q:/cvd ETH 60m')
        self.assertEqual(buttons['price'], 'q:/price ETH')
        self.assertEqual(buttons['↻ Refresh'], 'q:/cvd ETH 5m')
        self.presses(answer, '60m')
        answer = self.stands(answer, 'ETH CVD · 60m')
        self.presses(answer, 'price')
        answer = self.stands(answer, 'ETH price')
        self.presses(answer, 'Alert')
        offers = self.stands(answer, 'Tell me when')
        label = next(label for label in self.buttons(offers) if label.startswith('price >'))
        self.presses(offers, label)
        self.stands(offers, 'ETH price')
        self.assertTrue(self.server.wait(lambda: not self.server.buttons, 10),
                        'a pressed button still turns')
        self.asks(ADA, '/prise BTC', 'did you mean /price')
        self.asks(ADA, 'cvd btc', 'BTC CVD')

    def test_a_chart_takes_the_message_s_place(self):
        answer = self.asks(ADA, '/cvd ETH 5m', 'ETH CVD')
        self.presses(answer, 'Chart')
        key = answer['chat'], answer['message_id']
        self.assertTrue(self.server.wait(lambda: self.server.sent[key]['photo'], 20))
        picture = self.server.messages(ADA)[-1]
        self.assertIn('ETH CVD', picture['text'])
        self.assertIn('as of', picture['text'])
        self.assertLessEqual(len(picture['photo']), 60 * 1024)
        self.assertTrue(self.server.calls('sendChatAction'))
        self.presses(picture, 'Text')
        self.hears(ADA, 'ETH CVD', 'Price against CVD', after=picture['message_id'])
        # A server that knows no media in the place of a text: a new message.
        self.server.fault(400, method='editMessageMedia', count=1)
        answer = self.asks(ADA, '/oi BTC', 'BTC')
        self.presses(answer, 'Chart')
        self.assertTrue(self.server.wait(
            lambda: [m for m in self.server.messages(ADA)
                     if m['photo'] and m['message_id'] > answer['message_id']] or
            self.server.sent[ADA, answer['message_id']]['photo'], 20))

    def test_groups_hear_their_own_commands(self):
        self.asks(-100, '/price@weir_test_bot ETH', 'ETH', user=BEN, thread=5)
        self.assertEqual(self.server.messages(-100)[-1]['thread'], 5)
        self.server.say(-100, '/price@another_bot ETH', user=BEN)
        self.server.say(-100, 'what a price', user=BEN)
        self.server.say(-100, '/price ETH', user=EVE)
        self.quiet(-100)

    def test_settings_by_buttons(self):
        page = self.asks(BEN, '/settings', 'Settings', 'Timeframe: 15m')
        self.presses(page, 'Timeframe')
        page = self.stands(page, 'Settings')
        self.server.wait(lambda: '60m' in self.buttons(self.stands(page, 'Settings')), 10)
        page = self.stands(page, 'Settings')
        self.presses(page, '60m')
        self.stands(page, 'Timeframe: 60m')
        self.asks(BEN, '/cvd ETH', 'ETH CVD · 60m')
        self.asks(BEN, '/settings quiet 22:00-06:30 +2', '22:00-06:30', 'UTC+02:00')
        self.asks(BEN, '/settings quiet nonsense', 'Usage: /settings quiet')

    def test_an_alert_of_ones_own_is_told(self):
        self.asks(ADA, '/alerts add BTC price > 1 every 1m', 'BTC price')
        # It was true when it was added: edited so that it is false, then true again.
        rules = self.asks(ADA, '/alerts list', 'BTC price')['text']
        number = re.search(r'#?(\d+)', rules[rules.index('BTC price') - 12:]).group(1)
        self.asks(ADA, f'/alerts edit {number} > 99999999', 'BTC price')
        self.asks(ADA, '/alerts add BTC whale > 10000 every 1m', 'BTC whale')
        told = self.hears(ADA, '🔔', 'BTC', seconds=60)
        self.assertIn('Delete', self.buttons(told))
        self.presses(told, 'Delete')
        self.stands(told, 'delet')

    def test_a_halt_names_who_is_there_and_tells_how_closing_ended(self):
        self.asks(ADA, '/halt mt5-17', "no terminal or group 'mt5-17' is known")
        self.asks(ADA, '/halt group:fx flat', "no terminal or group 'group:fx' is known")
        self.asks(ADA, '/halt flat', 'Usage: /halt')
        asked = self.asks(ADA, '/halt all flat', 'close what is open')
        code = re.search(r'Send back (\d{6})', asked['text']).group(1)
        done = self.asks(ADA, code, 'Done: all is halted: in force here, not stored yet')
        self.hears(ADA, 'closing what is open of it was taken: signal ',
                   after=done['message_id'])

        def rows():
            return self.weir('archive', 'query', '--format', 'csv', 'select operator, action, '
                             'target, outcome from operator_log').stdout
        log = self.wait_for('the audit', lambda: 'closeall' in rows() and rows(), 30)
        self.assertIn('tg:7,halt,mt5-17,refused: nobody is known by it', log)
        self.assertRegex(log, r'tg:7,closeall,all,taken: signal \d+')
        self.assertEqual(self.weir('fleet', 'resume').returncode, 0)
        flat = self.weir('fleet', 'halt', '--flat', 'all')
        self.assertEqual((flat.returncode, flat.stderr), (0, ''))
        self.assertIn('local,closeall,all,taken', self.wait_for(
            'the audit', lambda: 'local,closeall' in rows() and rows(), 30))

    def test_halting_wants_a_code(self):
        asked = self.asks(ADA, '/halt all', 'Send back')
        code = re.search(r'Send back (\d{6})', asked['text']).group(1)
        wrong = '000000' if code != '000000' else '111111'
        self.asks(ADA, wrong, '2 tries left')
        self.assertIn('Nothing is halted', self.asks(ADA, '/halt', 'Halts')['text'])
        self.server.say(BEN, code)
        self.asks(BEN, '/id', '8')
        self.asks(ADA, code, 'Done')
        self.assertIn('all', self.asks(ADA, '/halt', 'Halted')['text'])
        self.asks(ADA, code, 'I answer commands')
        asked = self.asks(ADA, '/halt off', 'trade again')
        self.asks(ADA, re.search(r'(\d{6})', asked['text']).group(1), 'Done')
        self.asks(BEN, '/halt all', 'is for the role admin')

        def rows():
            answer = self.weir('archive', 'query', '--format', 'csv',
                               'select operator, action, target, outcome from operator_log')
            return answer.stdout
        log = self.wait_for('the audit', lambda: 'resume' in rows() and rows(), 30)
        for line in ('tg:7,halt,all,done', 'tg:7,resume,all,done', 'tg:7,confirm,,refused: wrong code',
                     'tg:8,halt,/halt,refused: role'):
            self.assertIn(line, log)

    def test_the_lists_are_read_again(self):
        self.server.say(EVE, '/price BTC')
        self.quiet(EVE)
        self.reload('chats = 8,-100', f'chats = {EVE}')
        self.asks(EVE, '/price BTC', 'BTC')
        self.server.say(BEN, '/price BTC')
        self.quiet(BEN)

    def test_a_reload_reads_preferences_of_new_people_alone(self):
        self.asks(ADA, '/settings sym ETH', 'Symbol: ETH')
        rss = self.redis('rss')
        self.wait_for('the preference', lambda: rss.call('HGET', f'preference:{ADA}', 'sym')
                      == b'ETH')
        # As if what is stored were older than what is in memory.
        rss.call('HSET', f'preference:{ADA}', 'sym', 'BTC')
        rss.call('HSET', f'preference:{EVE}', 'sym', 'ETH')
        self.reload('chats = 8,-100', f'chats = 8,-100,{EVE}')
        # Ada's would have been read before Eve's.
        self.wait_for('what Eve prefers',
                      lambda: 'Symbol: ETH' in self.asks(EVE, '/settings', 'Symbol')['text'])
        self.asks(ADA, '/settings', 'Symbol: ETH')

    def test_who_is_taken_out_of_the_lists_leaves_nothing(self):
        self.asks(BEN, '/alerts add ETH price > 1', 'ETH price')
        rss = self.redis('rss')
        self.wait_for('the rule to be stored', lambda: rss.call('HLEN', 'rules') == 1)
        self.wait_for('the session', lambda: rss.call('EXISTS', f'session:{BEN}'))
        self.reload('chats = 8,-100', 'chats = -100')
        self.wait_for('the rule to go', lambda: rss.call('HLEN', 'rules') == 0)
        self.wait_for('the session to go', lambda: not rss.call('EXISTS', f'session:{BEN}'))

    def test_telegram_away_harms_nobody(self):
        before = self.metric('weir_trades_total{market="binance:spot:BTCUSDT"}')
        self.assertEqual(self.metric('weir_telegram_late_confirms_total'), 0)
        self.server.fault(502, count=1000000)
        self.wait_for('Telegram to be away', lambda: not self.metric('weir_telegram_up'), 60)
        self.wait_for('trades to go on', lambda: self.metric(
            'weir_trades_total{market="binance:spot:BTCUSDT"}') > before)
        answer = self.weir('telegram', 'test')
        self.assertEqual(answer.returncode, 1)
        self.server.say(ADA, '/price BTC')
        with self.server.changed:
            self.server.faults.clear()
        self.hears(ADA, 'BTC', seconds=90)


class Environment(harness.WeirTest):
    settings = '[market]\nfeed = sim\nsymbols = BTC\n'

    def test_the_token_of_the_environment_is_seen_by_nobody(self):
        with TelegramServer(token=TOKEN) as server:
            self.write_config(f'[telegram]\napi_url = {server.url}\n')
            self.start(env={'TELEGRAM_BOT_TOKEN': TOKEN})
            self.wait_for('the bot to be known', lambda: 'the bot is @weir_test_bot'
                          in self.read_log())
            pids = [self.segment_pid(name) for name in harness.SEGMENTS] + [self.child.pid]
            self.assertTrue(all(pids), pids)
            for pid in pids:
                with open(f'/proc/{pid}/environ', 'rb') as file:
                    self.assertNotIn(TOKEN.encode(), file.read(), pid)


class NoToken(harness.WeirTest):
    settings = '[market]\nfeed = sim\nsymbols = BTC\n'

    def test_without_a_token_there_is_no_telegram_and_alerts_are_kept(self):
        self.start()
        answer = self.wait_for('people', lambda: [run for run in [
            self.run_weir('telegram', 'pair', '--state', self.state)]
            if 'no Telegram' in run.stderr])
        self.assertEqual(answer[0].returncode, 1)
        self.stop()

    def test_a_token_that_others_may_read_is_refused(self):
        path = os.path.join(self.temp, 'token')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(TOKEN)
        os.chmod(path, 0o644)
        self.write_config(f'[telegram]\ntoken_file = {path}\n')
        run = self.run_weir('up', '--state', self.state, '--config', self.config)
        self.assertEqual(run.returncode, 3)
        self.assertIn('telegram.token_file', run.stderr)
        self.assertNotIn(TOKEN, run.stderr)


if __name__ == '__main__':
    harness.main() if len(harness.sys.argv) > 1 else harness.side_by_side(
        __file__, [People, Answers, Environment, NoToken])
