"""What an operator has besides questions: doctor, bundle, check, completion, manual pages,
formats, and mistakes that say what was meant."""
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile

import harness
from harness import WeirTest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOOK = 'https://127.0.0.1:1/services/T0/B0/h00kS3cretPart99'
SECRETS = {
    'webhook': 'h00kS3cretPart99',
    'deadman': '3f2504e0-4f89-11d3-9a0c-0305e82c3301',
    'terminal': 'terminalT0kenOfOurs4242',
    'client': 'clientT0kenOfOurs777',
    'sink': 'sinkPassw0rd',
    'bot': '123456789:AAFakeFakeFakeFakeFakeFakeFakeFake12',
    'logged': 'onlyInTheLog31337',
}


def write(path, text, mode=0o600):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    os.chmod(path, mode)


class Secretive(WeirTest):
    """A configuration with a secret wherever one may be."""

    def plant(self):
        def at(name):
            return os.path.join(self.temp, name)
        write(at('tokens'), f'mt5-001 {SECRETS["terminal"]} host1\n')
        write(at('clients'), f'desk {SECRETS["client"]} read\n')
        write(at('bot'), SECRETS['bot'] + '\n')
        self.write_config(
            '[notify]\n'
            f'webhook_url = {HOOK}\n'
            f'deadman_url = https://127.0.0.1:1/{SECRETS["deadman"]}\n'
            '[telegram]\n'
            f'on = no\ntoken_file = {at("bot")}\n'
            '[fleet]\n'
            f'tokens_file = {at("tokens")}\n'
            '[serve]\n'
            f'tokens_file = {at("clients")}\n')
        os.chmod(self.config, 0o600)

    def bundle(self):
        """name -> text of a new support file."""
        path = os.path.join(self.temp, 'bundle.tar.gz')
        done = self.run_weir('bundle', '--state', self.state, '--config', self.config, path)
        self.assertEqual((done.returncode, done.stdout), (0, path + '\n'), done.stderr)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        with tarfile.open(path) as tar:
            return {entry.name: tar.extractfile(entry).read().decode() for entry in tar}

    def assert_clean(self, files):
        for what, secret in SECRETS.items():
            for name, text in files.items():
                self.assertNotIn(secret, text, f'{what} in {name}')


