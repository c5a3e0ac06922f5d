"""The venue server itself: it behaves like the venues' documents, keeps books that add
up, enforces the limits, and breaks in the ways it is told to."""
import http.client
import os
import shutil
import ssl
import tempfile
import time
import unittest
from decimal import Decimal

import harness
from venue import Closed, Refused, Stream, VenueServer, minutes_of

RECORDINGS = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..',
                                          '..', 'shared', 'data', 'market'))
SPOT_BTC = '/stream?streams=btcusdt@aggTrade'
PERP_BTC = '/market/stream?streams=btcusdt@aggTrade'
MINUTE = 60_000


def ids_of(messages):
    return [m['data']['a'] for m in messages if m.get('data', {}).get('e') == 'aggTrade']


class VenueTest(unittest.TestCase):
    """One server for the tests of a class."""
    args = ('--symbols', 'BTC,ETH', '--rate', '20')
    tls = False

    @classmethod
    def setUpClass(cls):
        cls.temp = tempfile.mkdtemp(prefix='weir-test-')
        cls.venue = VenueServer(cls.temp, *cls.args, tls=cls.tls).start()

    @classmethod
    def tearDownClass(cls):
        status, log = cls.venue.stop(), cls.venue.read_log()
        shutil.rmtree(cls.temp)
        assert status == 0 and log == '', f'the server ended with {status}: {log}'

    def tearDown(self):
        self.venue.clear()

    def open(self, venue, path):
        stream = self.venue.stream(venue, path)
        self.addCleanup(stream.close)
        return stream

    def bybit(self, category, *topics):
        venue = 'bybit_spot' if category == 'spot' else 'bybit_perp'
        stream = self.open(venue, '/v5/public/' + category)
        if topics:
            stream.send({'op': 'subscribe', 'args': topics, 'req_id': '7'})
        return stream

    def get(self, venue, target):
        status, _, body = self.venue.get(venue, target)
        self.assertEqual(status, 200, body)
        return body

    def code(self, venue, target):
        status, _, body = self.venue.get(venue, target)
        return status, body['code']

    def assert_closed(self, stream, code=None):
        with self.assertRaises(Closed) as caught:
            for _ in range(10_000):
                stream.read_frame() if code is None else stream.read_text()
        if code is not None:
            self.assertEqual(caught.exception.args[0], code)

    def wait_for(self, what, condition, seconds=5):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            value = condition()
            if value:
                return value
            time.sleep(0.02)
        self.fail(f'{what}: not within {seconds} s')


