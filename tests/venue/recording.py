"""Recorded Binance `trade` frames (lines of `<receive ns> <combined JSON>`, gzip or not)
as rows of (t_ms, price, qty, flags) for a market of any venue."""
import gzip
import json

from venue.amounts import parse8
from venue.trades import BUY


def open_lines(path):
    opener = gzip.open if path.endswith('.gz') else open
    return opener(path, 'rt', encoding='utf-8')


def read(paths, symbol):
    """The symbol's market trades of the files in order: blank and insurance-fund prints
    are left out, as aggTrade leaves them out. Times never go back."""
    rows, latest, first_id = [], 0, None
    mark = f'"{symbol.lower()}@trade"'
    for path in paths:
        with open_lines(path) as lines:
            for line in lines:
                if mark not in line:
                    continue
                data = json.loads(line.split(' ', 1)[1])['data']
                if data.get('X', 'MARKET') != 'MARKET':
                    continue
                first_id = data['t'] if first_id is None else first_id
                latest = max(latest, data['T'])
                rows.append((latest, parse8(data['p']), parse8(data['q']),
                             0 if data['m'] else BUY))
    if not rows:
        raise SystemExit(f'no {symbol} trades in {", ".join(paths)}')
    return rows, first_id


def shifted(rows, shift_ms):
    for t_ms, price, qty, flags in rows:
        yield t_ms + shift_ms, price, qty, flags