class WithoutWeir(Secretive):
    def doctor(self, *more):
        done = self.run_weir('doctor', '--json', '--state', self.state, '--config', self.config,
                             *more)
        report = json.loads(done.stdout)
        self.assertEqual(done.returncode, 1 if report['bad'] else 0, done.stderr)
        return {(check['check'], check['found'].split(':')[0]): check
                for check in report['checks']}

    def find(self, checks, name, word=''):
        return [check for (row, _), check in checks.items()
                if row == name and word in check['found']]

    def test_doctor_tells_what_is_wrong(self):
        with socket.socket() as taken:
            taken.bind(('127.0.0.1', 0))
            taken.listen()
            port = taken.getsockname()[1]
            tokens = os.path.join(self.temp, 'tokens')
            write(tokens, 'x y\n', 0o644)
            self.write_config(f'[serve]\nlisten = 127.0.0.1:{port}\n'
                              f'[fleet]\nlisten = 127.0.0.1:0\ntokens_file = {tokens}\n')
            checks = self.doctor()
        used, = self.find(checks, 'port', 'serve.listen')
        self.assertEqual(used['level'], 'bad')
        self.assertIn('in use', used['found'])
        secret, = self.find(checks, 'secret file', 'fleet.tokens_file')
        self.assertEqual(secret['level'], 'bad')
        self.assertIn('644', secret['found'])
        self.assertTrue(secret['advice'])
        self.assertEqual(self.find(checks, 'redis-server')[0]['level'], 'ok')
        self.assertEqual(self.find(checks, 'DuckDB')[0]['level'], 'ok')
        self.assertEqual(self.find(checks, 'configuration')[0]['level'], 'ok')

    def test_doctor_in_words_and_of_a_wrong_configuration(self):
        self.write_config('[serve]\nlisten = nonsense\n')
        done = self.run_weir('doctor', '--state', self.state, '--config', self.config)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r'(?m)^bad +configuration +.*serve.listen')
        self.assertRegex(done.stdout, r'\n\d+ ok, \d+ warn, \d+ bad, \d+ unknown\n$')
        done = self.run_weir('doctor', '--format', 'csv', '--state', self.state, '--config',
                             self.config)
        self.assertEqual(done.stdout.splitlines()[0], 'check,level,found,advice')

    def test_bundle_of_a_weir_that_does_not_run(self):
        self.plant()
        write(os.path.join(self.state, 'log', 'weir.log'),
              'info: token=%s and %s\nlast line\n' % (SECRETS['logged'], SECRETS['terminal']))
        files = self.bundle()
        self.assert_clean(files)
        self.assertIn('token=*** and ***', files['logs/weir.log'])
        self.assertIn('last line', files['logs/weir.log'])
        self.assertIn('webhook_url = https://127.0.0.1:1/***', files['config.txt'])
        self.assertIn('tokens_file = ', files['config.txt'])
        manifest = json.loads(files['manifest.json'])
        self.assertFalse(manifest['running'])
        self.assertIn('checks', json.loads(files['doctor.json']))
        self.assertNotIn('now.json', files)

    def test_bundle_is_bounded(self):
        line = 'x' * 99 + '\n'
        write(os.path.join(self.state, 'log', 'weir.log'), line * 120000 + 'the end\n')
        files = self.bundle()
        self.assertLess(len(files['logs/weir.log']), 5 << 20)
        self.assertTrue(files['logs/weir.log'].endswith('the end\n'))
        self.assertTrue(files['logs/weir.log'].startswith('x' * 99 + '\n'))

    def test_secret_settings_are_never_shown(self):
        self.plant()
        for args in (('config', 'show'), ('config', 'show', '--format', 'json'),
                     ('config', 'diff')):
            shown = self.run_weir(*args, '--config', self.config)
            self.assert_clean({'out': shown.stdout, 'err': shown.stderr})
        os.chmod(self.config, 0o644)  # and a file that has one is closed to others
        done = self.run_weir('config', 'check', self.config)
        self.assertEqual(done.returncode, 1)
        self.assertIn('chmod 600', done.stderr)

    def test_check_says_unknown(self):
        for what in ('ready', 'ledger', 'memory'):
            done = self.run_weir('check', what, '--state', self.state)
            self.assertEqual(done.returncode, 3)
            self.assertRegex(done.stdout, f'^WEIR {what} UNKNOWN - no weir runs')
        self.assertEqual(self.run_weir('check', 'raedy').returncode, 3)

    def test_mistakes_say_what_was_meant(self):
        for args, hint in ((('docter',), "did you mean 'doctor'?"),
                           (('fleet', 'lits'), "did you mean 'list'?"),
                           (('check', 'redy'), "did you mean 'ready'?"),
                           (('top', '--onec'), "did you mean '--once'?"),
                           (('top', '--pane', 'flet'), "did you mean 'fleet'?")):
            done = self.run_weir(*args)
            self.assertIn(hint, done.stderr)
            self.assertEqual(done.stderr.count('\n'), 1)
        self.write_config('[serve]\nlistne = 127.0.0.1:0\n')
        done = self.run_weir('config', 'check', self.config)
        self.assertIn("did you mean 'listen'?", done.stderr)


class Shells(WeirTest):
    def shell(self, name):
        if not shutil.which(name):
            self.skipTest(f'{name} is not installed')
        path = os.path.join(self.temp, name)
        done = self.run_weir('completion', name)
        self.assertEqual(done.returncode, 0)
        write(path, done.stdout)
        return path

    def run_shell(self, *args):
        done = subprocess.run(args, capture_output=True, text=True, timeout=60,
                              env={**os.environ, 'HOME': self.temp, 'XDG_CONFIG_HOME': self.temp})
        self.assertEqual((done.returncode, done.stderr), (0, ''), args)
        return done.stdout

    def bash(self, path, *words):
        quoted = ' '.join(f"'{word}'" for word in words)
        return self.run_shell('bash', '--norc', '-c', (
            f'source {path}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _weir; '
            'printf "%s\\n" "${COMPREPLY[@]}"')).split()

    def test_bash_completes(self):
        path = self.shell('bash')
        self.run_shell('bash', '-n', path)
        self.assertEqual(self.bash(path, 'weir', 'doc'), ['doctor'])
        self.assertIn('history', self.bash(path, 'weir', 'fleet', ''))
        self.assertEqual(self.bash(path, 'weir', 'check', 'le'), ['ledger'])
        self.assertIn('--pane', self.bash(path, 'weir', 'top', '--'))
        self.assertNotIn('--replay', self.bash(path, 'weir', 'top', '--'))
        self.assertEqual(self.bash(path, 'weir', 'top', '--pane', 'led'), ['ledger'])
        self.assertIn('--quarantine', self.bash(path, 'weir', 'clean', '--q'))

    def test_zsh_reads_it(self):
        path = self.shell('zsh')
        self.run_shell('zsh', '-n', path)
        self.run_shell('zsh', '-f', '-c',
                       f'autoload -Uz compinit; compinit -u -D; source {path}; '
                       '[ "$_comps[weir]" = _weir ]')

    def test_fish_completes(self):
        path = self.shell('fish')
        self.run_shell('fish', '--no-config', '-n', path)

        def complete(line):
            out = self.run_shell('fish', '--no-config', '-c',
                                 f'source {path}; complete -C "{line}"')
            return [row.split('\t')[0] for row in out.splitlines()]
        self.assertIn('doctor', complete('weir doc'))
        self.assertIn('history', complete('weir fleet '))
        self.assertIn('--pane', complete('weir top --'))
        self.assertIn('ledger', complete('weir check '))

    def test_manual_pages_are_whole(self):
        if not shutil.which('groff'):
            self.skipTest('groff is not installed')
        folder = os.path.join(ROOT, 'docs', 'man')
        pages = sorted(os.path.join(folder, name) for name in os.listdir(folder))
        self.assertIn(os.path.join(folder, 'weir-signal-trace.1'), pages)
        for page in pages:
            done = subprocess.run(['groff', '-ww', '-z', '-man', '-Tutf8', page],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ''), page)
        with open(os.path.join(folder, 'weir-top.1'), encoding='utf-8') as file:
            text = file.read()
        self.assertLess(text.index('.SH EXAMPLES'), text.index('.SH SYNOPSIS'))

    def test_help_begins_with_examples(self):
        for command in (('top',), ('doctor',), ('fleet', 'list'), ('completion',)):
            help_text = self.run_weir(*command, '--help').stdout
            self.assertLess(help_text.index('examples:'), help_text.index('usage:'))


