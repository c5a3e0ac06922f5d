/* rdb_fill.h - fills a server with each type in each encoding that Redis 7.0 has, small and
 * large, with expiries, streams with groups, functions, in several databases. */
#pragma once

#include "base/rng.h"
#include "rdb_stage.h"

static inline void fill_bytes(struct rng *rng, char *at, size_t size, bool compressible)
{
	for (size_t i = 0; i < size; i++)
		at[i] = compressible ? (char)('a' + (i / 7 + i / 1000) % 11) : (char)rng_next(rng);
}

static inline void fill_string(struct rdb_stage *stage, struct rng *rng, const char *name,
			       size_t size, bool compressible)
{
	char *bytes = malloc(size + 1);
	assert_non_null(bytes);
	fill_bytes(rng, bytes, size, compressible);
	STAGE_RUN(stage, "SET %s %b", name, bytes, size);
	free(bytes);
}

static inline void fill_strings(struct rdb_stage *stage, struct rng *rng)
{
	static const char *const numbers[] = {
		"0",
		"-1",
		"127",
		"-128",
		"32767",
		"-32768",
		"32768",
		"65536",
		"2147483647",
		"-2147483648",
		"2147483648",
		"9223372036854775807",
		"007",
		"+1",
		"-0",
		"1.5",
		"99999999999999999999",
	};
	static const size_t sizes[] = { 0,      1,     12,    20,      21,
					44,     45,    63,    64,      300,
					16383,  16384, 70000, 1 << 20, (1 << 20) + 1,
					3 << 20 };
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		STAGE_RUN(stage, "SET number:%s %s", numbers[i], numbers[i]);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		char name[64];
		snprintf(name, sizeof name, "random:%zu", sizes[i]);
		fill_string(stage, rng, name, sizes[i], false);
		snprintf(name, sizeof name, "text:%zu", sizes[i]);
		fill_string(stage, rng, name, sizes[i], true);
	}
	STAGE_RUN(stage, "SET %b %b", "name\0with\xffzero", (size_t)14, "\r\n\0", (size_t)3);
	STAGE_RUN(stage, "SET expires:soon v PX 86400000");
	STAGE_RUN(stage, "SET expires:late v PXAT 4102444800123");
}

static inline void fill_lists(struct rdb_stage *stage, struct rng *rng)
{
	static char large[20000];
	fill_bytes(rng, large, sizeof large, true);
	STAGE_RUN(stage, "RPUSH list:one x");
	for (int i = 0; i < 3000; i++)
		STAGE_RUN(stage, "RPUSH list:numbers %lld", (long long)rng_next(rng) >> (i % 60));
	for (int i = 0; i < 500; i++)
		STAGE_RUN(stage, "LPUSH list:texts %b", large + i, (size_t)(i % 400));
	for (int i = 0; i < 12; i++)
		STAGE_RUN(stage, "RPUSH list:large %b", large, (size_t)(1500 * i));
	STAGE_RUN(stage, "DEBUG QUICKLIST-PACKED-THRESHOLD 3000b");
	for (int i = 0; i < 12; i++)
		STAGE_RUN(stage, "RPUSH list:plain %b", large + i, (size_t)(600 * i + 1));
	STAGE_RUN(stage, "DEBUG QUICKLIST-PACKED-THRESHOLD 0");
}

static inline void fill_sets(struct rdb_stage *stage, struct rng *rng)
{
	for (int i = 0; i < 100; i++) {
		STAGE_RUN(stage, "SADD set:16 %d", i * 300 - 15000);
		STAGE_RUN(stage, "SADD set:32 %d", i * 3000000 - 150000000);
		STAGE_RUN(stage, "SADD set:64 %lld", (long long)rng_next(rng));
	}
	for (int i = 0; i < 600; i++) {
		STAGE_RUN(stage, "SADD set:many %d", i);
		STAGE_RUN(stage, "SADD set:texts member:%d:%llx", i,
			  (unsigned long long)rng_next(rng) >> (i % 64));
	}
	STAGE_RUN(stage, "SADD set:few a b c");
}

