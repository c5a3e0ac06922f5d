#include "os/redis_timing.h"

#include "base/check.h"

static const char *const reads[] = {
	"GET",    "EXISTS",    "HEXISTS", "HGET",   "HGETALL",   "HLEN", "HMGET",
	"MGET",   "SMEMBERS",  "SCARD",   "STRLEN", "XINFO",     "XLEN", "XPENDING",
	"XRANGE", "XREVRANGE", "ZRANGE",  "ZSCORE", "SISMEMBER", "TTL",  "PTTL",
};

static const char *const writes[] = {
	"APPEND",  "DEL",  "EXEC", "EXPIRE",   "HDEL",    "HINCRBY", "HSET",   "INCRBY",
	"PUBLISH", "SADD", "SET",  "SREM",     "UNLINK",  "XACK",    "XADD",   "XDEL",
	"XTRIM",   "ZADD", "ZREM", "EXPIREAT", "PEXPIRE", "RENAME",  "XSETID",
};

static bool has(const char *const *words, size_t count, struct str verb)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(verb, str_of(words[i])))
			return true;
	return false;
}

enum redis_timing_kind redis_timing_of(struct str verb)
{
	if (has(writes, ARRAY_LEN(writes), verb))
		return REDIS_TIMING_WRITE;
	return has(reads, ARRAY_LEN(reads), verb) ? REDIS_TIMING_READ : REDIS_TIMING_NONE;
}
