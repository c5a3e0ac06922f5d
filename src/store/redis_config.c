#include "store/redis_config.h"

#include <openssl/evp.h>

/* In quotes, as sdssplitargs reads them: \" \\ and \xHH. */
static void put_quoted(struct buf *out, const char *text)
{
	buf_char(out, '"');
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c == '"' || *c == '\\')
			buf_printf(out, "\\%c", *c);
		else if (*c < 0x20 || *c == 0x7f)
			buf_printf(out, "\\x%02x", *c);
		else
			buf_char(out, (char)*c);
	}
	buf_printf(out, "\"\n");
}

static void put_network(struct buf *out, const struct redis_config *config)
{
	buf_printf(out, "bind 127.0.0.1\nport %u\nunixsocket ", config->port);
	put_quoted(out, config->socket_path);
	buf_printf(out, "unixsocketperm 600\n"
			"timeout 0\n"
			"tcp-keepalive 60\n"
			"maxclients 1000\n"
			"proto-max-bulk-len 8388608\n"
			"client-output-buffer-limit normal 268435456 134217728 60\n");
}

static void put_process(struct buf *out, const struct redis_config *config)
{
	buf_printf(out, "daemonize no\n"
			"supervised no\n"
			"databases 1\n"
			"always-show-logo no\n"
			"loglevel notice\n"
			"logfile \"\"\n"
			"enable-debug-command no\n"
			"enable-protected-configs no\n"
			"enable-module-command no\n"
			"disable-thp yes\n"
			"oom-score-adj no\n"
			"dir ");
	put_quoted(out, config->folder);
	buf_printf(out, "aclfile ");
	char path[4096];
	struct buf text = buf_over(path, sizeof path - 1);
	buf_printf(&text, "%s/users.acl", config->folder);
	path[text.len] = 0;
	put_quoted(out, path);
}

static void put_memory(struct buf *out, const struct redis_config *config)
{
	const struct segment_row *row = segment_row(config->segment);
	buf_printf(out,
		   "maxmemory %llu\n"
		   "maxmemory-policy %s\n"
		   "maxmemory-samples 5\n"
		   "stream-node-max-bytes %u\n"
		   "stream-node-max-entries 100\n"
		   "hash-max-listpack-entries 512\n"
		   "hash-max-listpack-value 256\n" /* the longest text of a frame */
		   "lazyfree-lazy-eviction yes\n"
		   "lazyfree-lazy-expire yes\n"
		   "lazyfree-lazy-server-del yes\n"
		   "slowlog-log-slower-than 10000\n"
		   "slowlog-max-len 128\n"
		   "latency-monitor-threshold 50\n"
		   "latency-tracking no\n", /* 25 KB a command */
		   (unsigned long long)config->maxmemory, row->policy, row->node_bytes);
}

/* Rewrites are asked for by weir, one server at a time. */
static void put_persistence(struct buf *out, const struct redis_config *config)
{
	const struct segment_row *row = segment_row(config->segment);
	buf_printf(out,
		   "appendonly yes\n"
		   "appendfilename \"%s.aof\"\n"
		   "appenddirname \"aof\"\n"
		   "appendfsync %s\n"
		   "no-appendfsync-on-rewrite no\n"
		   "auto-aof-rewrite-percentage 0\n"
		   "aof-load-truncated yes\n"
		   "aof-use-rdb-preamble yes\n"
		   "dbfilename \"%s.rdb\"\n"
		   /* Packed values do not shrink, and carry a CRC of their own: both only
		    * cost time at load and save there. */
		   "rdbcompression %s\n"
		   "rdbchecksum %s\n",
		   row->name, config->appendfsync, row->name, row->packed ? "no" : "yes",
		   row->packed ? "no" : "yes");
	if (row->save[0])
		buf_printf(out, "save %s\n", row->save);
	else
		buf_printf(out, "save \"\"\n");
}

void redis_config_print(struct buf *out, const struct redis_config *config)
{
	const struct segment_row *row = segment_row(config->segment);
	buf_printf(out, "# Segment %s, %s: %s.\n# Written by weir at each start.\n", row->name,
		   row->title, row->holds);
	put_network(out, config);
	put_process(out, config);
	put_memory(out, config);
	put_persistence(out, config);
}

static struct str number(struct buf *scratch, uint64_t value)
{
	size_t from = scratch->len;
	buf_u64(scratch, value);
	return str_make(scratch->ptr + from, scratch->len - from);
}

size_t redis_config_live(const struct redis_config *config, struct buf *scratch,
			 struct str pairs[REDIS_CONFIG_LIVE * 2])
{
	const struct segment_row *row = segment_row(config->segment);
	const struct str live[][2] = {
		{ STR("maxmemory"), number(scratch, config->maxmemory) },
		{ STR("maxmemory-policy"), str_of(row->policy) },
		{ STR("stream-node-max-bytes"), number(scratch, row->node_bytes) },
		{ STR("port"), number(scratch, config->port) },
		{ STR("appendonly"), STR("yes") },
		{ STR("appendfsync"), str_of(config->appendfsync) },
		{ STR("auto-aof-rewrite-percentage"), STR("0") },
		{ STR("save"), str_of(row->save) },
	};
	_Static_assert(sizeof live == sizeof(struct str) * REDIS_CONFIG_LIVE * 2, "pairs");
	memcpy(pairs, live, sizeof live);
	return REDIS_CONFIG_LIVE;
}

static bool put_sha256(struct buf *out, const char *password)
{
	unsigned char digest[32];
	unsigned size = 0;
	if (!EVP_Digest(password, strlen(password), digest, &size, EVP_sha256(), NULL) ||
	    size != 32)
		return false;
	for (unsigned i = 0; i < size; i++)
		buf_printf(out, "%02x", digest[i]);
	return true;
}

enum status redis_config_print_users(struct buf *out, enum segment segment,
				     const struct segment_logins *logins, struct err *err)
{
	/* Off, so nobody can be it; but with all rights, because the server replays its
	 * append-only file as `default` and checks EXEC against them: without, every
	 * transaction in the file is refused with NOPERM at load and lost (7.0.15). */
	buf_printf(out, "user default off resetpass ~* &* +@all\n");
	for (int i = 0; i < SEGMENT_USER_COUNT; i++) {
		enum segment_user user = (enum segment_user)i;
		const struct segment_user_row *row = segment_user_row(user);
		const char *extra = segment_user_extra(user, segment);
		buf_printf(out, "user %s on #", row->name);
		if (!put_sha256(out, logins->passwords[segment][i]))
			return err_set(err, STATUS_UNAVAILABLE, "SHA-256 is not available");
		buf_printf(out, " %s%s%s\n", row->rules, extra[0] ? " " : "", extra);
	}
	return STATUS_OK;
}
