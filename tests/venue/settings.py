"""The settings of a run: one row each, from the command line, and by POST /set those
that are looked up while running."""
import argparse
import time

# name: (default, what it is). Limits are the venues' own; tests shorten the times.
KNOBS = {
    'rate': (2.0, 'trades per second of each market'),
    'past_rate': (5.0, 'the most of it before the start'),
    'recent_minutes': (10, 'minutes before the start made of real trades'),
    'block_share': (0.002, 'share of block trades on Bybit'),
    'klines_count_blocks': (0, '1: block trades are in klines too'),
    'liquidations': (1.0, 'per minute of each perpetual'),
    'ping_spot_s': (20.0, 'Binance spot pings every'),
    'pong_spot_s': (60.0, 'and wants the pong within'),
    'ping_perp_s': (180.0, 'Binance futures ping every'),
    'pong_perp_s': (600.0, 'and want the pong within'),
    'idle_s': (600.0, 'Bybit cuts a client that says nothing for'),
    'life_s': (86_400.0, 'Binance cuts a connection after'),
    'notice_s': (10.0, 'and says serverShutdown that long before'),
    'messages_spot': (5, 'incoming messages a second, Binance spot'),
    'messages_perp': (10, 'incoming messages a second, Binance futures'),
    'streams_spot': (1024, 'streams of a connection, Binance spot'),
    'streams_perp': (200, 'streams of a connection, Binance futures'),
    'attempts': (300, 'WebSocket handshakes per 5 min (Bybit: 500)'),
    'weight_spot': (6_000, 'REST weight per minute, Binance spot'),
    'weight_perp': (2_400, 'REST weight per minute, Binance futures'),
    'history_requests': (1_000, 'openInterestHist requests per 5 min'),
    'bybit_requests': (600, 'REST requests per 5 s, Bybit: 403 above'),
    'bybit_endpoint': (120, 'requests a second of one Bybit path: 10006 above'),
    'tolerated_429': (10, 'requests under a 429 before it becomes a 418'),
    'ban_s': (120.0, 'length of a 418'),
    'forbidden_s': (600.0, 'length of a Bybit 403'),
    'ack_ms': (150, 'Bybit acknowledges after the first data, or this late'),
    'ticker_ms': (300, 'Bybit tickers at most this often'),
}


class Settings:
    """Knobs as attributes, and what else the command line says."""

    def __init__(self, options=None):
        for name, (value, _) in KNOBS.items():
            setattr(self, name, value)
        self.seed, self.symbols = 1, ['BTC', 'ETH', 'SOL', 'BNB', 'XRP']
        self.truth = self.epoch_ms = None
        for name, value in (options or {}).items():
            setattr(self, name, value)

    def set(self, name, text):
        if name not in KNOBS:
            raise ValueError(f'no setting {name}')
        kind = type(KNOBS[name][0])
        setattr(self, name, kind(float(text)))


def parse(argv):
    parser = argparse.ArgumentParser(
        prog='server.py', description=__doc__, formatter_class=argparse.RawTextHelpFormatter,
        epilog='knobs (--set NAME=VALUE):\n' + '\n'.join(
            f'  {name:20} {value!s:>8}  {about}' for name, (value, about) in KNOBS.items()))
    add = parser.add_argument
    add('--seed', type=int, default=1)
    add('--symbols', default='BTC,ETH,SOL,BNB,XRP', help='base assets, quoted in USDT')
    add('--rate', type=float, help='trades per second of each market')
    add('--set', action='append', default=[], metavar='NAME=VALUE', dest='knobs')
    add('--tls', metavar='DIR', help='make certificates there (ca.pem) and serve TLS')
    add('--truth', metavar='FILE', help='write every trade there')
    add('--scenario', metavar='FILE', help='lines of "<seconds> <fault JSON>"')
    add('--recording', action='append', default=[], metavar='FILE')
    add('--symbol', default='ETHUSDT', help='of the recording')
    add('--venues', default='', help='venues that play the recording; default all')
    add('--times', choices=('shifted', 'original'), default='shifted',
        help='event times of a recording: from now on, or as recorded')
    add('--speed', type=float, default=1.0, help='world seconds per second')
    add('--epoch-ms', type=int, help='begin of the real trades: the same seed and epoch\n'
        'make the same trades with the same ids in every run')
    add('--hold', action='store_true', help='no trade is made before POST /go')
    add('--until-eof', action='store_true', help='end when standard input does')
    options = parser.parse_args(argv)
    settings = Settings({'seed': options.seed, 'truth': options.truth,
                         'epoch_ms': options.epoch_ms,
                         'symbols': [s.strip().upper() for s in options.symbols.split(',')]})
    if options.rate is not None:
        settings.rate = options.rate
    for knob in options.knobs:
        settings.set(*knob.split('=', 1))
    return options, settings


def wall_ms():
    return time.time_ns() // 1_000_000
