/* Whose calls they are, and which keys they mean: Python. */
#include "unit/code_stage.h"

static int wrong;

static void check_calls(const char *text, int64_t calls)
{
	struct code_stage stage;
	stage_open(&stage);
	stage_file(&stage, "bot.py", text);
	stage_settle(&stage);
	if (stage_all_calls(&stage) != calls) {
		print_error("%lld calls and not %lld in\n%s", (long long)stage_all_calls(&stage),
			    (long long)calls, text);
		wrong++;
	}
	stage_close(&stage);
}

/* Each table is gone through to its end. */
static void all_right(void)
{
	int n = wrong;
	wrong = 0;
	assert_int_equal(n, 0);
}

static void a_client_is_known_by_its_import_and_construction(void **state)
{
	(void)state;
	check_calls("import redis as rd\nx = rd.Redis()\nx.get('a')\n", 1);
	check_calls("from redis import Redis as R\nx = R(host=h)\nx.get('a')\n", 1);
	check_calls(
	    "from redis import (\n    StrictRedis as S,\n    Redis,\n)\nx = S()\nx.get('a')\n", 1);
	check_calls(
	    "import redis.asyncio as aioredis\nx = aioredis.from_url(u)\nawait x.get('a')\n", 1);
	check_calls("from redis import asyncio as q\nx = q.Redis()\nawait x.get('a')\n", 1);
	check_calls("import aioredis\nx = await aioredis.create_redis_pool(u)\nawait x.get('a')\n",
		    1);
	check_calls("from rediscluster import RedisCluster\nx = RedisCluster()\nx.get('a')\n", 1);
	check_calls("from redis.sentinel import Sentinel\ns = Sentinel([])\nx = "
		    "s.master_for('m')\nx.get('a')\n",
		    1);
	check_calls("import redis\nx = redis.Redis.from_url(u)\nx.get('a')\n", 1);
	check_calls("import redis\nredis.Redis(host=h).get('a')\n", 1);
	check_calls("import redis\nwith redis.Redis() as x:\n    x.get('a')\n", 1);
	check_calls("import redis\nx = old or redis.Redis()\nx.get('a')\n", 1);
	check_calls("import redis\nx = redis.Redis() if a else None\nx.get('a')\n", 1);
	check_calls("# redis\nx = get_redis_client()\nx.get('a')\n", 1);
	all_right();
}

static void a_client_is_followed_through_assignments_and_parameters(void **state)
{
	(void)state;
	check_calls(
	    "import redis\nclass A:\n    def __init__(self):\n        self.kv = redis.Redis()\n"
	    "    def f(self):\n        r = self.kv\n        r.get('a')\n        self.kv.set('a', "
	    "1)\n",
	    2);
	check_calls(
	    "import redis\nclass A:\n    def __init__(self, thing):\n        self.kv = thing\n"
	    "    def f(self):\n        self.kv.get('a')\nA(redis.Redis())\nA(x)\ny = "
	    "redis.Redis()\nA(y)\n",
	    1);
	check_calls("# redis\ndef f(redis_client):\n    redis_client.get('a')\n", 1);
	check_calls(
	    "# redis\ndef f(rds, cache_client):\n    rds.get('a')\n    cache_client.get('a')\n", 2);
	check_calls("import redis\ndef f(kv):\n    return kv.get('a')\nx = redis.Redis()\nf(x)\n",
		    1);
	check_calls(
	    "import redis\ndef f(kv):\n    return kv.get('a')\nx = redis.Redis()\nf(kv=x)\n", 1);
	check_calls("import redis\ndef f(kv):\n    return kv.get('a')\nx = {}\nf(x)\n", 0);
	check_calls("import redis\ndef f(kv: redis.Redis):\n    return kv.get('a')\n", 1);
	check_calls("import redis\ndef f(redis_client: dict):\n    return redis_client.get('a')\n",
		    0);
	check_calls("import redis\ndef f(x):\n    x.get('a')\n    x.hgetall('b')\n", 2);
	check_calls("import redis\nkv = None\ndef init():\n    global kv\n    kv = redis.Redis()\n"
		    "def f():\n    return kv.get('a')\n",
		    1);
	check_calls("import redis\ndef make():\n    return redis.Redis()\nx = make()\nx.get('a')\n",
		    1);
	check_calls("# redis\nbot.redis.get('a')\nself.redis_conn.get('b')\n", 2);
	all_right();
}