class BinanceDocuments(VenueTest):
    tls = True

    def test_streams_carry_every_trade_with_the_documented_fields(self):
        for venue, path, fields in (
                ('binance_spot', SPOT_BTC, 'e E s a p q f l T m M'),
                ('binance_perp', PERP_BTC, 'e E a s p q nq f l T m st')):
            stream = self.open(venue, path)
            frames = [stream.read() for _ in range(10)]
            self.assertEqual(list(frames[0]['data']), fields.split())
            ids = ids_of(frames)
            self.assertEqual(ids, list(range(ids[0], ids[0] + len(ids))))
            market = venue.replace('_', ':') + ':BTCUSDT'
            truth = {t['id']: t for t in self.venue.trades(market)}
            for frame in frames:
                data, trade = frame['data'], truth[str(frame['data']['a'])]
                self.assertEqual((Decimal(data['p']), Decimal(data['q']), data['T']),
                                 (Decimal(trade['price']), Decimal(trade['qty']), trade['t_ms']))
                self.assertEqual(data['m'], trade['side'] == 'sell')

    def test_subscribe_is_acknowledged_and_raw_streams_are_not_wrapped(self):
        stream = self.open('binance_spot', '/ws')
        stream.send({'method': 'SUBSCRIBE', 'params': ['btcusdt@aggTrade', 'no@such'], 'id': 9})
        self.assertEqual(stream.read_until(lambda m: 'result' in m)[0], {'result': None, 'id': 9})
        self.assertEqual(stream.read_until(lambda m: m.get('e') == 'aggTrade')[0]['s'], 'BTCUSDT')
        stream.send({'method': 'LIST_SUBSCRIPTIONS', 'id': 'x'})
        listed, _ = stream.read_until(lambda m: m.get('id') == 'x')
        self.assertEqual(listed['result'], ['btcusdt@aggTrade', 'no@such'])
        stream.send({'method': 'UNSUBSCRIBE', 'params': ['btcusdt@aggTrade'], 'id': 10})
        stream.read_until(lambda m: m.get('id') == 10)
        self.assertEqual(stream.read_for(0.3), [])
        stream.send({'method': 'BUY', 'id': 11})
        self.assertEqual(stream.read()['error']['code'], 2)

    def test_futures_bases_serve_their_own_classes_and_the_old_base_nothing(self):
        names = 'btcusdt@aggTrade/btcusdt@bookTicker/btcusdt@markPrice@1s'
        streams = {base: self.open('binance_perp', f'{base}/stream?streams={names}')
                   for base in ('/market', '/public', '/private', '')}
        for stream in streams.values():
            stream.send({'method': 'SUBSCRIBE', 'params': ['ethusdt@aggTrade'], 'id': 1})
        streams['/market'].read_until(lambda m: m.get('stream', '').endswith('@1s'))
        got = {base: {m.get('stream', 'ack') for m in stream.read_for(0.2)}
               for base, stream in streams.items()}
        got['/market'] |= {'ack', 'btcusdt@markPrice@1s'}
        deadline = time.monotonic() + 10  # trades come when they come
        while not {'btcusdt@aggTrade', 'ethusdt@aggTrade'} <= got['/market'] and \
                time.monotonic() < deadline:
            got['/market'] |= {m.get('stream', 'ack') for m in streams['/market'].read_for(0.2)}
        self.assertEqual(got['/market'], {'ack', 'btcusdt@aggTrade', 'ethusdt@aggTrade',
                                          'btcusdt@markPrice@1s'})
        self.assertEqual(got['/public'], {'ack', 'btcusdt@bookTicker'})
        self.assertEqual(got['/private'], {'ack'})
        self.assertEqual(got[''], {'ack'})

    def test_aggregate_trades_by_id_by_time_and_the_latest(self):
        latest = self.get('binance_perp', '/fapi/v1/aggTrades?symbol=BTCUSDT&limit=5')
        self.assertEqual(len(latest), 5)
        first = latest[1]
        by_id = self.get('binance_perp', '/fapi/v1/aggTrades?symbol=BTCUSDT&limit=3&fromId='
                         f'{first["a"]}')
        self.assertEqual(by_id, latest[1:4])
        by_time = self.get('binance_perp', '/fapi/v1/aggTrades?symbol=BTCUSDT&startTime='
                           f'{first["T"]}&endTime={latest[3]["T"]}')
        self.assertTrue(all(first['T'] <= t['T'] <= latest[3]['T'] for t in by_time))
        self.assertIn(first, by_time)
        self.assertIs(self.get('binance_spot', '/api/v3/aggTrades?symbol=BTCUSDT')[0]['M'], True)

    def test_minutes_made_of_real_trades_add_up_to_the_klines(self):
        for venue, base in (('binance_spot', '/api/v3'), ('binance_perp', '/fapi/v1')):
            rows = self.get(venue, f'{base}/klines?symbol=BTCUSDT&interval=1m&limit=9')[:-1]
            minutes = self.venue.minutes(venue.replace('_', ':') + ':BTCUSDT')
            for row in rows:
                minute = minutes[row[0]]
                self.assertEqual([Decimal(x) for x in row[1:6]],
                                 [minute.open, minute.high, minute.low, minute.close,
                                  minute.volume])
                self.assertEqual((Decimal(row[9]), Decimal(row[10]), Decimal(row[7])),
                                 (minute.buy, minute.buy_quote,
                                  minute.buy_quote + minute.sell_quote))
                self.assertEqual(row[8], minute.n_buy + minute.n_sell)

    def test_history_is_there_and_coarse_klines_are_sums_of_minutes(self):
        rows, end = [], ''
        for _ in range(3):
            page = self.get('binance_perp', '/fapi/v1/klines?symbol=ETHUSDT&interval=1m'
                            f'&limit=1440{end}')
            rows, end = page + rows, f'&endTime={page[0][0] - 1}'
        self.assertEqual(len(rows), 4_320)
        self.assertEqual([r[0] for r in rows], list(range(rows[0][0], rows[0][0] + 4_320 * MINUTE,
                                                          MINUTE)))
        by_start = {r[0]: r for r in rows}
        for interval, minutes in (('15m', 15), ('1h', 60), ('4h', 240)):
            coarse = self.get('binance_perp', '/fapi/v1/klines?symbol=ETHUSDT&limit=210&interval='
                              + interval)
            self.assertEqual(len(coarse), 210)
            bar = coarse[-3]
            parts = [by_start[bar[0] + i * MINUTE] for i in range(minutes)]
            self.assertEqual(Decimal(bar[5]), sum(Decimal(p[5]) for p in parts))
            self.assertEqual(Decimal(bar[9]), sum(Decimal(p[9]) for p in parts))
            self.assertEqual((bar[1], bar[4]), (parts[0][1], parts[-1][4]))
            self.assertEqual(Decimal(bar[2]), max(Decimal(p[2]) for p in parts))

    def test_a_book_kept_from_snapshot_and_diffs_agrees_with_the_partial_stream(self):
        for venue, base, rest in (('binance_spot', '', '/api/v3'),
                                  ('binance_perp', '/public', '/fapi/v1')):
            stream = self.open(venue, f'{base}/stream?streams=btcusdt@depth@100ms/'
                               'btcusdt@depth20@100ms/btcusdt@bookTicker')
            first, _ = stream.read_until(lambda m: 'U' in m['data'])
            snapshot = self.get(venue, f'{rest}/depth?symbol=BTCUSDT&limit=100')
            book = {side: dict(snapshot[side]) for side in ('bids', 'asks')}
            at, checked, message = snapshot['lastUpdateId'], 0, first
            while checked < 3:
                data, name = message['data'], message['stream']
                message = stream.read()
                if name.endswith('depth@100ms') and data['u'] > at:
                    self.assertLessEqual(data['U'], at + 1)
                    at = data['u']
                    for key, side in (('b', 'bids'), ('a', 'asks')):
                        book[side].update(data[key])
                elif 'depth20' in name and data.get('u', data.get('lastUpdateId')) == at:
                    bids = sorted(((Decimal(p), Decimal(q)) for p, q in book['bids'].items()
                                   if Decimal(q)), reverse=True)[:20]
                    shown = data.get('bids', data.get('b'))
                    self.assertEqual(bids, [(Decimal(p), Decimal(q)) for p, q in shown])
                    checked += 1

    def test_symbols_unknown_parameters_wrong_and_paths_missing(self):
        self.assertEqual(self.code('binance_spot', '/api/v3/klines?symbol=NOPE&interval=1m'),
                         (400, -1121))
        self.assertEqual(self.code('binance_perp', '/fapi/v1/klines?symbol=BTCUSDT&interval=7m'),
                         (400, -1120))
        self.assertEqual(self.code('binance_spot', '/api/v3/aggTrades'), (400, -1102))
        self.assertEqual(self.venue.get('binance_spot', '/api/v3/nothing')[0], 404)
        info = self.get('binance_spot', '/api/v3/exchangeInfo?symbol=BTCUSDT')['symbols'][0]
        filters = {f['filterType']: f for f in info['filters']}
        self.assertEqual((info['status'], filters['PRICE_FILTER']['tickSize'],
                          filters['LOT_SIZE']['stepSize']),
                         ('TRADING', '0.01000000', '0.00001000'))
        row = self.get('binance_perp', '/fapi/v1/exchangeInfo')['symbols'][0]
        self.assertEqual((row['contractType'], row['onboardDate'] > 0), ('PERPETUAL', True))

    def test_open_interest_and_funding(self):
        now = self.get('binance_perp', '/fapi/v1/openInterest?symbol=BTCUSDT')
        rows = self.get('binance_perp', '/futures/data/openInterestHist?symbol=BTCUSDT&period=5m'
                        '&limit=300')
        self.assertEqual([r['timestamp'] % 300_000 for r in rows], [0] * 300)
        self.assertLess(abs(Decimal(now['openInterest']) / Decimal(rows[-1]['sumOpenInterest'])
                            - 1), Decimal('0.05'))
        mark, _ = self.open('binance_perp', '/market/ws/btcusdt@markPrice@1s').read_until(
            lambda m: True)
        self.assertEqual(list(mark), ['e', 'E', 's', 'p', 'i', 'P', 'r', 'T'])

    def test_the_weight_header_is_the_sum_of_the_documented_weights(self):
        def used():
            headers = self.venue.get('binance_perp', '/fapi/v1/time')[1]
            return int(headers['x-mbx-used-weight-1m'])
        for _ in range(3):  # a minute may end between the two
            before = used()
            self.get('binance_perp', '/fapi/v1/aggTrades?symbol=BTCUSDT&limit=10')
            self.get('binance_perp', '/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=99')
            self.get('binance_perp', '/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=1500')
            if used() - before == 20 + 1 + 10 + 1:
                return
        self.fail('the weights do not add up')

    def test_certificates_of_a_wrong_kind_are_refused_by_a_client_that_looks(self):
        for which, why in (('wrong_ca', 'verify failed'), ('wrong_name', 'mismatch'),
                           ('expired', 'expired')):
            self.venue.fault('certificate', 'binance_spot', which=which)
            with self.assertRaisesRegex(ssl.SSLError, why):
                Stream(self.venue.urls['binance_spot']['ws'] + '/ws', self.venue.tls_context())
        self.venue.fault('certificate', 'binance_spot', which='good')
        self.open('binance_spot', '/ws')


