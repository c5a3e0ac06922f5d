"""Binance's REST interface over its streams: /api/v3 on the spot port, /fapi/v1 and
/futures/data on the futures port. Weights are the documents'."""
from venue.amounts import fixed
from venue.binance_ws import INTERVALS, BinanceStreams
from venue.limits import MinuteWeight, Window
from venue.trades import BUY
from venue.web import Answer, dumps


class Refused(Exception):
    """A request the venue does not take: status, code, message."""


def number(query, name, default, least, most):
    text = query.get(name)
    if text is None or text == '':
        return default
    if not text.lstrip('-').isdigit():
        raise Refused(400, -1100, f"Illegal characters found in parameter '{name}'; legal "
                      "range is '^[0-9]{1,20}$'.")
    if int(text) < least:
        raise Refused(400, -1130, f"Data sent for parameter '{name}' is not valid.")
    return min(int(text), most)


class Binance(BinanceStreams):
    def __init__(self, world, certificates=None):
        super().__init__(world, certificates)
        settings = self.settings
        self.weight = MinuteWeight(
            lambda: settings.weight_spot if self.spot else settings.weight_perp, settings)
        self.history_window = Window(300, lambda: settings.history_requests)
        base = '/api/v3/' if self.spot else '/fapi/v1/'
        self.routes = {base + name: getattr(self, 'get_' + name) for name in (
            'aggTrades', 'klines', 'exchangeInfo', 'depth', 'time', 'ping')}
        if not self.spot:
            self.routes |= {base + 'openInterest': self.get_openInterest,
                            base + 'fundingInfo': self.get_fundingInfo,
                            base + 'premiumIndex': self.get_premiumIndex,
                            '/futures/data/openInterestHist': self.get_openInterestHist}

    # ---- limits ----

    def weight_of(self, request):
        name, query = request.path.rsplit('/', 1)[1], request.query
        limit = query.get('limit', '')
        limit = int(limit) if limit.isdigit() else 500 if name == 'klines' else 100
        if self.spot:
            if name == 'depth':
                return 5 if limit <= 100 else 25 if limit <= 500 else 50 if limit <= 1000 else 250
            return {'aggTrades': 4, 'klines': 2, 'exchangeInfo': 20}.get(name, 1)
        if name == 'klines':
            return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1000 else 10
        if name == 'depth':
            return 2 if limit <= 50 else 5 if limit <= 100 else 10 if limit <= 500 else 20
        return {'aggTrades': 20, 'openInterestHist': 0, 'fundingInfo': 0}.get(name, 1)

    def limited(self, request):
        now = self.world.clock.now_ms() / 1_000
        if request.path == '/futures/data/openInterestHist' and \
                not self.history_window.take(now):
            self.breach('history_rate')
            return self.too_many(429, 300)
        status, wait = self.weight.take(self.weight_of(request), now)
        if status == 200:
            return None
        self.breach('rest_429' if status == 429 else 'rest_418')
        return self.too_many(status, wait)

    def too_many(self, status, wait):
        text = ('Way too much request weight used; IP banned until '
                f'{self.world.clock.now_ms() + wait * 1_000}.' if status == 418 else
                'Too many requests; current limit of IP is '
                f'{self.weight.limit()} request weight per 1 MINUTE.')
        return Answer(status, dumps({'code': -1003, 'msg': text}), {'Retry-After': str(wait)})

    def limit_headers(self, request):
        if request.path.startswith('/futures/data'):
            return {}
        return {'x-mbx-used-weight': str(self.weight.used),
                'x-mbx-used-weight-1m': str(self.weight.used)}

    # ---- answers ----

    def respond(self, request):
        handler = self.routes.get(request.path)
        if handler is None:
            return Answer(404, '<html><body><h2>404 Not found</h2></body></html>',
                          kind='text/html')
        try:
            if request.method != 'GET':
                raise Refused(405, -1, f"Request method '{request.method}' not supported")
            return Answer(200, dumps(handler(request.query)))
        except Refused as refused:
            status, code, text = refused.args
            self.rest_counts[f'code {code}'] += 1
            return Answer(status, dumps({'code': code, 'msg': text}))

    def market_of(self, query):
        symbol = query.get('symbol')
        if not symbol:
            raise Refused(400, -1102, "Mandatory parameter 'symbol' was not sent, was "
                          'empty/null, or malformed.')
        market = self.markets.get(symbol)
        if market is None or market.status == 'gone':
            raise Refused(400, -1121, 'Invalid symbol.')
        return market

    def get_time(self, query):
        return {'serverTime': self.world.clock.now_ms()}

    def get_ping(self, query):
        return {}

    def trade_range(self, market, query, limit):
        trades = market.trades
        oldest = max(trades.first_id, market.kept_from)
        end = self.faults.rest_end(market)
        from_id = number(query, 'fromId', None, 0, 1 << 62)
        since = number(query, 'startTime', None, 0, 1 << 62)
        until = number(query, 'endTime', None, 0, 1 << 62)
        if from_id is not None:
            if not self.spot and (since is not None or until is not None):
                raise Refused(400, -1128, 'Combination of optional parameters invalid.')
            first = max(oldest, from_id)
            return first, min(end, first + limit)
        if since is None and until is None:
            return max(oldest, end - limit), end
        if not self.spot and since is not None and until is not None and \
                until - since >= 3_600_000:
            raise Refused(400, -1127, 'More than 1 hours between startTime and endTime.')
        if until is not None:
            end = min(end, trades.from_time(until + 1))
        if since is None:
            return max(oldest, end - limit), end
        first = max(oldest, trades.from_time(since))
        return first, min(end, first + limit)

    def get_aggTrades(self, query):
        market = self.market_of(query)
        limit = number(query, 'limit', 500, 1, 1_000)
        first, end = self.trade_range(market, query, limit)
        return [self.agg_row(market, trade_id) for trade_id in range(first, end)]

    def agg_row(self, market, trade_id):
        _, t_ms, price, qty, flags = market.trades.row(trade_id)
        row = {'a': trade_id, 'p': market.spec.price(price), 'q': market.spec.qty(qty),
               'f': trade_id * 3, 'l': trade_id * 3 + trade_id % 3, 'T': t_ms,
               'm': not flags & BUY}
        if self.spot:
            row['M'] = True
        return row

    def get_klines(self, query):
        market = self.market_of(query)
        minutes = INTERVALS.get(query.get('interval', ''))
        if not minutes:
            raise Refused(400, -1120, 'Invalid interval.')
        limit = number(query, 'limit', 500, 1, 1_000 if self.spot else 1_500)
        step, now_minute = minutes * 60_000, self.world.minute
        newest = now_minute // minutes
        until = number(query, 'endTime', None, 0, 1 << 62)
        last = newest if until is None else min(newest, until // step)
        since = number(query, 'startTime', None, 0, 1 << 62)
        if since is None:
            first = last - limit + 1
        else:
            first = -(-since // step)
            last = min(last, first + limit - 1)
        return [self.kline_row(market, n * minutes, minutes, now_minute)
                for n in range(first, last + 1)]

    def kline_row(self, market, start, minutes, now_minute):
        bar, spec = market.bars_over(start, minutes, now_minute), market.spec
        return [start * 60_000, spec.price(bar[0]), spec.price(bar[1]), spec.price(bar[2]),
                spec.price(bar[3]), spec.qty(bar[4]), (start + minutes) * 60_000 - 1,
                spec.quote(bar[5]), bar[8], spec.qty(bar[6]), spec.quote(bar[7]), '0']

    def get_depth(self, query):
        market = self.market_of(query)
        limit = number(query, 'limit', 100 if self.spot else 500, 1, 5_000)
        if not self.depth_streams(market.spec.symbol.lower()):
            market.book.step(*market.last)
        bids, asks = market.book.levels(limit)
        answer = {'lastUpdateId': market.book.update}
        if not self.spot:
            now = self.world.clock.now_ms()
            answer |= {'E': now, 'T': now - 1}
        return answer | {'bids': self.texts(market, bids), 'asks': self.texts(market, asks)}

    # ---- symbols ----

    def get_exchangeInfo(self, query):
        asked = self.markets.values()
        if self.spot and 'symbol' in query:
            asked = [self.market_of(query)]
        rows = [self.symbol_row(m) for m in asked if m.status != 'gone']
        limits = [{'rateLimitType': 'REQUEST_WEIGHT', 'interval': 'MINUTE', 'intervalNum': 1,
                   'limit': self.weight.limit()}]
        return {'timezone': 'UTC', 'serverTime': self.world.clock.now_ms(),
                'rateLimits': limits, 'exchangeFilters': [], 'symbols': rows}

    def symbol_row(self, market):
        spec = market.spec
        price, qty = market.steps()
        filters = [{'filterType': 'PRICE_FILTER', 'minPrice': price, 'maxPrice': '1000000.00',
                    'tickSize': price},
                   {'filterType': 'LOT_SIZE', 'minQty': qty, 'maxQty': '9000000.00',
                    'stepSize': qty}]
        row = {'symbol': spec.symbol, 'status': 'TRADING', 'baseAsset': spec.base,
               'quoteAsset': 'USDT'}
        if market.status == 'halted':
            row['status'] = market.halted_as or 'BREAK'
        if self.spot:
            filters.append({'filterType': 'NOTIONAL', 'minNotional': '5.00000000',
                            'applyMinToMarket': True, 'maxNotional': '9000000.00000000',
                            'applyMaxToMarket': False, 'avgPriceMins': 5})
            return row | {'baseAssetPrecision': 8, 'quotePrecision': 8,
                          'quoteAssetPrecision': 8, 'orderTypes': ['LIMIT', 'MARKET'],
                          'isSpotTradingAllowed': True, 'isMarginTradingAllowed': True,
                          'filters': filters, 'permissions': [],
                          'permissionSets': [['SPOT', 'MARGIN']]}
        return {'symbol': spec.symbol, 'pair': spec.symbol, 'contractType': 'PERPETUAL',
                'deliveryDate': 4_133_404_800_000, 'onboardDate': 1_569_398_400_000,
                **row, 'marginAsset': 'USDT', 'pricePrecision': spec.price_places,
                'quantityPrecision': spec.qty_places, 'baseAssetPrecision': 8,
                'quotePrecision': 8, 'underlyingType': 'COIN', 'underlyingSubType': ['PoW'],
                'triggerProtect': '0.0500', 'filters': filters,
                'orderTypes': ['LIMIT', 'MARKET'], 'timeInForce': ['GTC', 'IOC', 'FOK', 'GTX']}

    # ---- futures ----

    def get_openInterest(self, query):
        market, now = self.market_of(query), self.world.clock.now_ms()
        return {'openInterest': market.spec.qty(market.open_interest(now)),
                'symbol': market.spec.symbol, 'time': now}

    def get_openInterestHist(self, query):
        market = self.market_of(query)
        minutes = INTERVALS.get(query.get('period', ''), 0)
        if minutes < 5:
            raise Refused(400, -1130, "Data sent for parameter 'period' is not valid.")
        limit = number(query, 'limit', 30, 1, 500)
        step, now = minutes * 60_000, self.world.clock.world_ms()
        until = min(now, number(query, 'endTime', now, 0, 1 << 62)) // step
        since = number(query, 'startTime', None, 0, 1 << 62)
        first = until - limit + 1
        if since is not None:
            first = -(-since // step)
            until = min(until, first + limit - 1)
        return [self.interest_row(market, n * step) for n in range(first, until + 1)]

    def interest_row(self, market, t_ms):
        interest = market.open_interest(t_ms)
        price = market.bar(t_ms // 60_000)[0]
        return {'symbol': market.spec.symbol, 'sumOpenInterest': fixed(interest, 8),
                'sumOpenInterestValue': fixed(interest * price // 10 ** 8, 8),
                'CMCCirculatingSupply': '20000000.00000000', 'timestamp': t_ms}

    def get_fundingInfo(self, query):
        return [{'symbol': m.spec.symbol, 'adjustedFundingRateCap': '0.02000000',
                 'adjustedFundingRateFloor': '-0.02000000',
                 'fundingIntervalHours': m.funding_hours, 'disclaimer': False}
                for m in self.markets.values() if m.funding_hours != 8 and m.status != 'gone']

    def get_premiumIndex(self, query):
        event = self.mark_event(self.market_of(query))
        return {'symbol': event['s'], 'markPrice': event['p'], 'indexPrice': event['i'],
                'estimatedSettlePrice': event['P'], 'lastFundingRate': event['r'],
                'interestRate': '0.00010000', 'nextFundingTime': event['T'],
                'time': event['E']}


class BinanceSpot(Binance):
    name, spot = 'binance_spot', True


class BinancePerp(Binance):
    name, spot = 'binance_perp', False
