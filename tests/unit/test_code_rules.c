/* Each rule of source code: what it fires on, and what only looks like it. */
#include "unit/code_stage.h"

struct one {
	const char *rule, *text, *lines;
};

static void check(const struct one *cases, size_t n)
{
	int wrong = 0;
	for (size_t i = 0; i < n; i++) {
		struct code_stage stage;
		stage_python(&stage, cases[i].text);
		const char *lines = stage_lines(&stage, cases[i].rule);
		if (strcmp(lines, cases[i].lines) != 0) {
			print_error("%s: \"%s\" and not \"%s\" for\n%s", cases[i].rule, lines,
				    cases[i].lines, cases[i].text);
			wrong++;
		}
		stage_close(&stage);
	}
	assert_int_equal(wrong, 0);
}
#define CHECK_ALL(cases) check(cases, sizeof cases / sizeof cases[0])

static void round_trips_are_calls_in_loops_rows_of_calls_and_keys(void **state)
{
	(void)state;
	static const struct one cases[] = {
		{ "round-trips",
		  "for s in symbols:\n    r.get(f\"{s}_1h\")\n    r.set(f\"{s}_x\", 1)\n", "3 4" },
		{ "round-trips", "i = 0\nwhile i < len(keys):\n    r.get(keys[i])\n", "4" },
		{ "round-trips", "x = [r.get(k) for k in keys]\n", "2" },
		{ "round-trips", "x = {k: r.hgetall(k) for k in keys}\n", "2" },
		{ "round-trips", "for s in symbols: r.get(s)\n", "2" },
		{ "round-trips", "r.sadd('T', a)\nr.sadd('T', b)\nr.sadd('T', c)\n", "2 3 4" },
		{ "round-trips", "r.rpush('T', a)\nr.rpush('T', b)\n", "2 3" },
		{ "round-trips", "a = r.get('a1')\nb = r.get('b1')\nc = r.get('c1')\n", "2 3 4" },
		{ "round-trips", "r.keys('x:*')\n", "2" },
		{ "round-trips", "for k in r.keys('x:*'):\n    print(k)\n", "2" },
		{ "round-trips",
		  "for t in trades:\n    while True:\n        r.lrem('a', 1, t)\n        break\n",
		  "4" },
		/* decoys */
		{ "round-trips", "p = r.pipeline()\nfor s in symbols:\n    p.get(s)\np.execute()\n",
		  "" },
		{ "round-trips",
		  "with r.pipeline() as q:\n    for s in symbols:\n        q.set(s, 1)\n", "" },
		{ "round-trips", "while True:\n    r.set('beat', 1)\n    time.sleep(5)\n", "" },
		{ "round-trips",
		  "while time.time() < end:\n    if r.get('done'):\n        break\n    sleep(1)\n",
		  "" },
		{ "round-trips", "for k in r.scan_iter('x:*'):\n    print(k)\n", "" },
		{ "round-trips", "for x in r.lrange('a', 0, -1):\n    print(x)\n", "" },
		{ "round-trips", "for m in pubsub.listen():\n    r.set('m', m)\n", "" },
		{ "round-trips", "for attempt in range(3):\n    r.set('m', 1)\n", "" },
		{ "round-trips", "for s in x:\n    def f():\n        r.get('a')\n", "" },
		{ "round-trips", "for s in x:\n    pass\nr.get('a')\n", "" },
		{ "round-trips", "r.sadd('T', *many)\nr.sadd('T', *more)\n", "" },
		{ "round-trips", "r.sadd('T', a)\nr.sadd('U', a)\n", "" },
		{ "round-trips", "a = r.get('a1')\nb = r.get('b1')\n", "" },
		{ "round-trips", "d = {}\nfor k in d.keys():\n    d.get(k)\n", "" },
		{ "round-trips", "await asyncio.gather(*[r.get(k) for k in keys])\n", "" },
	};
	CHECK_ALL(cases);
}