static void names_that_are_something_else_are_no_clients(void **state)
{
	(void)state;
	check_calls(
	    "import redis\nr = redis.Redis()\ndef f():\n    r = {}\n    r.get('a')\nr.get('b')\n",
	    1);
	check_calls("import redis\nr = redis.Redis()\ndef f(rows):\n    for r in rows:\n        "
		    "r.get('a')\n",
		    0);
	check_calls("import redis\nr = redis.Redis()\nx = [r.get('a') for r in rows]\n", 0);
	check_calls("import redis\nr = redis.Redis()\nx = sorted(rows, key=lambda r: r.get('a'))\n",
		    0);
	check_calls("import redis\nr = redis.Redis()\nx = f(lambda a, r: r.get('a'), r.get('b'))\n",
		    1);
	check_calls("import redis\ndef f():\n    r = requests.get(u)\n    r.get('a')\n    r = "
		    "json.loads(t)\n    r.get('b')\n",
		    0);
	check_calls("import redis\ndef f():\n    r = dict()\n    r.get('a')\n    with open(p) as "
		    "r:\n        r.get('a')\n",
		    0);
	check_calls(
	    "import redis, "
	    "os\nos.environ.get('REDIS_HOST')\nconfig.get('redis')\nredis_config.get('a')\n",
	    0);
	check_calls("x = {}\nx.get('a')\nrequests.get(u)\n", 0);
	check_calls("import redis\nr = redis.Redis()\nv = r.hgetall('a').get('f')\n", 1);
	all_right();
}

static void comments_and_texts_are_no_calls_but_code_in_texts_is(void **state)
{
	(void)state;
	check_calls("import redis\nr = redis.Redis()\n# r.get('a')\nx = "
		    "\"r.get('b')\"\n'''\nr.get('c')\n'''\n",
		    0);
	check_calls("import redis\nr = redis.Redis()\nprint(f\"{r.get('a')} {{r.get('b')}}\")\n",
		    1);
	check_calls("import redis\nr = redis.Redis()\nx = rb'r.get(1)'; r.get('a') # r.get('b')\n",
		    1);
	check_calls("import redis\nr = redis.Redis()\nx = 'it\\'s r.get(1)'\nr.get('a')\n", 1);
	all_right();
}

static void files_that_do_not_parse_are_read_on(void **state)
{
	(void)state;
	check_calls("import redis\nr = redis.Redis()\n<<<<<<< "
		    "HEAD\nr.get('a')\n=======\nr.get('b')\n>>>>>>> x\n",
		    2);
	check_calls("import redis\nr = redis.Redis()\nprint \"x\", r.get('a')\nr.get('b')\n", 2);
	check_calls("import redis\nr = redis.Redis()\nr.set('a', "
		    "json.dumps(x)\nr.get('b')\nreturn\nr.get('c')\n",
		    3);
	check_calls("import redis\nr = redis.Redis()\ndef f(a\ndef g():\n    r.get('a')\n", 1);
	check_calls("import redis\nr = redis.Redis()\nx = 'open\nr.get('a')\n", 1);
	check_calls("import redis\nr = redis.Redis()\n)))}]\nr.get('a')\n", 1);
	check_calls("\xef\xbb\xbfimport redis\r\nr = redis.Redis()\r\nif a:\r\n\tr.get('a')\r\n",
		    1);
	check_calls("import redis\nr = redis.Redis()\nx = '\xff\xfe'\nr.get('a\xff')\n", 1);
	all_right();
}

struct key_case {
	const char *text, *pattern;
};