class Running(Secretive):
    def test_a_running_weir_is_looked_at(self):
        self.plant()
        self.start(env={'WEIR_LOG_MODULES': 'gate:debug'})
        self.check_supervision()
        self.check_bundle()
        self.check_formats()
        self.check_audit()

    def check_audit(self):
        """What changes something is told of, in the log and in the archive."""
        self.run_weir('alerts', 'add', '--state', self.state, 'mt5-001 failed')
        self.child.send_signal(signal.SIGHUP)

        def is_told():
            done = self.run_weir('archive', 'query', '--format', 'csv', '--state', self.state,
                                 'SELECT operator, action, outcome FROM operator_log')
            return 'local,alerts add,' in done.stdout and 'signal,reload,reloaded' in done.stdout
        self.wait_for('the operator table has both', is_told)
        self.assertIn('operator signal: reload ', self.read_log())
        self.assert_clean({'log': self.read_log()})

    def check_supervision(self):
        for what in ('ready', 'ledger', 'memory'):
            def is_ok():
                done = self.run_weir('check', what, '--state', self.state)
                return done if done.returncode == 0 else None
            done = self.wait_for(f'{what} is OK', is_ok)
            self.assertRegex(done.stdout, f'^WEIR {what} OK - .+\n$')
        done = self.run_weir('check', 'memory', '--state', self.state, '--format', 'json')
        answer = json.loads(done.stdout)
        self.assertEqual((answer['status'], answer['exit']), ('OK', 0))
        self.assertIn('rms=', answer['figures'])

    def check_bundle(self):
        files = self.bundle()
        self.assert_clean(files)
        with open(os.path.join(self.state, 'run', 'users'), encoding='utf-8') as users:
            passwords = [line.split()[2] for line in users]
        for name, text in files.items():
            for password in passwords:
                self.assertNotIn(password, text, name)
        self.assertTrue(json.loads(files['manifest.json'])['running'])
        for name in ('now.json', 'fleet.json', 'markets.json', 'memory.json', 'ledger.json',
                     'alerts.json', 'archive.json', 'ready.json'):
            json.loads(files[name])
        self.assertIn('redis_version:', files['info/rtss.txt'])
        self.assertIn('weir_', files['metrics.txt'])
        done = subprocess.run(['tar', '-tzf', os.path.join(self.temp, 'bundle.tar.gz')],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ''))

    def check_formats(self):
        def lines(*args):
            done = self.run_weir(*args, '--state', self.state)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout.splitlines()
        self.assertTrue(lines('memory', '--format', 'csv')[0].startswith('segment,state,'))
        self.assertEqual(lines('fleet', 'list', '--format', 'markdown')[1][:4], '|---')
        self.assertEqual(lines('alerts', 'list', '--format', 'tsv')[0].split('\t')[:2],
                         ['of', 'alert'])
        self.assertEqual(lines('archive', 'status', '--format', 'csv')[0], 'name,value')
        self.assertEqual(json.loads('\n'.join(lines('read', 'trade_results', '--format', 'json'))),
                         [])
        self.assertTrue(lines('memory')[0].startswith('segment'))  # no escape in a pipe


if __name__ == '__main__':
    harness.side_by_side(__file__, [WithoutWeir, Shells, Running])
