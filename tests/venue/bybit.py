"""Bybit's REST interface over its streams: /v5/market, envelopes, cursors, limits."""
from collections import defaultdict

from venue.amounts import bare
from venue.bybit_ws import INTERVALS, BybitStreams
from venue.limits import Window
from venue.trades import BLOCK, BUY
from venue.web import Answer, dumps
from venue.world import uuid_of

INTEREST_MIN = {'5min': 5, '15min': 15, '30min': 30, '1h': 60, '4h': 240, '1d': 1_440}


class Refused(Exception):
    """retCode, retMsg."""


class Bybit(BybitStreams):
    def __init__(self, world, certificates=None):
        super().__init__(world, certificates)
        settings = self.settings
        self.window = Window(5, lambda: settings.bybit_requests)
        self.endpoints = defaultdict(lambda: Window(1, lambda: settings.bybit_endpoint))
        self.forbidden_until = 0.0
        self.siblings = {}   # category: the Bybit venue that serves it
        self.routes = {'/v5/market/' + path: handler for path, handler in (
            ('time', self.get_time), ('recent-trade', self.get_trades),
            ('kline', self.get_klines), ('instruments-info', self.get_instruments),
            ('open-interest', self.get_interest), ('orderbook', self.get_book))}

    @property
    def category(self):
        return 'spot' if self.spot else 'linear'

    # ---- limits ----

    def limited(self, request):
        now = self.world.clock.now_ms() / 1_000
        if now < self.forbidden_until:
            self.breach('rest_403')
            return self.forbidden()
        if not self.window.take(now):
            self.forbidden_until = now + self.settings.forbidden_s
            self.breach('rest_403')
            return self.forbidden()
        if not self.endpoints[request.path].take(now):
            self.breach('rest_10006')
            return Answer(200, self.envelope({}, 10006, 'Too many visits. Exceeded the API '
                                             'Rate Limit.'))
        return None

    def forbidden(self):
        return Answer(403, '<html><head><title>403 Forbidden</title></head><body>access too '
                      'frequent</body></html>', kind='text/html')

    def limit_headers(self, request):
        now_ms = self.world.clock.now_ms()
        left = self.settings.bybit_endpoint - self.endpoints[request.path].used(now_ms / 1_000)
        return {'X-Bapi-Limit': str(self.settings.bybit_endpoint),
                'X-Bapi-Limit-Status': str(max(0, left)),
                'X-Bapi-Limit-Reset-Timestamp': str(now_ms + (1_000 if left <= 0 else 0))}

    # ---- answers ----

    def envelope(self, result, code=0, text='OK'):
        return dumps({'retCode': code, 'retMsg': text, 'result': result, 'retExtInfo': {},
                      'time': self.world.clock.now_ms()})

    def respond(self, request):
        handler = self.routes.get(request.path)
        if handler is None:
            return Answer(404, '404 page not found', kind='text/plain')
        category = request.query.get('category', 'linear')
        owner = self.siblings.get(category)
        try:
            if owner is None and not request.path.endswith('/time'):
                raise Refused(10001, 'params error: Category is invalid')
            served = getattr(owner or self, handler.__name__)
            return Answer(200, self.envelope(served(request.query)))
        except Refused as refused:
            self.rest_counts[f'code {refused.args[0]}'] += 1
            return Answer(200, self.envelope({}, *refused.args))

    def market_of(self, query, text='Not supported symbols'):
        market = self.markets.get(query.get('symbol', ''))
        if market is None or market.status == 'gone':
            raise Refused(10001, text)
        return market

    def number(self, query, name, default, least=0, most=1 << 62):
        text = query.get(name) or str(default)
        if not text.lstrip('-').isdigit() or not least <= int(text) <= most:
            if name == 'limit' and text.isdigit() and int(text) > most:
                return most
            raise Refused(10001, f'params error: {name} is invalid')
        return int(text)

    def get_time(self, query):
        now = self.world.clock.now_ms()
        return {'timeSecond': str(now // 1_000), 'timeNano': str(now * 1_000_000)}

    def get_trades(self, query):
        market = self.market_of(query)
        most = 60 if self.spot else 1_000
        limit = self.number(query, 'limit', min(most, 500), 1, most)
        end = self.faults.rest_end(market)
        first = max(market.trades.first_id, market.kept_from, end - limit)
        return {'category': self.category,
                'list': [self.rest_trade(market, i) for i in range(end - 1, first - 1, -1)]}

    def rest_trade(self, market, trade_id):
        _, t_ms, price, qty, flags = market.trades.row(trade_id)
        spec = market.spec
        shown = str(trade_id) if self.spot else uuid_of(market.key, trade_id)
        return {'execId': shown, 'symbol': spec.symbol, 'price': spec.price(price),
                'size': spec.qty(qty), 'side': 'Buy' if flags & BUY else 'Sell',
                'time': str(t_ms), 'isBlockTrade': bool(flags & BLOCK), 'isRPITrade': False,
                'seq': str(market.seq(trade_id))}

    def get_klines(self, query):
        """Newest first; the newest may be open. Only a start: from there on."""
        market = self.market_of(query)
        minutes = INTERVALS.get(query.get('interval', ''))
        if not minutes:
            raise Refused(10001, 'Invalid period!')
        limit = self.number(query, 'limit', 200, 1, 1_000)
        step, now_minute = minutes * 60_000, self.world.minute
        last = now_minute // minutes
        if query.get('end'):
            last = min(last, self.number(query, 'end', 0) // step)
        first = last - limit + 1
        if query.get('start'):
            start = -(-self.number(query, 'start', 0) // step)
            if not query.get('end'):
                last = min(last, start + limit - 1)
            first = max(start, last - limit + 1)
        rows = [self.kline_row(market, n * minutes, minutes, now_minute)
                for n in range(last, first - 1, -1)]
        return {'symbol': market.spec.symbol, 'category': self.category, 'list': rows}

    def kline_row(self, market, start, minutes, now_minute):
        bar, spec = market.bars_over(start, minutes, now_minute), market.spec
        return [str(start * 60_000), *map(spec.price, bar[:4]), spec.qty(bar[4]),
                spec.quote(bar[5])]

    def get_book(self, query):
        market = self.market_of(query)
        bids, asks = market.book.levels(self.number(query, 'limit', 25, 1, 200))
        spec, now = market.spec, self.world.clock.now_ms()
        return {'s': spec.symbol, 'b': [[spec.price(p), spec.qty(q)] for p, q in bids],
                'a': [[spec.price(p), spec.qty(q)] for p, q in asks], 'ts': now,
                'u': market.book.update, 'seq': market.seq(market.book.update), 'cts': now - 2}

    # ---- symbols ----

    def get_instruments(self, query):
        asked = [m for m in self.markets.values() if m.status != 'gone']
        if query.get('symbol'):
            asked = [self.market_of(query, 'params error: symbol invalid '
                                    + query['symbol'])]
        rows = [self.spot_row(m) if self.spot else self.linear_row(m) for m in asked]
        answer = {'category': self.category, 'list': rows}
        return answer if self.spot else answer | {'nextPageCursor': ''}

    def status_of(self, market):
        return 'Trading' if market.status == 'trading' else market.halted_as or 'Closed'

    def spot_row(self, market):
        spec, (tick, lot) = market.spec, market.steps()
        return {'symbol': spec.symbol, 'baseCoin': spec.base, 'quoteCoin': 'USDT',
                'innovation': '0', 'status': self.status_of(market),
                'marginTrading': 'utaOnly', 'stTag': '0',
                'lotSizeFilter': {'basePrecision': lot, 'quotePrecision': '0.00000001',
                                  'minOrderQty': lot, 'maxOrderQty': '71.73956243',
                                  'minOrderAmt': '5', 'maxOrderAmt': '4000000'},
                'priceFilter': {'tickSize': tick},
                'riskParameters': {'priceLimitRatioX': '0.01', 'priceLimitRatioY': '0.02'}}

    def linear_row(self, market):
        spec, (tick, lot) = market.spec, market.steps()
        return {'symbol': spec.symbol, 'contractType': 'LinearPerpetual',
                'status': self.status_of(market), 'baseCoin': spec.base, 'quoteCoin': 'USDT',
                'launchTime': '1585526400000', 'deliveryTime': '0', 'deliveryFeeRate': '',
                'priceScale': str(spec.price_places),
                'leverageFilter': {'minLeverage': '1', 'maxLeverage': '100.00',
                                   'leverageStep': '0.01'},
                'priceFilter': {'minPrice': tick, 'maxPrice': '1999999.80', 'tickSize': tick},
                'lotSizeFilter': {'maxOrderQty': '1190.000', 'minOrderQty': lot,
                                  'qtyStep': lot, 'postOnlyMaxOrderQty': '1190.000',
                                  'maxMktOrderQty': '500.000', 'minNotionalValue': '5'},
                'unifiedMarginTrade': True, 'fundingInterval': market.funding_hours * 60,
                'settleCoin': 'USDT', 'copyTrading': 'both', 'upperFundingRate': '0.00375',
                'lowerFundingRate': '-0.00375', 'isPreListing': False, 'preListingInfo': None}

    def get_interest(self, query):
        if self.spot:
            raise Refused(10001, 'params error: Category is invalid')
        market = self.market_of(query, 'params error: Symbol Invalid')
        minutes = INTEREST_MIN.get(query.get('intervalTime', ''))
        if not minutes:
            raise Refused(10001, 'params error: intervalTime is invalid')
        limit = self.number(query, 'limit', 50, 1, 200)
        step, now = minutes * 60_000, self.world.clock.world_ms()
        until = min(now, self.number(query, 'endTime', now)) // step
        since = -(-self.number(query, 'startTime', 0) // step)
        if query.get('cursor'):
            until = min(until, self.number(query, 'cursor', 0) // step)
        first = max(since, until - limit + 1)
        rows = [{'openInterest': bare(2 * market.open_interest(n * step)),
                 'timestamp': str(n * step)} for n in range(until, first - 1, -1)]
        cursor = str((first - 1) * step) if first > since else ''
        return {'symbol': market.spec.symbol, 'category': 'linear', 'list': rows,
                'nextPageCursor': cursor}


class BybitSpot(Bybit):
    name, spot = 'bybit_spot', True


class BybitPerp(Bybit):
    name, spot = 'bybit_perp', False