class BybitDocuments(VenueTest):
    def test_data_comes_before_the_acknowledgement(self):
        for category in ('spot', 'linear'):
            stream = self.bybit(category, 'publicTrade.BTCUSDT', 'tickers.BTCUSDT')
            ack, before = stream.read_until(lambda m: m.get('op') == 'subscribe')
            self.assertTrue(ack['success'])
            self.assertEqual(ack['req_id'], '7')
            self.assertTrue(any('topic' in m for m in before))

    def test_pongs_differ_by_endpoint(self):
        replies = {}
        for category in ('spot', 'linear'):
            stream = self.bybit(category)
            stream.send({'op': 'ping'})
            replies[category] = stream.read()
        self.assertEqual(list(replies['spot']), ['success', 'ret_msg', 'conn_id', 'op'])
        self.assertEqual(list(replies['linear']),
                         ['success', 'ret_msg', 'conn_id', 'req_id', 'op'])

    def test_subscriptions_beyond_the_limits_are_refused(self):
        for category, topics, why in (
                ('spot', ['publicTrade.BTCUSDT'] * 11, 'args size >10'),
                ('spot', ['allLiquidation.BTCUSDT'], 'handler not found'),
                ('linear', ['publicTrade.NOPEUSDT'], 'handler not found'),
                ('linear', ['publicTrade.BTCUSDT'] * 1_200, 'args length')):
            reply = self.bybit(category, *topics).read()
            self.assertFalse(reply['success'])
            self.assertIn(why, reply['ret_msg'])
        with self.assertRaises(Refused):
            self.open('bybit_spot', '/v5/public/linear')

    def test_every_trade_is_streamed_and_recent_trade_shows_the_newest_first(self):
        for category, market, most in (('spot', 'bybit:spot:BTCUSDT', 60),
                                       ('linear', 'bybit:perp:BTCUSDT', 1_000)):
            stream = self.bybit(category, 'publicTrade.BTCUSDT')
            rows = []
            while len(rows) < 10:
                rows += stream.read_until(lambda m: 'topic' in m)[0]['data']
            truth = {t['id']: t for t in self.venue.trades(market)}
            for row in rows:
                trade = truth[row['i']]
                self.assertEqual((row['p'], row['v']) if category == 'spot' else
                                 (Decimal(row['p']), Decimal(row['v'])),
                                 (trade['price'], trade['qty']) if category == 'spot' else
                                 (Decimal(trade['price']), Decimal(trade['qty'])))
                self.assertEqual((row['S'].lower(), row['T'], row['BT']),
                                 (trade['side'], trade['t_ms'], trade['block']))
            seqs = [r['seq'] for r in rows]
            self.assertEqual(seqs, sorted(set(seqs)))
            self.assertGreater(seqs[-1] - seqs[0], len(seqs))
            venue = 'bybit_spot' if category == 'spot' else 'bybit_perp'
            shown = self.get(venue, f'/v5/market/recent-trade?category={category}'
                             '&symbol=BTCUSDT&limit=5000')['result']['list']
            self.assertEqual(len(shown), most)
            times = [int(t['time']) for t in shown]
            self.assertEqual(times, sorted(times, reverse=True))
            self.assertTrue({r['i'] for r in rows[-5:]} <= {t['execId'] for t in shown})

    def test_block_trades_are_in_the_stream_and_not_in_the_kline(self):
        minute = self.get('bybit_perp', '/v5/market/kline?category=linear&symbol=BTCUSDT'
                          '&interval=1&limit=5')['result']['list'][2]
        trades = self.venue.trades('bybit:perp:BTCUSDT')
        self.assertTrue(any(t['block'] for t in trades))
        exact = minutes_of(trades)['bybit:perp:BTCUSDT'][int(minute[0])]
        self.assertEqual((Decimal(minute[5]), Decimal(minute[6]), Decimal(minute[1])),
                         (exact.volume, exact.buy_quote + exact.sell_quote, exact.open))

    def test_klines_come_newest_first_and_instruments_have_their_filters(self):
        rows = self.get('bybit_spot', '/v5/market/kline?category=spot&symbol=ETHUSDT&interval=240'
                        '&limit=210')['result']['list']
        starts = [int(r[0]) for r in rows]
        self.assertEqual(starts, list(range(starts[0], starts[0] - 210 * 240 * MINUTE,
                                            -240 * MINUTE)))
        linear = self.get('bybit_perp', '/v5/market/instruments-info?category=linear'
                          '&symbol=BTCUSDT')['result']['list'][0]
        self.assertEqual((linear['status'], linear['fundingInterval'],
                          linear['lotSizeFilter']['qtyStep']), ('Trading', 480, '0.001'))
        spot = self.get('bybit_spot', '/v5/market/instruments-info?category=spot'
                        '&symbol=BTCUSDT')['result']['list'][0]
        self.assertEqual(spot['lotSizeFilter']['basePrecision'], '0.000001')
        wrong = self.get('bybit_perp', '/v5/market/kline?category=linear&symbol=NOPE&interval=1')
        self.assertEqual(wrong['retCode'], 10_001)

    def test_tickers_are_a_snapshot_then_deltas_with_missing_fields(self):
        stream = self.bybit('linear', 'tickers.BTCUSDT')
        first = stream.read()
        self.assertEqual(first['type'], 'snapshot')
        state = first['data']
        self.assertEqual(Decimal(state['openInterest']), 2 * Decimal(state['singleOpenInterest']))
        deltas = [stream.read_until(lambda m: m.get('type') == 'delta')[0] for _ in range(3)]
        self.assertTrue(all('fundingRate' not in d['data'] for d in deltas))
        for delta in deltas:
            state.update(delta['data'])
        fresh = self.bybit('linear', 'tickers.BTCUSDT').read()['data']
        self.assertEqual(state.keys(), fresh.keys())
        kinds = {m['type'] for m in self.bybit('spot', 'tickers.BTCUSDT').read_for(0.5)
                 if 'topic' in m}
        self.assertEqual(kinds, {'snapshot'})

    def test_a_book_kept_from_deltas_agrees_with_a_fresh_snapshot(self):
        stream = self.bybit('linear', 'orderbook.50.BTCUSDT')
        book = {}
        for message in stream.read_for(0.6):
            if 'topic' in message:
                if message['type'] == 'snapshot':
                    book = {'b': {}, 'a': {}}
                for side in 'ba':
                    book[side].update(message['data'][side])
                last = message['data']['u']
        bids = sorted((Decimal(p) for p, q in book['b'].items() if q != '0'), reverse=True)
        asks = sorted(Decimal(p) for p, q in book['a'].items() if q != '0')
        self.assertEqual((len(bids), len(asks)), (50, 50))
        self.assertLess(bids[0], asks[0])
        fresh = self.bybit('linear', 'orderbook.50.BTCUSDT').read()['data']
        self.assertGreaterEqual(fresh['u'], last)

    def test_open_interest_history_counts_both_sides_newest_first(self):
        answer = self.get('bybit_perp', '/v5/market/open-interest?category=linear&symbol=BTCUSDT'
                          '&intervalTime=5min&limit=200')['result']
        times = [int(r['timestamp']) for r in answer['list']]
        self.assertEqual(times, list(range(times[0], times[0] - 200 * 300_000, -300_000)))
        self.assertGreater(Decimal(answer['list'][0]['openInterest']), 150_000)
        more = self.get('bybit_perp', '/v5/market/open-interest?category=linear&symbol=BTCUSDT'
                        f'&intervalTime=5min&limit=200&cursor={answer["nextPageCursor"]}')
        self.assertEqual(int(more['result']['list'][0]['timestamp']), times[-1] - 300_000)


