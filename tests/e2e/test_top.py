"""weir top on a terminal of its own: a pty, and pyte for what a person would see."""
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time

import harness
from harness import WEIR, WeirTest

try:
    import pyte
except ImportError:
    print('SKIP: python3-pyte is not installed')
    sys.exit(77)


class Screen:
    """A program on a terminal; text() is what stands there."""

    def __init__(self, args, columns=100, lines=30, env=None):
        self.master, slave = pty.openpty()
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.set_size(slave, columns, lines)
        self.child = subprocess.Popen(
            args, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={**os.environ, 'TERM': 'xterm-256color', 'LC_ALL': 'C.UTF-8', **(env or {})})
        os.close(slave)

    @staticmethod
    def set_size(fd, columns, lines):
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', lines, columns, 0, 0))

    def resize(self, columns, lines):
        self.screen.resize(lines, columns)
        self.set_size(self.master, columns, lines)  # the kernel tells the program

    def take(self, seconds=0.05):
        if select.select([self.master], [], [], seconds)[0]:
            try:
                self.stream.feed(os.read(self.master, 65536))
            except OSError:  # it has ended
                pass

    def text(self):
        return '\n'.join(line.rstrip() for line in self.screen.display)

    def press(self, keys):
        os.write(self.master, keys.encode())

    def row_of(self, word):
        for number, line in enumerate(self.screen.display):
            if word in line:
                return number
        return None

    def colour_of(self, word):
        number = self.row_of(word)
        return self.screen.buffer[number][0].fg if number is not None else None

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        os.close(self.master)


class Top(WeirTest):
    settings = '[market]\nfeed = sim\nsymbols = BTC\n[fleet]\ndemo = 30\n'

    def setUp(self):
        super().setUp()
        self.start('--demo')
        self.screen = None

    def tearDown(self):
        if self.screen:
            self.screen.close()
        super().tearDown()

    def open(self, *args, **more):
        if self.screen:
            self.screen.close()
        self.screen = Screen([WEIR, 'top', '--state', self.state, *args], **more)

    def see(self, *words, seconds=30):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.screen.take()
            text = self.screen.text()
            if all(word in text for word in words):
                return text
        self.fail(f'{words} not seen:\n{self.screen.text()}\n{self.read_log()}')

    def not_see(self, word, seconds=30):
        deadline = time.monotonic() + seconds
        while word in self.screen.text():
            self.assertLess(time.monotonic(), deadline, self.screen.text())
            self.screen.take()

    def test_a_person_at_the_screen(self):
        self.open()
        text = self.see('[1 overview]', 'segments', '7 of 7 up', 'SIMULATED', 'q quit')
        self.assertEqual(self.screen.colour_of('7 of 7 up'), 'green', text)
        self.screen.press('2')
        self.see('[2 fleet]', 'sim-001', 'RUNNING')
        self.screen.press('r')  # the other way round
        self.see('id-', 'sim-030')
        self.screen.press('/007\r')
        self.see('filter: 007', 'sim-007')
        self.not_see('sim-030')
        self.screen.press('\r')  # looks into it
        self.see('Esc back', 'restarts', 'positions')
        self.screen.press('\x1b')
        self.see('Tab pane')
        for key, words in (('3', ('[3 markets]', 'binance:perp:BTCUSDT')),
                           ('4', ('[4 segments]', 'rtss', 'rms', 'calm')),
                           ('5', ('[5 ledger]', 'balances', 'expired_undelivered')),
                           ('6', ('[6 alerts]', 'severity')),
                           ('\t', ('[1 overview]', 'telegram'))):
            self.screen.press(key)
            self.see(*words)
        self.screen.press('?')
        self.see('sort by the next column')
        self.screen.press('x')
        self.see('reason')
        self.screen.press(' ')
        self.see('HELD')
        self.screen.resize(70, 20)
        self.see('weir top wants 80 x 24, this is 70 x 20')
        self.screen.resize(80, 24)
        self.see('[1 overview]', 'q quit')
        self.screen.press('q')
        self.assertEqual(self.screen.child.wait(20), 0)

    def test_no_colours_for_who_wants_none(self):
        self.open(env={'NO_COLOR': '1'})
        self.see('7 of 7 up')
        self.assertEqual(self.screen.colour_of('7 of 7 up'), 'default')
        self.screen.press('q')
        self.assertEqual(self.screen.child.wait(20), 0)

    def test_the_head_of_a_table_stands_out_on_a_terminal(self):
        for env, bold in (({}, True), ({'NO_COLOR': '1'}, False)):
            self.screen = Screen([WEIR, 'keys'], columns=200, lines=300, env=env)
            self.see('segment', 'trade_results')
            row = self.screen.row_of('segment')
            self.assertEqual(self.screen.screen.buffer[row][0].bold, bold)
            self.assertFalse(self.screen.screen.buffer[row + 1][0].bold)
            self.screen.close()
            self.screen = None

    def test_once_and_from_a_file(self):
        def printed(*args):
            done = self.run_weir('top', '--once', '--state', self.state, *args)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotIn('\033', done.stdout)
            return done.stdout

        self.wait_for('terminals run', lambda: 'sim-030' in printed('--pane', 'fleet'))
        self.assertIn('7 of 7 up', printed())
        self.assertEqual(len([line for line in printed('--pane', 'fleet').splitlines()
                              if line.startswith('sim-')]), 30)
        file = os.path.join(self.temp, 'bundle.tar.gz')
        done = self.run_weir('bundle', '--state', self.state, '--config', self.config, file)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.stop()
        self.assertIn('no weir runs', self.run_weir('top', '--once', '--state', self.state).stderr)
        for pane, word in (('overview', '7 of 7 up'), ('fleet', 'sim-030'), ('markets', 'BTCUSDT'),
                           ('segments', 'rtrs'), ('ledger', 'balances'), ('alerts', 'severity')):
            self.assertIn(word, printed('--from', file, '--pane', pane))
        self.open('--from', file)
        self.see('[1 overview]', 'of ' + self.temp[:20])
        self.screen.press('2')
        self.see('sim-001')
        self.screen.press('\r')
        self.see('Esc back', 'attempts')
        self.screen.press('q')
        self.assertEqual(self.screen.child.wait(20), 0)


if __name__ == '__main__':
    harness.side_by_side(__file__, [Top])
