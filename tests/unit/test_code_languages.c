/* Clients, calls and keys of JavaScript, TypeScript, Go, C# and PHP; the seed document's own
 * snippets. */
#include "unit/code_stage.h"

static void open_one(struct code_stage *stage, const char *path, const char *text)
{
	stage_open(stage);
	stage_file(stage, path, text);
	stage_settle(stage);
}

#define CHECK_LINES(rule, lines) assert_string_equal(stage_lines(&stage, rule), lines)

static void javascript(void **state)
{
	(void)state;
	struct code_stage stage;
	open_one(&stage, "a.js",
		 "const Redis = require('ioredis');\n"
		 "const redis = new Redis({ host: 'localhost', port: 6379 });\n"
		 "const KEYS = { LAST: 'scan_last', sym: (s) => `sym:${s}` };\n"
		 "async function f(symbols) {\n"
		 "  for (const s of symbols) {\n"
		 "    await redis.set(`price:${s}`, 1, 'EX', 60);\n"
		 "  }\n"
		 "  const pipe = redis.pipeline();\n"
		 "  for (const s of symbols) pipe.get(KEYS.sym(s));\n"
		 "  await redis.pipeline().hset('h1', 'a', 1).hget('h1', 'a').exec();\n"
		 "  try { await redis.get(KEYS.LAST) } catch (e) {}\n"
		 "  const v = await redis.get('n1')\n"
		 "  await redis.set('n1', Number(v) + 1)\n"
		 "  // redis.get('no')\n"
		 "  const m = new Map(); m.get('x'); /redis.get(1)/.test(v);\n"
		 "  redis.lpush('q', 1).catch(() => {});\n"
		 "  const t = `${await redis.rpop('q')}`;\n"
		 "  rows.map(redis => redis.id);\n"
		 "}\n");
	CHECK_LINES("connection", "2 11 16");
	CHECK_LINES("round-trips", "6");
	CHECK_LINES("atomicity", "13");
	CHECK_LINES("queue-loss", "17");
	assert_non_null(stage_key(&stage, "price:{s}"));
	assert_non_null(stage_key(&stage, "sym:{s}"));
	assert_non_null(stage_key(&stage, "scan_last"));
	assert_int_equal(stage_calls(&stage, "hset"), 1);
	assert_int_equal(stage_calls(&stage, "hget"), 1);
	assert_int_equal(stage_calls(&stage, "get"), 3);
	stage_close(&stage);
}

static void typescript(void **state)
{
	(void)state;
	struct code_stage stage;
	open_one(
	    &stage, "a.ts",
	    "import { createClient, RedisClientType } from 'redis';\n"
	    "export class Store {\n"
	    "  private kv: RedisClientType;\n"
	    "  constructor() {\n"
	    "    this.kv = createClient({ url: process.env.URL, socket: { connectTimeout: 5 } });\n"
	    "  }\n"
	    "  async load(symbol: string): Promise<string | null> {\n"
	    "    return this.kv.get(`k:${symbol}`);\n"
	    "  }\n"
	    "  async save(symbol: string, v: string) {\n"
	    "    await this.kv.set(`k:${symbol}`, v, { EX: 60 });\n"
	    "  }\n"
	    "}\n");
	assert_int_equal(stage_calls(&stage, "get"), 1);
	assert_int_equal(stage_calls(&stage, "set"), 1);
	assert_true(stage_key(&stage, "k:{symbol}")->expires);
	assert_int_equal(stage.hits.len, 0);
	stage_close(&stage);
}

static void go(void **state)
{
	(void)state;
	struct code_stage stage;
	open_one(
	    &stage, "a.go",
	    "package store\nimport (\n\t\"context\"\n\trds \"github.com/redis/go-redis/v9\"\n)\n"
	    "type Store struct { kv *rds.Client }\n"
	    "func New() *Store {\n\treturn &Store{kv: rds.NewClient(&rds.Options{Addr: "
	    "\"localhost:6379\"})}\n}\n"
	    "func (s *Store) Load(ctx context.Context, syms []string) error {\n"
	    "\tfor _, sym := range syms {\n"
	    "\t\tv, err := s.kv.Get(ctx, fmt.Sprintf(\"kline:%s:1m\", sym)).Result()\n"
	    "\t}\n"
	    "\tfor {\n\t\titem := s.kv.BLPop(ctx, 0, \"jobs\").Val()\n\t}\n"
	    "\ts.kv.Set(ctx, \"lock:x\", \"1\", time.Minute)\n"
	    "\tpipe := s.kv.TxPipeline()\n"
	    "\tfor _, sym := range syms {\n\t\tpipe.Set(ctx, \"kline:\"+sym+\":1m\", 1, "
	    "time.Hour)\n\t}\n"
	    "\treturn nil\n}\n");
	CHECK_LINES("connection", "8");
	CHECK_LINES("round-trips", "12");
	CHECK_LINES("queue-loss", "15");
	CHECK_LINES("atomicity", "17");
	assert_int_equal(stage_key(&stage, "kline:{sym}:1m")->n_writers, 1);
	assert_true(stage_key(&stage, "kline:{sym}:1m")->expires);
	stage_close(&stage);
}

