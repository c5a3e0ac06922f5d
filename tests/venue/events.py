"""Faults of the world: what happens to markets, at once. Each takes the world, the venue
names meant, and the parameters; `symbol` is needed by most."""
import asyncio

from venue.amounts import E8, parse8


def markets_of(world, venues, params, perps_only=False):
    symbol = params.get('symbol', '').upper()
    found = [m for (venue, _), m in world.markets.items() if venue in venues
             and (not symbol or symbol in (m.spec.base, m.spec.symbol))
             and not (perps_only and m.spec.spot)]
    if not found:
        raise ValueError(f'no such market: {symbol or "any"} at {", ".join(venues)}')
    return found


def lots_of(market, usd):
    lot = market.spec.lot
    return max(1, int(usd * E8 * E8 / (market.last[0] * lot))) * lot


def whale(world, venues, params):
    """Trades of `usd` (default 1,000,000) on a side, `n` of them."""
    for market in markets_of(world, venues, params):
        for _ in range(int(params.get('n', 1))):
            qty = lots_of(market, float(params.get('usd', 1_000_000)))
            world.trade_now(market, market.last[0], qty, params.get('side', 'buy') == 'buy')


def cascade(world, venues, params):
    """n liquidations of usd together within seconds, positions of one side."""
    n, seconds = int(params.get('n', 20)), float(params.get('seconds', 10))
    usd, is_long = float(params.get('usd', 1_000_000)) / n, params.get('side', 'long') == 'long'
    loop = asyncio.get_running_loop()
    for market in markets_of(world, venues, params, True):
        for i in range(n):
            loop.call_later(seconds * i / n, one_liquidation, world, market, usd, is_long)


def one_liquidation(world, market, usd, is_long):
    qty, price = lots_of(market, usd), market.last[0]
    world.liquidate(market, is_long, qty, price)
    world.trade_now(market, price, qty, not is_long)


def oi_jump(world, venues, params):
    """percent more (or less) open interest from now on."""
    for market in markets_of(world, venues, params, True):
        market.interest_jumps.append((world.clock.world_ms(),
                                      1 + float(params['percent']) / 100))


def funding(world, venues, params):
    """rate, e.g. "-0.00025", and hours between fundings."""
    for market in markets_of(world, venues, params, True):
        if 'rate' in params:
            text = str(params['rate'])
            market.funding_rate = -parse8(text[1:]) if text[:1] == '-' else parse8(text)
        market.funding_hours = int(params.get('hours', market.funding_hours))


def halt(world, venues, params):
    """No trades; `as` is the venue's word (BREAK, HALT, Closed)."""
    for market in markets_of(world, venues, params):
        market.status, market.halted_as = 'halted', params.get('as', '')
    after(world, venues, params)


def gone(world, venues, params):
    """The symbol is delisted: nobody knows it any more."""
    for market in markets_of(world, venues, params):
        market.status = 'gone'
    after(world, venues, params)


def resume(world, venues, params):
    for market in markets_of(world, venues, params):
        market.status = 'trading'


def after(world, venues, params):
    if 'seconds' in params:
        asyncio.get_running_loop().call_later(float(params['seconds']), resume, world, venues,
                                              params)


def tick_size(world, venues, params):
    for market in markets_of(world, venues, params):
        if 'tick' in params:
            market.spec.set_tick(str(params['tick']))
        if 'lot' in params:
            market.spec.set_lot(str(params['lot']))


def rate(world, venues, params):
    """per_s trades a second from the next second on; 0: a quiet market."""
    for market in markets_of(world, venues, params):
        market.rate = float(params['per_s'])


def price(world, venues, params):
    """The price of the asset jumps by percent, at all venues."""
    for base in {m.spec.base for m in markets_of(world, venues, params)}:
        world.paths[base].factor *= 1 + float(params['percent']) / 100


def forget(world, venues, params):
    """REST knows no trade before this moment any more: older gaps stay open."""
    for market in markets_of(world, venues, params):
        market.kept_from = market.trades.next_id


def clock(world, venues, params):
    """The venues' clock is off by offset_ms (all of them: one world)."""
    world.clock.offset_ms = int(params.get('offset_ms', 0))


WORLD_NOW = {'whale': whale, 'cascade': cascade, 'oi_jump': oi_jump, 'funding': funding,
             'halt': halt, 'gone': gone, 'resume': resume, 'tick_size': tick_size,
             'rate': rate, 'price': price, 'forget': forget, 'clock': clock}
