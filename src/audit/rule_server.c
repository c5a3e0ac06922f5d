#include "audit/rules_impl.h"

#include "audit/cost.h"
#include "audit/report_words.h"
#include "base/check.h"

#define INFO SEVERITY_INFO
#define WARN SEVERITY_WARN
#define HIGH SEVERITY_HIGH

static const int64_t HOUR_MS = 3600000, MB = 1 << 20;

enum {
	SAVE_HOURS = 24,
	CHANGES_MANY = 100000,
	FULL_PERCENT = 80,
	CROWDED_PERCENT = 95,
	FRAGMENTED_1000 = 1500,
	SWAPPED_1000 = 900,
	BACKLOG_BYTES = 1 << 20, /* what a server comes with */
};

static const int64_t WORTH_MB = 64; /* ratios of less memory say nothing */

/* One check, being made. */
struct check {
	const struct audit_server *server;
	const struct audit_rules_scene *scene;
	struct buf what;
	char was[160]; /* {was} */
	enum severity severity;
	int64_t bytes; /* -1: it is about none */
};

static int64_t percent(int64_t part, int64_t whole) { return whole > 0 ? part * 100 / whole : 0; }

static void set_was(struct check *c, const char *text)
{
	struct buf buf = buf_over(c->was, sizeof c->was - 1);
	buf_printf(&buf, "%s", text);
	c->was[buf.len] = 0;
}

static void set_was_number(struct check *c, int64_t number)
{
	struct buf buf = buf_over(c->was, sizeof c->was - 1);
	buf_i64(&buf, number);
	c->was[buf.len] = 0;
}

static bool is_known(const char *text) { return *text != 0; }

static bool evicts_all(const struct audit_server *server)
{
	return strncmp(server->policy, "allkeys", 7) == 0;
}

static bool evicts_expiring(const struct audit_server *server)
{
	return strncmp(server->policy, "volatile", 8) == 0;
}

static bool check_save_failed(struct check *c)
{
	buf_printf(&c->what, "the last save failed: what came after the one before is in memory "
			     "alone");
	return c->server->last_save_ok == 0;
}

static bool has_no_save(const struct audit_server *server)
{
	return server->save_known == AUDIT_YES && !server->save[0];
}

static bool check_persistence(struct check *c)
{
	buf_printf(&c->what, "neither save points nor an append-only file: a restart loses all");
	return has_no_save(c->server) && c->server->aof == AUDIT_NO;
}

static bool check_save(struct check *c)
{
	const struct audit_server *server = c->server;
	int64_t age = server->now_ms - server->last_save_ms;
	set_was(c, server->save);
	buf_printf(&c->what, "the last save is %lld hours old, ", (long long)(age / HOUR_MS));
	report_count(&c->what, server->changes_since_save);
	buf_printf(&c->what, " changes ago, and there is no append-only file");
	c->severity = age > 7 * SAVE_HOURS * HOUR_MS ? HIGH : WARN;
	return server->last_save_ms > 0 && server->now_ms > 0 && server->aof != AUDIT_YES &&
	       server->changes_since_save > 0 && age > SAVE_HOURS * HOUR_MS;
}

static bool check_changes(struct check *c)
{
	report_count(&c->what, c->server->changes_since_save);
	buf_printf(&c->what,
		   " changes since the last save, and there is no append-only file: a crash "
		   "loses them");
	return c->server->aof != AUDIT_YES && c->server->changes_since_save >= CHANGES_MANY;
}

static bool check_replicas(struct check *c)
{
	buf_printf(&c->what, "no replica: when this machine is gone so is everything on it");
	return strcmp(c->server->role, "master") == 0 && c->server->replicas == 0;
}

static bool check_sentinel(struct check *c)
{
	buf_printf(&c->what, "replicas and no sentinel: nobody makes one of them the master");
	return c->server->sentinel == AUDIT_NO && c->server->replicas > 0 &&
	       strcmp(c->server->mode, "cluster") != 0;
}

static bool check_maxmemory(struct check *c)
{
	set_was_number(c, c->server->maxmemory);
	buf_printf(&c->what, "maxmemory 0: it grows until the kernel kills it; used ");
	report_bytes(&c->what, c->server->used);
	c->bytes = c->server->used;
	return c->server->maxmemory == 0;
}

static bool check_memory_full(struct check *c)
{
	const struct audit_server *server = c->server;
	int64_t full = percent(server->used, server->maxmemory);
	set_was_number(c, server->maxmemory);
	report_bytes(&c->what, server->used);
	buf_printf(&c->what, " of ");
	report_bytes(&c->what, server->maxmemory);
	buf_printf(&c->what, " maxmemory are used, %lld %%", (long long)full);
	c->bytes = server->used;
	c->severity = full >= CROWDED_PERCENT ? HIGH : WARN;
	return server->maxmemory > 0 && full > FULL_PERCENT;
}