static void atomicity_is_the_second_call(void **state)
{
	(void)state;
	static const struct one cases[] = {
		{ "atomicity", "n = r.get('c')\nn = int(n) + 1\nr.set('c', n)\n", "4" },
		{ "atomicity", "r.set('c', int(r.get('c') or 0) + 1)\n", "2" },
		{ "atomicity",
		  "d = json.loads(r.get(f'x:{s}'))\nd['a'] = 1\nr.set(f'x:{s}', json.dumps(d))\n",
		  "4" },
		{ "atomicity", "n = r.get('c')\nif n is None:\n    n = 0\nr.set('c', int(n) + 1)\n",
		  "5" },
		{ "atomicity", "r.delete('l')\nfor t in ts:\n    r.rpush('l', t)\n", "4" },
		{ "atomicity", "n = r.incr('c')\nif n == 1:\n    r.expire('c', 60)\n", "4" },
		{ "atomicity", "r.set('c', 1)\nr.expire('c', 60)\n", "3" },
		{ "atomicity", "r.setex('processing_lock', 60, 'true')\n", "2" },
		{ "atomicity", "if not r.exists('lock:a'):\n    r.set('lock:a', 1, ex=5)\n", "3" },
		/* decoys */
		{ "atomicity", "v = r.get('c')\nif v:\n    return v\nv = load()\nr.set('c', v)\n",
		  "" },
		{ "atomicity", "v = r.get('c')\nif v is None:\n    v = load()\n    r.set('c', v)\n",
		  "" },
		{ "atomicity", "v = r.get('a')\nr.set('b', v)\n", "" },
		{ "atomicity", "r.set('lock:a', 1, nx=True, ex=5)\n", "" },
		{ "atomicity", "r.setnx('lock:a', 1)\n", "" },
		{ "atomicity", "p = r.pipeline()\np.incr('c')\np.expire('c', 60)\n", "" },
		{ "atomicity", "r.set('c', 1, ex=60)\nr.expire('d', 60)\n", "" },
		{ "atomicity", "r.hset('c', 'a', 1)\nr.expire('c', 60)\n", "" },
		{ "atomicity", "def a():\n    r.set('c', 1)\ndef b():\n    r.expire('c', 60)\n",
		  "" },
		{ "atomicity", "r.set('blocks', 1)\nr.set('clock', 1)\n", "" },
	};
	CHECK_ALL(cases);
}

static void connections_are_constructions_and_silent_handlers(void **state)
{
	(void)state;
	static const struct one cases[] = {
		{ "connection",
		  "q = redis.Redis(host='localhost', port=6379, decode_responses=True)\n", "2" },
		{ "connection", "q = redis.Redis(\n    host=HOST,\n    port=1)\n", "2" },
		{ "connection", "q = redis.StrictRedis()\n", "2" },
		{ "connection", "q = redis.from_url(URL)\n", "2" },
		{ "connection", "q = redis.ConnectionPool(host=H)\n", "2" },
		{ "connection", "q = redis.ConnectionPool(host='10.0.0.1', socket_timeout=1)\n",
		  "2" },
		{ "connection", "try:\n    r.get('k')\nexcept Exception:\n    pass\n", "4" },
		{ "connection", "try:\n    r.get('k')\nexcept: pass\n", "4" },
		{ "connection",
		  "try:\n    if a:\n        r.get('k')\nexcept redis.ConnectionError as e:\n    "
		  "return None\n",
		  "5" },
		{ "connection", "a = redis.Redis(connection_pool=p, decode_responses=True)\n",
		  "2" },
		/* decoys */
		{ "connection",
		  "q = redis.ConnectionPool(host=os.getenv('H', 'localhost'), socket_timeout=1)\n",
		  "" },
		{ "connection", "q = redis.Redis(connection_pool=other)\n", "" },
		{ "connection", "class Redis(Base):\n    pass\n", "" },
		{ "connection", "try:\n    r.get('k')\nexcept Exception as e:\n    log.error(e)\n",
		  "" },
		{ "connection", "try:\n    r.get('k')\nexcept ValueError:\n    pass\n", "" },
		{ "connection", "try:\n    x = {}\n    x.get('k')\nexcept Exception:\n    pass\n",
		  "" },
		{ "connection", "try:\n    r.get('k')\nfinally:\n    pass\n", "" },
	};
	CHECK_ALL(cases);
}