class Limits(VenueTest):
    args = ('--symbols', 'BTC', '--rate', '5', '--set', 'ping_spot_s=0.5', '--set',
            'pong_spot_s=2', '--set', 'tolerated_429=2', '--set', 'ban_s=1')

    def tearDown(self):
        super().tearDown()
        self.venue.set(idle_s=600, life_s=86_400, weight_spot=6_000, attempts=300,
                       bybit_requests=600, bybit_endpoint=120)

    def breaches(self, venue):
        return self.venue.state(venue)['breaches']

    def test_a_sixth_message_in_a_second_ends_the_connection(self):
        before = self.breaches('binance_spot').get('message_rate', 0)
        stream = self.open('binance_spot', '/ws')
        stream.pongs = False
        for i in range(3):
            stream.send({'method': 'LIST_SUBSCRIPTIONS', 'id': i})
            stream.send_frame(9, b'')
        self.assert_closed(stream, 1008)
        self.assertEqual(self.breaches('binance_spot')['message_rate'], before + 1)

    def test_pings_want_their_payload_back(self):
        good, silent, wrong = [self.open('binance_spot', '/ws') for _ in range(3)]
        silent.pongs = wrong.pongs = False
        while not wrong.pings:
            opcode, payload = wrong.read_frame()[1:]
            if opcode == 9:
                wrong.pings.append(payload)
        wrong.send_frame(10, b'not this')
        self.assert_closed(wrong, 1008)
        good.read_for(1.2)
        self.assertGreaterEqual(len(good.pings), 3)
        self.assertTrue(all(good.pings))
        self.assert_closed(silent, 1006)

    def test_too_many_streams_are_an_error(self):
        stream = self.open('binance_perp', '/market/stream')
        names = [f'x{i}usdt@aggTrade' for i in range(201)]
        stream.send({'method': 'SUBSCRIBE', 'params': names, 'id': 1})
        self.assertEqual(stream.read()['error']['code'], 2)
        stream.send({'method': 'SUBSCRIBE', 'params': names[:200], 'id': 2})
        self.assertEqual(stream.read(), {'result': None, 'id': 2})
        with self.assertRaises(Refused):
            self.open('binance_perp', '/market/stream?streams=' + '/'.join(names))

    def test_too_many_handshakes_are_answered_429(self):
        used = self.venue.state('binance_spot')['attempts_5min']
        self.venue.set(attempts=used + 1)
        self.open('binance_spot', '/ws')
        with self.assertRaisesRegex(Refused, '429'):
            self.open('binance_spot', '/ws')

    def test_a_life_ends_with_notice(self):
        self.venue.set(life_s=11)
        stream = self.open('binance_perp', PERP_BTC)
        event, _ = stream.read_until(lambda m: m.get('e') == 'serverShutdown')
        self.assertEqual(list(event), ['e', 'E'])
        self.venue.fault('shutdown', 'binance_perp', notice_s=0.2)
        self.assert_closed(stream, 1001)

    def test_a_silent_bybit_client_is_cut(self):
        stream = self.bybit('linear')
        self.venue.set(idle_s=0.5)
        self.assert_closed(stream, 1006)

    def test_weight_above_the_limit_is_429_then_418_then_free_again(self):
        used = int(self.venue.get('binance_spot', '/api/v3/time')[1]['x-mbx-used-weight-1m'])
        self.venue.set(weight_spot=used)
        statuses = [self.venue.get('binance_spot', '/api/v3/time') for _ in range(4)]
        if statuses[0][0] == 200:  # a new minute began
            self.skipTest('the minute ended')
        self.assertEqual([s[0] for s in statuses], [429, 429, 418, 418])
        self.assertGreater(int(statuses[0][1]['Retry-After']), 0)
        self.venue.set(weight_spot=6_000)
        self.wait_for('the end of the ban',
                      lambda: self.venue.get('binance_spot', '/api/v3/time')[0] == 200)

    def test_bybit_answers_10006_and_then_403(self):
        self.venue.set(bybit_endpoint=2)
        codes = [self.venue.get('bybit_perp', '/v5/market/time')[2]['retCode'] for _ in range(3)]
        self.assertEqual(codes, [0, 0, 10_006])
        self.venue.set(bybit_requests=1, forbidden_s=0.3)
        self.assertEqual(self.venue.get('bybit_perp', '/v5/market/time')[0], 403)

    def test_frames_against_the_protocol_end_the_connection(self):
        stream = self.open('binance_spot', '/ws')
        stream.send_frame(1, b'{}', masked=False)
        self.assert_closed(stream, 1002)
        self.assertGreaterEqual(self.breaches('binance_spot')['protocol'], 1)