/* Every package of Go may have a Client: only that of a Redis package is one. */
static void go_clients_of_other_packages(void **state)
{
	(void)state;
	struct code_stage stage;
	open_one(&stage, "a.go",
		 "package store\nimport (\n\t\"net/http\"\n\t\"github.com/redis/go-redis/v9\"\n)\n"
		 "type Store struct {\n\tweb *http.Client\n\trdb *redis.Client\n}\n"
		 "func (s *Store) Load(ctx context.Context) {\n"
		 "\ts.web.Get(\"https://example.com/a\")\n"
		 "\ts.rdb.Get(ctx, \"n1\")\n}\n"
		 "func Fetch(c *http.Client, kv redis.Cmdable) {\n"
		 "\tc.Get(\"https://example.com/b\")\n"
		 "\tkv.Get(ctx, \"n2\")\n}\n");
	assert_int_equal(stage_calls(&stage, "get"), 2);
	assert_non_null(stage_key(&stage, "n1"));
	assert_non_null(stage_key(&stage, "n2"));
	assert_null(stage_key(&stage, "https://example.com/a"));
	assert_null(stage_key(&stage, "https://example.com/b"));
	stage_close(&stage);
}

/* A part of a file of settings may have the name of a client. */
static void settings_are_no_client(void **state)
{
	(void)state;
	struct code_stage stage;
	open_one(&stage, "a.py",
		 "import redis\n"
		 "r = redis.Redis(host=config.redis.get('host'), port=settings.redis.get('port'))\n"
		 "class Store:\n"
		 "    def f(self):\n"
		 "        self.redis = r\n"
		 "        app.redis.get('n1')\n"
		 "        self.config.redis.get('limit')\n");
	assert_int_equal(stage_calls(&stage, "get"), 1);
	assert_non_null(stage_key(&stage, "n1"));
	assert_null(stage_key(&stage, "host"));
	assert_null(stage_key(&stage, "limit"));
	stage_close(&stage);
}

static void csharp(void **state)
{
	(void)state;
	struct code_stage stage;
	open_one(&stage, "A.cs",
		 "using StackExchange.Redis;\npublic class Store {\n"
		 "  private readonly IDatabase _kv;\n"
		 "  const string Prefix = \"px\";\n"
		 "  public Store() {\n"
		 "    var m = ConnectionMultiplexer.Connect(\"localhost:6379\");\n"
		 "    _kv = m.GetDatabase();\n"
		 "  }\n"
		 "  public async Task Run(string[] symbols) {\n"
		 "    foreach (var s in symbols) {\n"
		 "      await _kv.StringSetAsync($\"p:{s}\", 1, TimeSpan.FromMinutes(1));\n"
		 "    }\n"
		 "    var v = await _kv.StringGetAsync($@\"p:{s}\");\n"
		 "    var batch = _kv.CreateBatch();\n"
		 "    foreach (var s in symbols) { batch.HashSetAsync(\"h1\", s, 1); }\n"
		 "    /* _kv.KeyDelete(\"x\") */\n"
		 "    try { _kv.HashGet(\"h1\", \"a\"); } catch (Exception) { }\n"
		 "  }\n"
		 "}\n");
	CHECK_LINES("connection", "6 17");
	CHECK_LINES("round-trips", "11");
	assert_int_equal(stage_calls(&stage, "stringsetasync"), 1);
	assert_int_equal(stage_calls(&stage, "keydelete"), 0);
	assert_int_equal(stage_key(&stage, "p:{s}")->n_readers, 1);
	stage_close(&stage);
}

