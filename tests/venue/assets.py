"""What a market looks like on the wire: steps, decimals, sizes. Prices and quantities are
integers of 10^-8."""
from venue.amounts import E8, bare, decimals_of, fixed, key_of, parse8

VENUES = ('binance_spot', 'binance_perp', 'bybit_spot', 'bybit_perp')
MARKET_NAMES = {'binance_spot': 'binance:spot', 'binance_perp': 'binance:perp',
                'bybit_spot': 'bybit:spot', 'bybit_perp': 'bybit:perp'}

# base: price, open interest in base units, then tick and lot per venue in VENUES' order
ASSETS = {
    'BTC': ('64000', 90_000, ('0.01', '0.00001'), ('0.1', '0.001'), ('0.1', '0.000001'),
            ('0.1', '0.001')),
    'ETH': ('2600', 1_800_000, ('0.01', '0.0001'), ('0.01', '0.001'), ('0.01', '0.00001'),
            ('0.01', '0.01')),
    'SOL': ('150', 9_000_000, ('0.01', '0.001'), ('0.01', '0.01'), ('0.01', '0.001'),
            ('0.01', '0.1')),
    'BNB': ('580', 600_000, ('0.01', '0.001'), ('0.01', '0.01'), ('0.1', '0.0001'),
            ('0.1', '0.01')),
    'XRP': ('2.2', 250_000_000, ('0.0001', '0.1'), ('0.0001', '0.1'), ('0.0001', '0.01'),
            ('0.0001', '0.1')),
}
OTHER = ('10', 5_000_000, ('0.001', '0.01'), ('0.001', '0.01'), ('0.001', '0.01'),
         ('0.001', '0.01'))


class Spec:
    """The static side of one market; tick and lot may be changed by a fault."""

    def __init__(self, venue, base):
        row = ASSETS.get(base, OTHER)
        tick, lot = row[2 + VENUES.index(venue)]
        self.venue, self.base, self.symbol = venue, base, base + 'USDT'
        self.price0 = float(row[0])
        self.oi0 = row[1]
        self.tick, self.lot = parse8(tick), parse8(lot)
        self.price_places = max(2, decimals_of(self.tick))
        self.qty_places = decimals_of(self.lot)
        self.key = key_of(venue, base)
        self.spot = venue.endswith('spot')
        self.bybit = venue.startswith('bybit')

    def set_tick(self, text):
        self.tick = parse8(text)
        self.price_places = max(self.price_places, decimals_of(self.tick))

    def set_lot(self, text):
        self.lot = parse8(text)
        self.qty_places = max(self.qty_places, decimals_of(self.lot))

    def price(self, value):
        if self.bybit and self.spot:
            return bare(value)
        return fixed(value, 8 if self.venue == 'binance_spot' else self.price_places)

    def qty(self, value):
        if self.bybit:
            return bare(value)
        return fixed(value, 8 if self.spot else self.qty_places)

    def quote(self, value):
        """A product of price and quantity, in units of 10^-16."""
        if self.bybit:
            return bare(value, 16)
        return fixed(value // E8, 8 if self.spot else min(8, self.price_places + self.qty_places))
