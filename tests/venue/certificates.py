"""A test authority and the server certificates that try a client's patience, made with
the openssl command: good, expired, wrong_name, wrong_ca. ca.pem is what a client should
trust."""
import os
import ssl
import subprocess

CURVE = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes')
NAMES = 'DNS:localhost,IP:127.0.0.1'
# which: (authority, names, days)
KINDS = {'good': ('ca', NAMES, 30), 'expired': ('ca', NAMES, -1),
         'wrong_name': ('ca', 'DNS:elsewhere.example', 30), 'wrong_ca': ('other', NAMES, 30)}


def run(folder, *words):
    done = subprocess.run(('openssl', *words), cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f'openssl {" ".join(words)}: {done.stderr.strip()}')


def make_authority(folder, name):
    run(folder, 'req', '-x509', *CURVE, '-keyout', f'{name}.key', '-out', f'{name}.pem',
        '-days', '30', '-subj', f'/CN=venue test {name}')


def make_certificate(folder, which):
    authority, names, days = KINDS[which]
    with open(os.path.join(folder, f'{which}.ext'), 'w', encoding='utf-8') as file:
        file.write(f'subjectAltName={names}\n')
    run(folder, 'req', *CURVE, '-keyout', f'{which}.key', '-out', f'{which}.csr', '-subj',
        f'/CN={names.split(",")[0].partition(":")[2]}')
    run(folder, 'x509', '-req', '-in', f'{which}.csr', '-CA', f'{authority}.pem', '-CAkey',
        f'{authority}.key', '-CAcreateserial', '-out', f'{which}.crt', '-days', str(days),
        '-extfile', f'{which}.ext')


class Certificates:
    names = tuple(KINDS)

    def __init__(self, folder):
        self.folder, self.contexts = os.path.abspath(folder), {}
        os.makedirs(self.folder, exist_ok=True)
        if not os.path.exists(os.path.join(self.folder, 'good.crt')):
            make_authority(self.folder, 'ca')
            make_certificate(self.folder, 'good')
        self.context('good')

    def context(self, which):
        """The odd ones are made when they are first wanted."""
        if which not in self.contexts:
            if KINDS[which][0] == 'other' and not os.path.exists(
                    os.path.join(self.folder, 'other.pem')):
                make_authority(self.folder, 'other')
            path = os.path.join(self.folder, which)
            if not os.path.exists(path + '.crt'):
                make_certificate(self.folder, which)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(path + '.crt', path + '.key')
            self.contexts[which] = context
        return self.contexts[which]