static bool check_noeviction(struct check *c)
{
	const struct audit_server *server = c->server;
	buf_printf(&c->what,
		   "noeviction at %lld %% of maxmemory: at its end every write is refused, "
		   "so somebody must be told before",
		   (long long)percent(server->used, server->maxmemory));
	return strcmp(server->policy, "noeviction") == 0 && server->maxmemory > 0 &&
	       percent(server->used, server->maxmemory) > FULL_PERCENT;
}

/* Bytes of families that hold what nobody else has. */
static int64_t only_copies(const struct audit_rules_scene *scene)
{
	int64_t bytes = 0;
	for (size_t i = 0; i < scene->n_families; i++) {
		enum audit_use use = scene->families[i].use;
		if (use == AUDIT_USE_record || use == AUDIT_USE_queue || use == AUDIT_USE_lock ||
		    use == AUDIT_USE_counter || use == AUDIT_USE_config)
			bytes += scene->families[i].bytes;
	}
	return bytes;
}

static bool check_evicts(struct check *c)
{
	int64_t bytes = only_copies(c->scene);
	set_was(c, c->server->policy);
	buf_printf(&c->what, "%s may evict any key, ", c->server->policy);
	report_bytes(&c->what, bytes);
	buf_printf(&c->what, " of records, queues, locks, counters and settings among them");
	if (c->server->evicted > 0) {
		buf_printf(&c->what, "; evicted so far: ");
		report_count(&c->what, c->server->evicted);
	}
	c->bytes = bytes;
	return evicts_all(c->server) && c->server->maxmemory != 0 && bytes > 0;
}

static bool check_volatile_full(struct check *c)
{
	const struct audit_server *server = c->server;
	int64_t bytes = c->scene->totals ? c->scene->totals->bytes_no_ttl : 0;
	buf_printf(&c->what, "%s evicts only what has a TTL, and ", server->policy);
	report_bytes(&c->what, bytes);
	buf_printf(&c->what, " without one are %lld %% of maxmemory: writes will be refused",
		   (long long)percent(bytes, server->maxmemory));
	c->bytes = bytes;
	return evicts_expiring(server) && server->maxmemory > 0 &&
	       percent(bytes, server->maxmemory) > FULL_PERCENT;
}

static bool check_nopass(struct check *c)
{
	buf_printf(&c->what, "the user default needs no password: whoever reaches the port may do "
			     "anything");
	return c->server->nopass == AUDIT_YES;
}

struct series {
	const char *flavour;
	int major, minor;
	const char *ended;
};

static const struct series ended_series[] = {
#define SERVER_SERIES(flavour, major, minor, ended) { flavour, major, minor, ended },
#include "audit/server_checks.def"
};

static bool is_series(const struct audit_server *server, const struct series *series)
{
	char prefix[24];
	struct buf buf = buf_over(prefix, sizeof prefix);
	buf_printf(&buf, "%d.%d.", series->major, series->minor);
	const char *flavour = is_known(server->flavour) ? server->flavour : "redis";
	return strcmp(flavour, series->flavour) == 0 &&
	       str_starts(str_of(server->version), buf_str(&buf));
}

static bool check_version(struct check *c)
{
	for (size_t i = 0; i < ARRAY_LEN(ended_series); i++)
		if (is_series(c->server, &ended_series[i])) {
			buf_printf(&c->what, "%s %s: its series has had no fixes since %s",
				   ended_series[i].flavour, c->server->version,
				   ended_series[i].ended);
			return true;
		}
	return false;
}

static bool check_clients(struct check *c)
{
	const struct audit_server *server = c->server;
	int64_t used = percent(server->clients, server->clients_max);
	set_was_number(c, server->clients_max);
	report_count(&c->what, server->clients);
	buf_printf(&c->what, " of at most ");
	report_count(&c->what, server->clients_max);
	buf_printf(&c->what, " clients are connected, %lld %%", (long long)used);
	c->severity = used >= CROWDED_PERCENT ? HIGH : WARN;
	return server->clients > 0 && server->clients_max > 0 && used >= FULL_PERCENT;
}

static bool is_worth(const struct audit_server *server) { return server->used >= WORTH_MB * MB; }

static bool check_fragmentation(struct check *c)
{
	const struct audit_server *server = c->server;
	int64_t ratio = server->fragmentation_1000;
	buf_printf(&c->what, "fragmentation %lld.%02lld: ", (long long)(ratio / 1000),
		   (long long)(ratio % 1000 / 10));
	report_bytes(&c->what, server->rss - server->used);
	buf_printf(&c->what, " more are resident than used");
	c->bytes = server->rss;
	return is_worth(server) && ratio > FRAGMENTED_1000 && server->rss > server->used;
}

static bool check_swapped(struct check *c)
{
	const struct audit_server *server = c->server;
	report_bytes(&c->what, server->used);
	buf_printf(&c->what, " used, ");
	report_bytes(&c->what, server->rss);
	buf_printf(&c->what, " resident: the rest is on the disk, and each touch of it waits");
	c->bytes = server->used;
	return is_worth(server) && server->rss > 0 &&
	       server->rss < server->used / 1000 * SWAPPED_1000;
}