static void php(void **state)
{
	(void)state;
	struct code_stage stage;
	open_one(&stage, "a.php",
		 "<html>$redis->get('no')</html>\n<?php\nuse Predis\\Client as P;\n"
		 "$redis = new \\Redis();\n"
		 "$redis->connect('127.0.0.1', 6379);\n"
		 "$c = new P(['host' => getenv('H'), 'timeout' => 2]);\n"
		 "class A {\n  const LAST = 'scan_at';\n"
		 "  public function __construct(private Redis $kv) { $this->kv2 = $kv; }\n"
		 "  function f($symbols) {\n"
		 "    foreach ($symbols as $s) {\n"
		 "      $this->kv2->set(\"price:{$s}\", 1, 60);\n"
		 "    }\n"
		 "    return $this->kv2->get(self::LAST);\n"
		 "  }\n}\n"
		 "$c->set(<<<KEY\nscan_at\nKEY, 1);\n"
		 "$r = ['a' => 1];\n# $redis->get('no')\n$x = $redis->get('price:' . "
		 "$s);\n?>\n$redis->get('no')\n");
	CHECK_LINES("connection", "5");
	CHECK_LINES("round-trips", "12");
	assert_int_equal(stage_calls(&stage, "get"), 2);
	assert_int_equal(code_summary(stage.code)->constructors, 2);
	assert_int_equal(stage_key(&stage, "price:{s}")->n_readers, 1);
	assert_non_null(stage_key(&stage, "scan_at"));
	stage_close(&stage);
}

static void the_document_s_own_snippets(void **state)
{
	(void)state;
	struct code_stage stage;
	open_one(
	    &stage, "seed.py",
	    "import redis\n"
	    "r = redis.Redis(host=\"localhost\", port=6379, decode_responses=True)\n"
	    "redis_client = redis.Redis(host='localhost', port=6379, db=0)\n"
	    "try:\n    r.get(\"key\")\nexcept Exception:\n    pass\n"
	    "r.set(f\"{symbol}_{tf}\", json.dumps(indicators))  # Should use Hash\n"
	    "r.sadd(\"FORK_RRR_PASSED\", symbol)\n"
	    "r.rpush(\"FINAL_TRADES\", json.dumps(trade))\n"
	    "r.set(\"last_scan_vol\", timestamp)\n"
	    "r.get(\"BTC_1h_latest_close\")\nr.get(\"BTC_1h_EMA50\")\nr.get(\"BTC_15m_RSI14\")\nr."
	    "get(\"BTC_1h_ADX14\")\n"
	    "for symbol in symbols:\n    r.get(f\"{symbol}_1h\")\n    "
	    "r.set(f\"{symbol}_processed\", \"true\")\n"
	    "r.sadd(\"VOLUME_PASSED_TOKENS\", token1)\nr.sadd(\"VOLUME_PASSED_TOKENS\", token2)\n"
	    "r.sadd(\"VOLUME_PASSED_TOKENS\", token3)\n"
	    "redis.setex(\"processing_lock\", 60, \"true\")\n"
	    "redis.incr(\"api_calls:user123\")\nredis.expire(\"api_calls:user123\", 3600)\n"
	    "keys = redis_client.keys(\"temp:*\")\n"
	    "for key in keys:\n    if redis_client.ttl(key) == -1:\n        "
	    "redis_client.delete(key)\n");
	CHECK_LINES("connection", "2 3 6");
	CHECK_LINES("round-trips", "12 13 14 15 17 18 19 20 21 25 27 28");
	CHECK_LINES("atomicity", "22 24");
	CHECK_LINES("no-ttl", "11 18");
	assert_non_null(stage_key(&stage, "{symbol}_{tf}"));
	assert_int_equal(stage_key(&stage, "{symbol}_{tf}")->types, 1u << AUDIT_STRING);
	assert_int_equal(stage_key(&stage, "FINAL_TRADES")->types, 1u << AUDIT_LIST);
	assert_int_equal(stage_key(&stage, "processing_lock")->use, AUDIT_USE_lock);
	assert_int_equal(stage_key(&stage, "api_calls:user123")->use, AUDIT_USE_rate_limit);
	stage_close(&stage);
}

static void endings_tell_the_language(void **state)
{
	(void)state;
	assert_true(code_wants(STR("a/b.py")));
	assert_true(code_wants(STR("a.TSX")));
	assert_false(code_wants(STR("a.md")));
	assert_false(code_wants(STR("py")));
	assert_false(code_wants(STR("a.py/b")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(javascript),
		cmocka_unit_test(typescript),
		cmocka_unit_test(go),
		cmocka_unit_test(go_clients_of_other_packages),
		cmocka_unit_test(settings_are_no_client),
		cmocka_unit_test(csharp),
		cmocka_unit_test(php),
		cmocka_unit_test(the_document_s_own_snippets),
		cmocka_unit_test(endings_tell_the_language),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