class FaultTest(VenueTest):
    args = ('--symbols', 'BTC,ETH', '--rate', '100')

    def trades(self):
        """A stream of trades that is known to flow; .seen is the last id."""
        stream = self.open('binance_perp', PERP_BTC)
        stream.seen = stream.read()['data']['a']
        return stream

    def ids(self, stream, n):
        """Ids of the next n trades."""
        return [stream.read()['data']['a'] for _ in range(n)]


class DeliveryFaults(FaultTest):
    def test_a_gap_is_in_rest_and_not_in_the_stream(self):
        stream = self.trades()
        self.venue.fault('gap', 'binance_perp', symbol='BTC', count=5)
        ids = self.ids(stream, 40)
        missing = sorted(set(range(stream.seen + 1, ids[-1])) - set(ids))
        self.assertEqual(len(missing), 5)
        rows = self.get('binance_perp', '/fapi/v1/aggTrades?symbol=BTCUSDT&limit=5&fromId='
                        f'{missing[0]}')
        self.assertEqual([r['a'] for r in rows], missing)

    def test_duplicates_and_disorder(self):
        stream = self.trades()
        self.venue.fault('duplicate', 'binance_perp', stream='aggTrade', count=3)
        ids = self.ids(stream, 30)
        self.assertEqual(len(ids) - len(set(ids)), 3)
        self.venue.fault('reorder', 'binance_perp', stream='aggTrade', window=4, count=8)
        ids = self.ids(stream, 40)
        self.assertNotEqual(ids, sorted(ids))
        self.assertEqual(sorted(ids), list(range(min(ids), max(ids) + 1)))

    def test_late_frames_come_after_their_time(self):
        stream = self.trades()
        self.venue.fault('late', 'binance_perp', stream='aggTrade', count=2, hold_s=0.4)
        ids = self.ids(stream, 80)
        back = [b for a, b in zip(ids, ids[1:]) if b < a]
        self.assertTrue(back)
        self.assertEqual(sorted(ids), list(range(min(ids), max(ids) + 1)))

    def test_a_fault_may_hit_one_of_two_connections(self):
        old, new = self.trades(), self.trades()
        self.venue.fault('silence', 'binance_perp', conns='oldest', count=5)
        for stream, missing in ((old, 5), (new, 0)):
            ids = self.ids(stream, 60)
            self.assertEqual(ids[-1] - stream.seen - 60, missing)

    def test_silence_leaves_acknowledgements_and_other_streams(self):
        stream = self.open('binance_spot', SPOT_BTC + '/btcusdt@bookTicker')
        self.venue.fault('silence', 'binance_spot', stream='aggTrade')
        time.sleep(0.1)
        stream.send({'method': 'SUBSCRIBE', 'params': ['ethusdt@aggTrade'], 'id': 4})
        stream.read_until(lambda m: m.get('id') == 4)
        self.assertEqual({m['stream'] for m in stream.read_for(0.5)}, {'btcusdt@bookTicker'})
        self.venue.clear()
        stream.read_until(lambda m: m['stream'] == 'ethusdt@aggTrade')

    def test_pieces_and_fragments_arrive_whole_and_in_order(self):
        stream = self.trades()
        self.venue.fault('half', 'binance_perp', count=5, pieces=4, pause_s=0.01)
        self.venue.fault('fragment', 'binance_perp', count=5, pieces=3, pings=1)
        ids = self.ids(stream, 30)
        self.assertEqual(ids, list(range(ids[0], ids[0] + 30)))
        self.assertGreater(len(stream.pings), 3)

    def test_a_frame_cut_in_the_middle_ends_in_a_reset(self):
        stream = self.trades()
        self.venue.fault('cut', 'binance_perp', count=1)
        self.assert_closed(stream, 1006)

    def test_malformed_unknown_and_absurd_frames(self):
        for how in ('truncated', 'garbage', 'empty', 'utf8', 'nul', 'deep', 'huge', 'nan'):
            stream = self.trades()
            self.venue.fault('malformed', 'binance_perp', how=how, count=1)
            texts = [stream.read_text() for _ in range(40)]
            odd = [t for t in texts if b'"e":"aggTrade"' not in t or len(t) > 1_000
                   or not t.endswith(b'}}') or b'\0' in t or b'NaN' in t or b'\xff' in t]
            self.assertEqual(len(odd), 1, (how, [t[:80] for t in texts]))
        stream = self.trades()
        self.venue.fault('unknown', 'binance_perp', count=3)
        datas = [stream.read()['data'] for _ in range(40)]
        odd = [d for d in datas if not isinstance(d, dict) or d.get('e') != 'aggTrade']
        self.assertEqual(len(odd), 3)
        self.venue.fault('absurd', 'binance_perp', field='a', value=-5, count=1)
        self.assertIn(-5, self.ids(stream, 40))

    def test_bad_frames_are_what_the_protocol_forbids(self):
        heads = {'masked': (0x81, 0x80), 'reserved': (0xC1, 0), 'opcode': (0x85, 0),
                 'continuation': (0x80, 0), 'binary': (0x82, 0), 'length': (0x81, 127),
                 'long_control': (0x89, 126)}
        for how, (first, second) in heads.items():
            stream = self.trades()
            self.venue.fault('bad_frame', 'binance_perp', how=how, count=1)
            for _ in range(20):
                head = stream.take(2)
                if head[0] != 0x81 or head[1] & 0x80 or head[1] == 127:
                    break
                stream.take(int.from_bytes(stream.take(2), 'big') if head[1] == 126 else head[1])
            self.assertEqual((head[0], head[1] & second), (first, second), how)
            stream.close()

    def test_acknowledgements_may_be_missing_or_negative(self):
        self.venue.fault('no_ack', 'bybit_perp', count=1)
        stream = self.bybit('linear', 'publicTrade.BTCUSDT')
        self.assertNotIn('subscribe', [m.get('op') for m in stream.read_for(0.5)])
        self.venue.fault('refuse_subscribe', 'binance_spot', count=1)
        stream = self.open('binance_spot', '/ws')
        stream.send({'method': 'SUBSCRIBE', 'params': ['btcusdt@aggTrade'], 'id': 4})
        self.assertIn('error', stream.read())