static void what_is_popped_needs_a_second_list(void **state)
{
	(void)state;
	static const struct one cases[] = {
		{ "queue-loss", "r.lpush('q', 1)\nx = r.rpop('q')\n", "3" },
		{ "queue-loss", "while True:\n    x = r.blpop('q', timeout=5)\n", "3" },
		{ "queue-loss", "x = r.blpop(['q', 'p'], 0)\n", "2" },
		{ "queue-loss", "x = r.lmove('q', 'q:busy', 'LEFT', 'RIGHT')\nr.lpop('q:busy')\n",
		  "" },
		{ "queue-loss", "x = rows.pop()\nd.pop('a', None)\n", "" },
	};
	CHECK_ALL(cases);
}

static void types_times_and_sides_are_seen_over_the_tree(void **state)
{
	(void)state;
	static const struct one cases[] = {
		{ "collision", "r.hset('x1', 'a', 1)\nr.hget('x1', 'a')\nr.sadd('x1', 1)\n", "4" },
		{ "collision", "r.hset('x1', 'a', 1)\nr.expire('x1', 5)\nr.delete('x1')\n", "" },
		{ "collision", "r.set(f'{s}_{t}', 1)\nr.hset(f'{a}_{b}', 'c', 1)\n", "" },
		{ "no-ttl", "r.set('last_scan_vol', t)\n", "2" },
		{ "no-ttl", "r.set('btc_condition', t)\n", "2" },
		{ "no-ttl", "r.hset(f'session:{u}', mapping=x)\n", "2" },
		{ "no-ttl", "r.set('last_scan_vol', t, ex=5)\nr.setex('last_x', 5, t)\n", "" },
		{ "no-ttl", "r.hset(f'session:{u}', mapping=x)\nr.expire(f'session:{u}', 60)\n",
		  "" },
		{ "no-ttl",
		  "r.set('lock:a', 1, nx=True)\nr.incr('trade_count')\nr.set('config:a', 1)\n",
		  "" },
		{ "no-ttl", "r.set('funding_rate:BTC', 1)\n", "" },
		{ "dead", "r.set('alone', 1)\n", "2" },
		{ "dead", "x = r.get('alone')\n", "2" },
		{ "dead", "r.set('a:b', 1)\nx = r.get(f'a:{z}')\n", "" },
		{ "dead", "r.set(f'klines:{s}:1m', 1)\nx = r.get(f'klines:{s}:{tf}')\n", "" },
		{ "dead", "r.set('BTC_1h', 1)\nx = r.get(f'{s}_{tf}')\n", "" },
		{ "dead", "r.set('alone', 1)\nshow('alone')\n", "" },
		{ "dead", "n = r.incr('alone')\n", "" },
		{ "dead", "r.set(key, 1)\n", "" },
		{ "cache", "x = r.get('cache:a')\n", "2" },
		{ "cache", "r.setex('cache:a', 5, 1)\nx = r.get('cache:a')\n", "" },
	};
	CHECK_ALL(cases);
}

struct seen {
	int findings;
	struct audit_finding last;
};

static void on_finding(void *ctx, const struct audit_finding *finding)
{
	struct seen *seen = ctx;
	seen->findings++;
	seen->last = *finding;
}

static void a_finding_has_its_count_examples_and_figures(void **state)
{
	(void)state;
	struct code_stage stage;
	struct seen seen = { 0 };
	stage_python(&stage, "for s in x:\n    r.llen(s)\nr.keys('*')\n");
	code_findings(stage.code, on_finding, NULL, &seen);
	assert_int_equal(seen.findings, 1);
	assert_int_equal(seen.last.rule, FINDING_round_trips);
	assert_int_equal(seen.last.count, 2);
	assert_int_equal(seen.last.n_examples, 2);
	assert_string_equal(seen.last.examples[0], "bot.py:3");
	assert_string_equal(seen.last.what, "1 calls in loops, 1 KEYS");
	stage_close(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trips_are_calls_in_loops_rows_of_calls_and_keys),
		cmocka_unit_test(atomicity_is_the_second_call),
		cmocka_unit_test(connections_are_constructions_and_silent_handlers),
		cmocka_unit_test(what_is_popped_needs_a_second_list),
		cmocka_unit_test(types_times_and_sides_are_seen_over_the_tree),
		cmocka_unit_test(a_finding_has_its_count_examples_and_figures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
