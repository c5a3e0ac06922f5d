"""The HTTP interface as openapi.json describes it: real answers of each route have the fields
that it says and no others; problems are problems; lists go on behind their cursor; the
dashboard's files; the rate of an address."""
import gzip
import http.client
import json
import urllib.parse

import harness
import servers


class Schemas:
    """What openapi.json says, and whether a value is so."""

    def __init__(self, document):
        self.document = document

    def resolve(self, schema):
        while '$ref' in schema:
            node = self.document
            for part in schema['$ref'].split('/')[1:]:
                node = node[part]
            schema = node
        return schema

    def faults(self, value, schema, where='$'):
        schema = self.resolve(schema)
        if value is None:
            return [] if schema.get('nullable') else [f'{where} is null']
        for part in schema.get('allOf', ()):
            found = self.faults(value, part, where)
            if found:
                return found
        if 'oneOf' in schema:
            tried = [self.faults(value, one, where) for one in schema['oneOf']]
            return [] if sum(not found for found in tried) == 1 else min(tried, key=len) or [
                f'{where} is several of them']
        return self.typed(value, schema, where)

    def typed(self, value, schema, where):
        kinds = {'object': dict, 'array': list, 'string': str, 'integer': int, 'boolean': bool,
                 'number': (int, float)}
        kind = schema.get('type')
        if not kind:
            return []
        if not isinstance(value, kinds[kind]) or (kind != 'boolean' and isinstance(value, bool)):
            return [f'{where} is no {kind}: {str(value)[:60]}']
        if kind == 'array':
            return [fault for i, item in enumerate(value)
                    for fault in self.faults(item, schema['items'], f'{where}[{i}]')]
        if kind == 'object':
            return self.members(value, schema, where)
        if schema.get('format') == 'decimal':
            float(value)
        return []

    def members(self, value, schema, where):
        known, more = schema.get('properties', {}), schema.get('additionalProperties', True)
        found = [f'{where}.{name} is missing' for name in schema.get('required', ())
                 if name not in value]
        for name, item in value.items():
            if name in known:
                found += self.faults(item, known[name], f'{where}.{name}')
            elif more is False:
                found.append(f'{where}.{name} is not in the schema')
            elif more is not True:
                found += self.faults(item, more, f'{where}.{name}')
        return found