class OtherFaults(FaultTest):
    tls = True

    def test_close_reset_freeze_and_refusals(self):
        stream = self.trades()
        self.venue.fault('close', 'binance_perp', code=1012, reason='restart')
        self.assert_closed(stream, 1012)
        stream = self.trades()
        self.venue.fault('rst', 'binance_perp')
        self.assert_closed(stream, 1006)
        stream = self.trades()
        self.venue.fault('freeze', 'binance_perp')
        stream.read_for(0.1)
        self.assertEqual(stream.read_for(0.3), [])
        self.venue.fault('refuse', 'binance_perp', seconds=30)
        with self.assertRaises((ConnectionError, Closed)):
            self.open('binance_perp', PERP_BTC)
        self.venue.clear()
        self.venue.fault('refuse_http', 'binance_perp', status=503)
        with self.assertRaisesRegex(Refused, '503'):
            self.open('binance_perp', PERP_BTC)

    def test_an_unplugged_venue_goes_on_trading_and_comes_back_on_its_port(self):
        stream = self.trades()
        before = self.venue.truth()['markets']['binance:perp:BTCUSDT']['trades']
        self.venue.fault('unplug', 'binance_perp', seconds=0.6)
        self.assert_closed(stream, 1006)
        with self.assertRaises(ConnectionRefusedError):
            self.open('binance_perp', PERP_BTC)
        self.wait_for('the port again',
                      lambda: self.venue.state('binance_perp')['listening'])
        self.trades()
        after = self.venue.truth()['markets']['binance:perp:BTCUSDT']['trades']
        self.assertGreater(after, before + 8)

    def test_rest_that_is_slow_wrong_limited_or_cut(self):
        def get():
            return self.venue.get('binance_spot', '/api/v3/time')
        self.venue.fault('rest_slow', 'binance_spot', delay_s=0.3, count=1)
        began = time.monotonic()
        self.assertEqual(get()[0], 200)
        self.assertGreater(time.monotonic() - began, 0.29)
        self.venue.fault('rest_error', 'binance_spot', status=503, count=1)
        self.assertEqual(get()[0], 503)
        self.venue.fault('rest_limit', 'binance_spot', status=418, retry_after=7, count=1)
        status, headers, _ = get()
        self.assertEqual((status, headers['Retry-After']), (418, '7'))
        self.venue.fault('rest_garbage', 'binance_spot', count=1)
        self.assertIn('<html>', get()[2])
        self.venue.fault('rest_cut', 'binance_spot', count=1)
        with self.assertRaises((OSError, http.client.HTTPException)):
            get()
        self.assertEqual(get()[0], 200)
        self.venue.fault('rest_limit', 'bybit_perp', status=10006, count=1)
        self.assertEqual(self.venue.get('bybit_perp', '/v5/market/time')[2]['retCode'], 10_006)

    def test_rest_may_lag_and_forget(self):
        def newest():
            return self.get('binance_spot', '/api/v3/aggTrades?symbol=BTCUSDT&limit=1000')
        self.venue.fault('rest_lag', 'binance_spot', lag_s=5, seconds=5)
        self.assertGreater(self.venue.truth()['t_ms'] - newest()[-1]['T'], 4_900)
        self.venue.clear()
        self.venue.fault('forget', 'binance_spot', symbol='BTC')
        self.assertLess(len(newest()), 200)

    def test_a_cascade_is_whole_at_bybit_and_sampled_at_binance(self):
        binance = self.open('binance_perp', '/market/stream?streams=!forceOrder@arr')
        bybit = self.bybit('linear', 'allLiquidation.ETHUSDT')
        self.venue.fault('cascade', 'perp', symbol='ETH', n=30, usd=3_000_000, seconds=0.4)
        longs = 0
        while longs < 30:
            message, _ = bybit.read_until(lambda m: 'topic' in m)
            longs += sum(row['S'] == 'Buy' for row in message['data'])
        binance.read_until(lambda m: m['data']['o']['s'] == 'ETHUSDT')
        orders = [m['data']['o'] for m in binance.read_for(1.1)]
        orders = [o for o in orders if o['s'] == 'ETHUSDT']
        self.assertLess(len(orders), 5, orders)
        made = self.venue.liquidations()['binance:perp:ETHUSDT']
        self.assertGreaterEqual(len(made), 30)

    def test_open_interest_funding_whales_and_prices_move_on_demand(self):
        before = Decimal(self.venue.interest()['bybit:perp:BTCUSDT']['oi'])
        self.venue.fault('oi_jump', 'perp', symbol='BTC', percent=20)
        self.venue.fault('funding', 'perp', symbol='BTC', rate='-0.00075')
        now = self.venue.interest()['bybit:perp:BTCUSDT']
        self.assertGreater(Decimal(now['oi']) / before, Decimal('1.15'))
        self.assertEqual(now['funding_e8'], -75_000)
        self.venue.fault('whale', 'bybit_spot', symbol='BTC', usd=2_000_000, side='sell')
        big = [t for t in self.venue.trades('bybit:spot:BTCUSDT')
               if Decimal(t['price']) * Decimal(t['qty']) > 1_900_000 and not t['block']]
        self.assertEqual([t['side'] for t in big], ['sell'])
        self.venue.trade('binance_spot', 'BTC', '1.5', price='50000.00')
        trades = self.venue.trades('binance:spot:BTCUSDT')
        self.assertIn(('50000', '1.5'), [(t['price'], t['qty']) for t in trades])

    def test_symbols_halt_change_their_tick_and_go(self):
        self.venue.fault('halt', 'binance_spot', symbol='ETH')
        target = '/api/v3/exchangeInfo?symbol=ETHUSDT'
        self.assertEqual(self.get('binance_spot', target)['symbols'][0]['status'], 'BREAK')
        self.assertEqual(self.open('binance_spot', '/ws/ethusdt@aggTrade').read_for(0.3), [])
        self.venue.fault('tick_size', 'binance_spot', symbol='ETH', tick='0.1')
        self.venue.fault('resume', 'binance_spot', symbol='ETH')
        filters = self.get('binance_spot', target)['symbols'][0]['filters']
        self.assertEqual(filters[0]['tickSize'], '0.10000000')
        self.venue.fault('gone', 'bybit_perp', symbol='ETH')
        answer = self.get('bybit_perp', '/v5/market/recent-trade?category=linear&symbol=ETHUSDT')
        self.assertEqual(answer['retCode'], 10_001)
        self.assertFalse(self.bybit('linear', 'publicTrade.ETHUSDT').read()['success'])
        self.venue.fault('resume', 'bybit_perp', symbol='ETH')

    def test_unknown_faults_venues_and_markets_are_refused(self):
        for fault, venue, params in (('nonsense', 'all', {}), ('gap', 'kraken', {}),
                                     ('whale', 'all', {'symbol': 'DOGE'})):
            with self.assertRaises(ValueError):
                self.venue.fault(fault, venue, **params)