static inline void fill_zsets(struct rdb_stage *stage, struct rng *rng)
{
	STAGE_RUN(stage, "ZADD zset:edge inf a -inf b 0 c -0.0 d 1e300 e -1e-300 f 0.1 g 3 h "
			 "17179869184.5 i 9007199254740993 j");
	for (int i = 0; i < 60; i++)
		STAGE_RUN(stage, "ZADD zset:small %.17g %d", rng_normal(rng) * 1e6, i);
	for (int i = 0; i < 400; i++)
		STAGE_RUN(stage, "ZADD zset:table %.17g member:%d", rng_normal(rng) * 1e-6, i);
	STAGE_RUN(stage, "ZADD zset:table inf plus -inf minus");
}

static inline void fill_hashes(struct rdb_stage *stage, struct rng *rng)
{
	static char large[9000];
	fill_bytes(rng, large, sizeof large, true);
	STAGE_RUN(stage, "HSET hash:small name x empty %b number -129 big 4294967296", "",
		  (size_t)0);
	for (int i = 0; i < 500; i++)
		STAGE_RUN(stage, "HSET hash:listpack field%d %lld", i,
			  (long long)(rng_next(rng) >> 1) >> (i % 63));
	for (int i = 0; i < 700; i++)
		STAGE_RUN(stage, "HSET hash:table field%d %b", i, large + i, (size_t)(i % 130));
	STAGE_RUN(stage, "HSET hash:long f %b", large, sizeof large);
}

static inline void fill_stream(struct rdb_stage *stage, const char *name, int entries)
{
	for (int i = 1; i <= entries; i++) {
		if (i % 17 == 0)
			STAGE_RUN(stage, "XADD %s %d-%d other %d another %s and some", name,
				  1000 + i / 3, i, i, "x");
		else
			STAGE_RUN(stage, "XADD %s %d-%d price %d.%02d side %s", name, 1000 + i / 3,
				  i, i * 7, i % 100, i % 2 ? "buy" : "sell");
	}
}

static inline void fill_streams(struct rdb_stage *stage)
{
	fill_stream(stage, "stream:one", 1);
	fill_stream(stage, "stream:many", 750);
	for (int i = 5; i < 300; i += 11)
		STAGE_RUN(stage, "XDEL stream:many %d-%d", 1000 + i / 3, i);
	STAGE_RUN(stage, "XTRIM stream:many MAXLEN 600");
	STAGE_RUN(stage, "XGROUP CREATE stream:many workers 1100-300");
	STAGE_RUN(stage, "XGROUP CREATE stream:many idle 0 ENTRIESREAD 7");
	STAGE_RUN(stage, "XREADGROUP GROUP workers alice COUNT 40 STREAMS stream:many >");
	STAGE_RUN(stage, "XREADGROUP GROUP workers bob COUNT 5 STREAMS stream:many >");
	STAGE_RUN(stage, "XCLAIM stream:many workers bob 0 1100-301 RETRYCOUNT 9");
	STAGE_RUN(stage, "XGROUP CREATECONSUMER stream:many workers nobody");
	STAGE_RUN(stage, "XADD stream:empty 5-5 a b");
	STAGE_RUN(stage, "XDEL stream:empty 5-5");
	STAGE_RUN(stage, "XADD stream:wide * %b %b", "\0n", (size_t)2, "", (size_t)0);
	STAGE_RUN(stage, "XADD stream:large 18446744073709551614-5 a b");
	STAGE_RUN(stage, "XADD stream:large 18446744073709551615-7 a b");
}

static inline void fill_all(struct rdb_stage *stage, uint64_t seed)
{
	struct rng rng;
	rng_init(&rng, seed);
	fill_strings(stage, &rng);
	fill_lists(stage, &rng);
	fill_sets(stage, &rng);
	STAGE_RUN(stage, "SELECT 3");
	fill_zsets(stage, &rng);
	fill_hashes(stage, &rng);
	STAGE_RUN(stage, "EXPIRE hash:small 100000");
	STAGE_RUN(stage, "SELECT 15");
	fill_streams(stage);
	STAGE_RUN(stage, "PEXPIREAT stream:one 4102444800999");
	STAGE_RUN(stage, "SELECT 0");
	STAGE_RUN(stage, "FUNCTION LOAD %s",
		  "#!lua name=first\nredis.register_function('f', function() return 1 end)");
	STAGE_RUN(stage, "FUNCTION LOAD %s",
		  "#!lua name=second\nredis.register_function('g', function() return 2 end)");
}