class Api(harness.WeirTest):
    settings = ('[market]\nfeed = sim\nsymbols = BTC,ETH\n[fleet]\ndemo = 5\n')

    def call(self, path, method='GET', body=None, headers=None):
        """status, headers, bytes."""
        conn = http.client.HTTPConnection('127.0.0.1', self.port('serve'), timeout=30)
        self.addCleanup(conn.close)
        conn.request(method, path, body, headers or {})
        answer = conn.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()

    def get_json(self, path, status=200):
        got, headers, body = self.call(path)
        self.assertEqual(got, status, f'{path}: {body[:300]}')
        return json.loads(body), headers

    def test_answers_are_as_described(self):
        self.start('--demo')
        self.schemas = Schemas(self.get_json('/api/v1/openapi.json')[0])
        self.document_is_whole()
        self.wait_for('results', lambda: self.get_json('/api/v1/results')[0]['results'])
        self.wait_for('a market', lambda: self.get_json('/api/v1/markets')[0]['markets'])
        self.a_wrong_answer_is_found()
        self.every_route_answers_so()
        self.problems_are_problems()
        self.pages_follow_each_other()
        self.files_of_the_dashboard()
        self.stop()

    def document_is_whole(self):
        document = self.schemas.document
        self.assertEqual(document['openapi'], '3.0.3')
        names = []

        def walk(node):
            if isinstance(node, dict):
                if '$ref' in node:
                    self.schemas.resolve(node)
                    self.assertEqual(list(node), ['$ref'])  # nothing may stand beside it
                for child in node.values():
                    walk(child)
            elif isinstance(node, list):
                for child in node:
                    walk(child)
        walk(document)
        for path, operations in document['paths'].items():
            for method, operation in operations.items():
                names.append(operation['operationId'])
                self.assertTrue(any(code[0] in '12' for code in operation['responses']),
                                f'{method} {path} has no good answer')
                for parameter in operation['parameters']:
                    self.assertIn('type', parameter['schema'])
                    self.assertEqual(parameter['in'] == 'path',
                                     '{' + parameter['name'] + '}' in path)
        self.assertEqual(len(names), len(set(names)))

    def a_wrong_answer_is_found(self):
        now = self.wait_for('the ledger is counted', self.counted_now)
        schema = {'$ref': '#/components/schemas/now'}
        self.assertEqual(self.schemas.faults(now, schema), [])
        self.assertTrue(now['ledger']['balanced'])
        self.assertEqual([part['part'] for part in now['parts']],
                         ['segments', 'feeds', 'fleet', 'archive', 'sinks', 'telegram', 'alerts'])
        part = now['parts'][0]
        for wrong in ({**now, 'more': 1}, {k: v for k, v in now.items() if k != 'light'},
                      {**now, 'uptime_s': '7'}, {**now, 'version': None},
                      {**now, 'parts': [{**part, 'light': 1}]}, {**now, 'parts': part},
                      {**now, 'ledger': {**now['ledger'], 'results': {}}}):
            self.assertTrue(self.schemas.faults(wrong, schema), wrong)

    def counted_now(self):
        now = self.get_json('/api/v1/now')[0]
        return now if now['ledger'] else None

    def samples(self):
        market = self.get_json('/api/v1/markets')[0]['markets'][0]['market']
        terminal = self.get_json('/api/v1/fleet')[0]['instances'][0]['id']
        asked = urllib.parse.quote_plus('/cvd BTC 5m')
        self.call('/api/v1/sessions/ann', 'PUT', '{"sid":"x1","ip":"10.1.1.1"}',
                  {'Content-Type': 'application/json'})
        self.call('/api/v1/preferences/ann', 'PUT', '{"theme":"dark"}',
                  {'Content-Type': 'application/json'})
        return {
            '/api/v1/ask': [f'?q={asked}', '?q=/alerts', '?q=/fleet', '?q=/memory', '?q=/help'],
            '/api/v1/bars': [f'?market={market}&tf=1m&n=5', f'?market={market}&tf=4h',
                             f'?market={market}&tf=1m&n=3&to=1'],
            '/api/v1/fleet/{id}': [terminal], '/api/v1/fleet/{id}/timeline': [terminal],
            '/api/v1/results': ['?limit=1', '?limit=1000'],
            '/api/v1/archive/query': ['?q=SELECT+1+AS+one'],
            '/api/v1/sessions/{user}': ['ann'], '/api/v1/preferences/{user}': ['ann'],
        }

    def every_route_answers_so(self):
        samples, seen = self.samples(), 0
        for path, operations in self.schemas.document['paths'].items():
            content = operations.get('get', {}).get('responses', {}).get('200', {}).get('content', {})
            schema = content.get('application/json', {}).get('schema')
            if not schema:
                continue
            for sample in samples.get(path, ['']):
                where = path.replace('{id}', sample).replace('{user}', sample) \
                    if '{' in path else path + sample
                answer, headers = self.get_json(where)
                self.assertEqual(headers['content-type'], 'application/json', where)
                self.assertEqual(self.schemas.faults(answer, schema), [], where)
                seen += 1
        self.assertGreater(seen, 18)

    def problems_are_problems(self):
        schema = {'$ref': '#/components/schemas/problem'}
        for path, status in (('/nothing', 404), ('/api/v1/fleet/nobody', 404),
                             ('/api/v1/ask', 400), ('/api/v1/bars?market=x&tf=1m', 400),
                             ('/api/v1/bars?market=bybit:spot:NONEUSDT&tf=1m', 404),
                             ('/api/v1/results?limit=0', 400), ('/api/v1/results?cursor=x', 400),
                             ('/api/v1/results?x=1', 400), ('/api/v1/ws', 426),
                             ('/api/v1/archive/query?q=DROP+TABLE+x', 400),
                             ('/api/v1/fleet/nobody/timeline', 404)):
            answer, headers = self.get_json(path, status)
            self.assertEqual(headers['content-type'], 'application/problem+json', path)
            self.assertEqual(self.schemas.faults(answer, schema), [], path)
            self.assertEqual(answer['status'], status)
        # What the server itself refuses.
        status, headers, body = self.call('/x' * 5000)
        self.assertEqual(status, 414)
        self.assertEqual(self.schemas.faults(json.loads(body), schema), [])

    def pages_follow_each_other(self):
        whole = self.wait_for('a few results', self.some_results)
        seen, cursor = [], ''
        for _ in range(100):
            page = self.get_json(f'/api/v1/results?limit=2{cursor}')[0]
            self.assertLessEqual(len(page['results']), 2)
            seen += [row['result_id'] for row in page['results']]
            if not page['next']:
                break
            cursor = '&cursor=' + urllib.parse.quote(page['next'])
        self.assertEqual(len(seen), len(set(seen)))
        self.assertTrue(set(whole) <= set(seen), (whole, seen))

    def some_results(self):
        page = self.get_json('/api/v1/results?limit=1000')[0]
        self.assertIsNone(page['next'])
        return len(page['results']) >= 3 and [row['result_id'] for row in page['results']]

    def files_of_the_dashboard(self):
        status, headers, body = self.call('/')
        if status == 404:  # a build without pages
            return
        self.assertEqual((status, headers['content-type']), (200, 'text/html; charset=utf-8'))
        self.assertIn("default-src 'self'", headers['content-security-policy'])
        self.assertEqual(headers['cache-control'], 'no-cache')
        tag = headers['etag']
        status, headers, packed = self.call('/', headers={'Accept-Encoding': 'gzip'})
        if headers.get('content-encoding') == 'gzip':
            self.assertEqual(gzip.decompress(packed), body)
        status, headers, rest = self.call('/', headers={'If-None-Match': tag})
        self.assertEqual((status, rest, headers['etag']), (304, b'', tag))
        self.assertNotIn('content-length', headers)
        status, headers, rest = self.call('/', 'HEAD')
        self.assertEqual((status, rest, int(headers['content-length'])), (200, b'', len(body)))
        self.assertEqual(self.call('/', 'POST', 'x')[0], 405)


class Rate(harness.WeirTest):
    settings = '[market]\nfeed = off\n[archive]\nduckdb =\n[serve]\nrate = 2\n'

    def test_an_address_may_so_many_requests_a_second(self):
        self.start()
        ends = [servers.http_call(self.port('serve'), 'GET', '/healthz') for _ in range(40)]
        self.assertEqual([status for status, _ in ends[:4]], [200] * 4)
        self.assertIn(429, [status for status, _ in ends])
        refused = next(json.loads(text) for status, text in ends if status == 429)
        self.assertIn('serve.rate', refused['detail'])
        self.wait_for('one to come back',
                      lambda: servers.http_call(self.port('serve'), 'GET', '/healthz')[0] == 200)
        self.stop()


if __name__ == '__main__':
    harness.side_by_side(__file__, [Api, Rate])