class Runs(unittest.TestCase):
    """Servers of their own: time, scenarios, recordings, seeds, ends."""

    def setUp(self):
        self.temp = tempfile.mkdtemp(prefix='weir-test-')
        self.addCleanup(shutil.rmtree, self.temp)

    def test_klines_close_at_the_end_of_their_minute(self):
        with VenueServer(self.temp, '--symbols', 'BTC', '--rate', '2', '--speed', '60') as venue:
            spot = venue.stream('binance_spot', '/stream?streams=btcusdt@kline_1m')
            bybit = venue.stream('bybit_perp', '/v5/public/linear')
            with spot, bybit:
                bybit.send({'op': 'subscribe', 'args': ['kline.1.BTCUSDT']})
                closed = [spot.read_until(lambda m: m['data']['k']['x'])[0]['data']['k']
                          for _ in range(2)]
                rows = [m['data'][0] for m in bybit.read_for(0.2) if 'topic' in m]
            minutes = venue.minutes()
        self.assertEqual(closed[1]['t'], closed[0]['t'] + MINUTE)
        for k in closed:
            minute = minutes['binance:spot:BTCUSDT'][k['t']]
            self.assertEqual((Decimal(k['v']), Decimal(k['V'])), (minute.volume, minute.buy))
        confirmed = [r for r in rows if r['confirm']]
        self.assertGreaterEqual(len(confirmed), 1)
        for row in confirmed:
            self.assertEqual(Decimal(row['volume']),
                             minutes['bybit:perp:BTCUSDT'][row['start']].volume)

    def test_the_same_seed_and_epoch_make_the_same_trades(self):
        epoch = (int(time.time()) // 60 - 5) * MINUTE
        made = []
        for name in ('one', 'two'):
            with VenueServer(os.path.join(self.temp, name), '--symbols', 'BTC', '--seed', '7',
                             '--epoch-ms', str(epoch)) as venue:
                made.append((venue.trades(), venue.get(
                    'bybit_spot', '/v5/market/kline?category=spot&symbol=BTCUSDT&interval=15'
                    f'&end={epoch - 1}')[2]['result']['list'][1:]))
        first, second = ([t for t in trades if t['t_ms'] < epoch + 4 * MINUTE]
                         for trades, _ in made)
        self.assertGreater(len(first), 100)
        self.assertEqual(first, second)
        self.assertEqual(made[0][1], made[1][1])

    def test_a_scenario_plays_and_the_server_ends_with_its_starter(self):
        venue = VenueServer(self.temp, '--symbols', 'BTC',
                            scenario=[(0.1, {'fault': 'unplug', 'venue': 'bybit_spot',
                                             'seconds': 30})]).start()
        deadline = time.monotonic() + 5
        while venue.state('bybit_spot')['listening']:
            self.assertLess(time.monotonic(), deadline)
        child = venue.child
        child.stdin.close()
        self.assertEqual(child.wait(10), 0)
        child.stdout.close()
        self.assertEqual(venue.read_log(), '')

    @unittest.skipUnless(os.path.isdir(RECORDINGS), 'no recordings')
    def test_a_recording_is_replayed_whole_and_adds_up_to_its_minutes(self):
        name = os.path.join(RECORDINGS, 'usdm_ethusdt_20240808')
        with VenueServer(self.temp, '--symbols', 'ETH', '--recording', name + '.gz', '--times',
                         'original', '--speed', '150', '--hold') as venue:
            stream = venue.stream('binance_perp', '/market/stream?streams=ethusdt@aggTrade')
            venue.go()
            frames = []
            while len(frames) < 14_076:
                frames.append(stream.read()['data'])
            stream.close()
            self.assertEqual([f['a'] for f in frames], list(range(4308068523, 4308068523 + 14_076)))
            minutes = venue.minutes()
        self.assertEqual(minutes['bybit:perp:ETHUSDT'].keys(),
                         minutes['binance:perp:ETHUSDT'].keys())
        with open(name + '.minutes.csv', encoding='utf-8') as lines:
            head = next(lines).strip().split(',')
            for line in lines:
                row = dict(zip(head, line.strip().split(',')))
                minute = minutes['binance:perp:ETHUSDT'][int(row['minute_ms'])]
                self.assertEqual((minute.buy, minute.sell, minute.buy_quote, minute.n_sell),
                                 (Decimal(row['taker_buy']), Decimal(row['taker_sell']),
                                  Decimal(row['taker_buy_quote']), int(row['n_sell'])))


CLASSES = (BinanceDocuments, BybitDocuments, Limits, DeliveryFaults, OtherFaults, Runs)

if __name__ == '__main__':
    harness.side_by_side(__file__, CLASSES, needs_redis=False)
