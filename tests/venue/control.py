"""The control port: faults in, state out; and the scenario file, which is the same on a
timetable. Plain HTTP on 127.0.0.1, JSON bodies."""
import asyncio
import json

from venue import faults
from venue.amounts import bare, parse8
from venue.assets import VENUES
from venue.events import WORLD_NOW
from venue.venue import fresh_socket
from venue.web import HEAD_MAX, Answer, dumps, read_request

LASTING = faults.MESSAGE_FAULTS | faults.REST_FAULTS | faults.STATE_FAULTS
ALIASES = {'bybit_linear': 'bybit_perp', 'binance': 'binance_spot,binance_perp',
           'bybit': 'bybit_spot,bybit_perp', 'all': ','.join(VENUES),
           'perp': 'binance_perp,bybit_perp', 'spot': 'binance_spot,bybit_spot'}


def venue_names(text):
    names = [name for part in text.split(',')
             for name in ALIASES.get(part.strip(), part.strip()).split(',')]
    for name in names:
        if name not in VENUES:
            raise ValueError(f'no venue {name}')
    return names


class Control:
    def __init__(self, world, venues, original_times=False):
        self.world, self.venues = world, venues
        self.original_times = original_times
        self.number = 0
        self.done = []  # what was asked for, with world times
        self.server = self.port = None

    async def start(self):
        sock = fresh_socket()
        self.port = sock.getsockname()[1]
        self.server = await asyncio.start_server(self.talk, sock=sock, limit=HEAD_MAX)

    async def talk(self, reader, writer):
        try:
            while request := await read_request(reader):
                writer.write(self.answer(request).bytes())
                await writer.drain()
        except (ValueError, ConnectionError, OSError):
            pass
        finally:
            writer.close()

    def answer(self, request):
        try:
            body = json.loads(request.body) if request.body else {}
            handler = getattr(self, f'{request.method.lower()}_{request.path.strip("/")}', None)
            if handler is None:
                return Answer(404, dumps({'error': f'no {request.method} {request.path}'}))
            return Answer(200, dumps(handler(body)))
        except (ValueError, KeyError, TypeError) as error:
            return Answer(400, dumps({'error': f'{type(error).__name__}: {error}'}))

    # ---- doing ----

    def post_fault(self, params):
        """One fault at the venues named; its id for POST /clear."""
        params = dict(params)
        name, venues = params.pop('fault'), venue_names(params.pop('venue', 'all'))
        self.done.append({'t_ms': self.world.clock.world_ms(), 'fault': name,
                          'venues': venues, **params})
        if name in WORLD_NOW:
            WORLD_NOW[name](self.world, venues, params)
            return {'ok': True}
        self.number += 1
        for venue in venues:
            if name in faults.VENUE_NOW:
                faults.VENUE_NOW[name](self.venues[venue], params)
            elif name in LASTING:
                self.venues[venue].faults.add(faults.Fault(self.number, name, params))
            else:
                raise ValueError(f'no fault {name}')
        return {'ok': True, 'id': self.number}

    def post_clear(self, body):
        for venue in self.venues.values():
            venue.faults.clear(body.get('id'))
        return {'ok': True}

    def post_set(self, body):
        """Knobs of settings.py; rate is that of all markets."""
        for name, value in body.items():
            self.world.settings.set(name, str(value))
            if name == 'rate':
                for market in self.world.markets.values():
                    market.rate = self.world.settings.rate
        return {'ok': True}

    def post_go(self, body):
        """Trades begin; nothing when they have."""
        if self.world.held:
            self.world.go(self.original_times)
        return {'ok': True, 't_ms': self.world.clock.world_ms()}

    def post_trade(self, body):
        """One trade of the caller's making: venue, symbol, price, qty, side."""
        market = self.world.market(venue_names(body['venue'])[0], body['symbol'])
        price = parse8(body['price']) if 'price' in body else market.last[0]
        self.world.trade_now(market, price, parse8(body['qty']), body.get('side') != 'sell')
        return {'ok': True, 'id': str(market.trades.next_id - 1)}

    def post_liquidation(self, body):
        """One liquidation: venue, symbol, side (of the position), qty, price."""
        market = self.world.market(venue_names(body['venue'])[0], body['symbol'])
        price = parse8(body['price']) if 'price' in body else market.last[0]
        self.world.liquidate(market, body.get('side') != 'short', parse8(body['qty']), price)
        return {'ok': True}

    # ---- looking ----

    def get_state(self, body):
        return {'t_ms': self.world.clock.world_ms(), 'held': self.world.held,
                'venues': {name: venue.state() for name, venue in self.venues.items()}}

    def get_faults(self, body):
        return {'done': self.done,
                'on': {name: [f.describe() for f in venue.faults.all()]
                       for name, venue in self.venues.items()}}

    def get_truth(self, body):
        """The truth file is complete up to here; sums since the first minute."""
        self.world.truth.flush()
        markets = {}
        for market in self.world.markets.values():
            trades = market.trades
            markets[market.name] = {
                'trades': trades.next_id - trades.first_id, 'first_id': str(trades.first_id),
                'last_id': str(trades.next_id - 1),
                'last_ms': trades.t[-1] if trades.t else None,
                'first_minute_ms': market.first_minute * 60_000,
                **{name: bare(value) for name, value in market.sums.items()}}
        return {'t_ms': self.world.clock.world_ms(), 'file': self.world.settings.truth,
                'markets': markets}

    def get_liquidations(self, body):
        return {m.name: [{'t_ms': t, 'position': 'long' if is_long else 'short',
                          'qty': bare(qty), 'price': bare(price)}
                         for t, is_long, qty, price in m.liquidations]
                for m in self.world.markets.values() if not m.spec.spot}

    def get_interest(self, body):
        now = self.world.clock.world_ms()
        return {m.name: {'oi': bare(m.open_interest(now)), 'funding_e8': m.funding(now)[0],
                         'next_ms': m.funding(now)[1]}
                for m in self.world.markets.values() if not m.spec.spot}


def read_scenario(path):
    """[(seconds, fault)] of lines `<seconds> <JSON>`; # begins a comment."""
    steps = []
    with open(path, encoding='utf-8') as lines:
        for n, line in enumerate(lines, 1):
            line = line.split('#', 1)[0].strip()
            if line:
                seconds, text = line.split(None, 1)
                try:
                    steps.append((float(seconds), json.loads(text)))
                except ValueError as error:
                    raise SystemExit(f'{path}:{n}: {error}') from None
    return sorted(steps, key=lambda step: step[0])


async def play_scenario(control, steps):
    """Its seconds count from the first trade on."""
    while control.world.held:
        await asyncio.sleep(0.01)
    since = asyncio.get_running_loop().time()
    for seconds, step in steps:
        await asyncio.sleep(max(0, since + seconds - asyncio.get_running_loop().time()))
        control.post_fault(step)