static void keys_are_patterns_of_the_code_s_own_names(void **state)
{
	(void)state;
	static const struct key_case cases[] = {
		{ "r.get('plain')", "plain" },
		{ "r.get(f'{symbol}_{tf}')", "{symbol}_{tf}" },
		{ "r.get(f\"k:{symbol.upper()}:{self.tf}\")", "k:{symbol}:{tf}" },
		{ "r.get(f'k:{trade[\"id\"]}')", "k:{id}" },
		{ "r.get('k:%s:%d' % (sym, n))", "k:{sym}:{n}" },
		{ "r.get('k:%s' % sym)", "k:{sym}" },
		{ "r.get('k:{}:{}'.format(sym, tf))", "k:{sym}:{tf}" },
		{ "r.get('k:{symbol}'.format(symbol=s))", "k:{symbol}" },
		{ "r.get('k:' + sym + '_' + str(tf))", "k:{sym}_{tf}" },
		{ "r.get(':'.join(['k', sym, tf]))", "k:{sym}:{tf}" },
		{ "r.get(\n    f'k:'\n    f'{sym}'\n)", "k:{sym}" },
		{ "r.get(name=f'k:{sym}')", "k:{sym}" },
		{ "key = f'k:{sym}'\nr.get(key)", "k:{sym}" },
		{ "r.get(key)", "{key}" },
		{ "r.get(f(x))", "{?}" },
		{ "PREFIX = 'bot'\nr.get(f'{PREFIX}:{s}')", "bot:{s}" },
		{ "r.get(KEYS.LAST)\nclass KEYS:\n    LAST = 'last_scan'", "last_scan" },
		{ "r.get(KEYS.SYM.format(symbol=s))\nclass KEYS:\n    SYM = 'sym:{symbol}'",
		  "sym:{symbol}" },
		{ "def key_of(symbol, tf):\n    return f'i:{symbol}:{tf}'\nr.get(key_of(s, t))",
		  "i:{symbol}:{tf}" },
		{ "def key_of(symbol, tf):\n    return f'i:{symbol}:{tf}'\nr.get(key_of(s, '1h'))",
		  "i:{symbol}:1h" },
		{ "KEYS = {'last': 'last_scan'}\nr.get(KEYS['last'])", "last_scan" },
		{ "r.keys('temp:*')", "temp:*" },
		{ "r.mget(['a1', f'b:{x}'])", "b:{x}" },
		{ "r.xreadgroup('g', 'c', {'events': '>'})", "events" },
		{ "r.blpop('jobs', timeout=5)", "jobs" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct code_stage stage;
		stage_python(&stage, cases[i].text);
		if (!stage_key(&stage, cases[i].pattern)) {
			const struct code_summary *summary = code_summary(stage.code);
			print_error("\"%s\" and not \"%s\" in\n%s\n",
				    summary->n_keys ? summary->keys[0].pattern : "nothing",
				    cases[i].pattern, cases[i].text);
			wrong++;
		}
		stage_close(&stage);
	}
	all_right();
}

static void writers_and_readers_of_one_family_are_joined_over_files(void **state)
{
	(void)state;
	struct code_stage stage;
	stage_open(&stage);
	stage_file(&stage, "z/read.py",
		   "from core.db import kv\nfrom core.keys import RedisKeys\n\n"
		   "x = kv.get(f\"ind:{s}:{timeframe}\")\ny = kv.hgetall(RedisKeys.row(a))\n");
	stage_file(&stage, "core/keys.py",
		   "class RedisKeys:\n    @staticmethod\n    def row(symbol):\n"
		   "        return f'row:{symbol}'\n");
	stage_file(&stage, "core/db.py",
		   "import redis\nkv = redis.Redis(connection_pool=p)\n"
		   "kv.set(f\"ind:{symbol}:{tf}\", 1, ex=5)\n");
	stage_settle(&stage);
	const struct code_key *key = stage_key(&stage, "ind:{symbol}:{tf}");
	assert_non_null(key);
	assert_int_equal(key->n_writers, 1);
	assert_int_equal(key->n_readers, 1);
	assert_string_equal(key->writers[0], "core/db.py:3");
	assert_string_equal(key->readers[0], "z/read.py:4");
	assert_true(key->expires);
	assert_int_equal(key->types, 1u << AUDIT_STRING);
	assert_non_null(stage_key(&stage, "row:{symbol}"));
	/* RedisKeys mentions redis. */
	assert_int_equal(code_summary(stage.code)->files, 3);
	assert_int_equal(code_summary(stage.code)->files_read, 3);
	assert_int_equal(code_summary(stage.code)->constructors, 1);
	stage_close(&stage);
}

static void calls_are_counted_as_they_are_written(void **state)
{
	(void)state;
	struct code_stage stage;
	stage_python(
	    &stage,
	    "r.get('a')\nr.delete('a', 'b')\nr.mget(['a', 'b'])\np = r.pipeline()\np.get('a')\n"
	    "p.execute()\n");
	assert_int_equal(stage_calls(&stage, "get"), 2);
	assert_int_equal(stage_calls(&stage, "delete"), 1);
	assert_int_equal(stage_calls(&stage, "mget"), 1);
	assert_int_equal(stage_all_calls(&stage), 4);
	stage_close(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_is_known_by_its_import_and_construction),
		cmocka_unit_test(a_client_is_followed_through_assignments_and_parameters),
		cmocka_unit_test(names_that_are_something_else_are_no_clients),
		cmocka_unit_test(comments_and_texts_are_no_calls_but_code_in_texts_is),
		cmocka_unit_test(files_that_do_not_parse_are_read_on),
		cmocka_unit_test(keys_are_patterns_of_the_code_s_own_names),
		cmocka_unit_test(writers_and_readers_of_one_family_are_joined_over_files),
		cmocka_unit_test(calls_are_counted_as_they_are_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