static bool check_backlog(struct check *c)
{
	set_was_number(c, c->server->backlog_bytes);
	buf_printf(&c->what, "the replication backlog holds ");
	report_bytes(&c->what, c->server->backlog_bytes);
	buf_printf(&c->what, ": a replica that was away for longer copies everything");
	return c->server->replicas > 0 && c->server->backlog_bytes >= 0 &&
	       c->server->backlog_bytes <= BACKLOG_BYTES;
}

static const struct row {
	const char *name;
	enum severity severity;
	const char *fix, *undo;
	bool (*is_so)(struct check *c);
} rows[] = {
#define SERVER_CHECK(id, name, severity, fix, undo) { name, severity, fix, undo, check_##id },
#include "audit/server_checks.def"
};

static void tell(const struct audit_rules *rules, enum finding_rule rule, const struct row *row,
		 const struct check *c, audit_hit_fn fn, void *ctx)
{
	struct audit_hit hit = {
		.rule = rule, .severity = c->severity, .db = -1, .key = str_of(row->name)
	};
	if (fn && audit_rules_on(rules, rule))
		fn(ctx, &hit);
}

static enum status add(struct audit_rules *rules, enum finding_rule rule, const struct row *row,
		       struct check *c, const char *what)
{
	if (!audit_rules_on(rules, rule))
		return STATUS_OK;
	struct audit_finding *finding = findings_add(rules);
	if (!finding)
		return rules->trouble;
	const char *const vars[] = { "was", c->was, NULL };
	finding->rule = rule;
	finding->severity = c->severity;
	finding->count = 1;
	finding->bytes_now = c->bytes;
	findings_fill(finding->what, what, vars);
	findings_fill(finding->fix, row->fix, vars);
	findings_fill(finding->undo, row->undo, vars);
	finding->examples[finding->n_examples++] = row->name;
	return STATUS_OK;
}

/* A policy that may evict what has no copy is a risk of the data as well. */
static bool risks_data(const struct row *row) { return row->is_so == check_evicts; }

static enum status check_row(struct audit_rules *rules, const struct row *row, audit_hit_fn fn,
			     void *ctx)
{
	char what[AUDIT_TEXT_BYTES];
	struct check c = { .server = rules->scene.server,
			   .scene = &rules->scene,
			   .what = buf_over(what, sizeof what - 1),
			   .severity = row->severity,
			   .bytes = -1 };
	if (!row->is_so(&c))
		return STATUS_OK;
	what[c.what.len] = 0;
	tell(rules, FINDING_server, row, &c, fn, ctx);
	enum status status = add(rules, FINDING_server, row, &c, what);
	if (!status && risks_data(row)) {
		tell(rules, FINDING_expiry_risk, row, &c, fn, ctx);
		status = add(rules, FINDING_expiry_risk, row, &c, what);
	}
	return status;
}

enum status rule_server_end(struct audit_rules *rules, audit_hit_fn fn, void *ctx)
{
	enum status status = STATUS_OK;
	for (size_t i = 0; i < ARRAY_LEN(rows) && !status; i++)
		status = check_row(rules, &rows[i], fn, ctx);
	return status;
}

struct rule_limits rule_limits_of(const struct audit_server *server)
{
	struct rule_limits limits = { AUDIT_HASH_ENTRIES,
				      AUDIT_LISTPACK_VALUE,
				      AUDIT_ZSET_ENTRIES,
				      AUDIT_LISTPACK_VALUE,
				      -1,
				      AUDIT_LISTPACK_VALUE };
	if (!server)
		return limits;
	if (server->listpack_hash_entries >= 0)
		limits.hash_entries = server->listpack_hash_entries;
	if (server->listpack_hash_value >= 0)
		limits.hash_value = server->listpack_hash_value;
	if (server->listpack_zset_entries >= 0)
		limits.zset_entries = server->listpack_zset_entries;
	if (server->listpack_zset_value >= 0)
		limits.zset_value = server->listpack_zset_value;
	limits.set_entries = server->listpack_set_entries;
	return limits;
}

bool rule_misses_listpack(const struct rule_limits *limits, const struct audit_record *record)
{
	switch (record->type) {
	case AUDIT_HASH:
		return record->encoding == AUDIT_ENC_HASHTABLE &&
		       record->length <= limits->hash_entries &&
		       record->longest > limits->hash_value;
	case AUDIT_ZSET:
		return record->encoding == AUDIT_ENC_SKIPLIST &&
		       record->length <= limits->zset_entries &&
		       record->longest > limits->zset_value;
	case AUDIT_SET:
		return record->encoding == AUDIT_ENC_HASHTABLE &&
		       record->length <= limits->set_entries && record->longest > limits->set_value;
	default: return false;
	}
}
