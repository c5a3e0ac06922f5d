/* What a server says of itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "measure/measure_impl.h"
#include "os/files.h"

enum { INFO_BYTES = 16384, RESTS = 400, SCAN_KEYS = 512 };

static const int64_t rest_ns = 12000000; /* a pulse of the server, as it is set below */

struct redis_port *measure_redis(struct measure *m, enum segment segment)
{
	return segments_redis(m->segments, segment);
}

/* A command that is not answered ends by its deadline, so this ends too. */
void measure_settle(struct measure *m, enum segment segment)
{
	while (redis_pending_bytes(measure_redis(m, segment)) > 0)
		loop_turn(m->loop, 1000000);
}

void measure_settle_some(struct measure *m, enum segment segment)
{
	if (redis_pending_bytes(measure_redis(m, segment)) > MEASURE_PENDING)
		measure_settle(m, segment);
}

/* ---- one question at a time ---- */

struct asked {
	bool done;
	enum status status;
	int64_t integer;
	char text[INFO_BYTES];
};

static void on_reply(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct asked *asked = ctx;
	asked->done = true;
	asked->status = status;
	asked->integer = -1;
	if (!reply)
		return;
	if (reply->type == REDIS_INTEGER)
		asked->integer = reply->integer;
	size_t n = reply->text.len < sizeof asked->text ? reply->text.len : sizeof asked->text - 1;
	if (n)
		memcpy(asked->text, reply->text.ptr, n);
	asked->text[n] = 0;
}

static void put(struct measure *m, enum segment segment, const struct str *argv, size_t argc,
		struct asked *asked)
{
	*asked = (struct asked){ .status = STATUS_CLOSED };
	if (measure_good(m))
		asked->status =
		    redis_command(measure_redis(m, segment), argv, argc, on_reply, asked);
	asked->done = asked->status != STATUS_OK;
}

static bool await(struct measure *m, enum segment segment, struct str verb, struct asked *asked)
{
	while (!asked->done)
		loop_turn(m->loop, 1000000);
	if (asked->status)
		measure_fail(m, asked->status, "segment %s: %.*s: %s %.100s",
			     segment_row(segment)->name, (int)verb.len, verb.ptr,
			     status_text(asked->status), asked->text);
	return !asked->status && measure_good(m);
}

static bool ask(struct measure *m, enum segment segment, const struct str *argv, size_t argc,
		struct asked *asked)
{
	put(m, segment, argv, argc, asked);
	return await(m, segment, argv[0], asked);
}

int64_t measure_ask(struct measure *m, enum segment segment, const struct str *argv, size_t argc)
{
	struct asked asked;
	return ask(m, segment, argv, argc, &asked) ? asked.integer : -1;
}

/* ---- memory ---- */

static int64_t field_of(const char *info, const char *name)
{
	int64_t value;
	const char *at = strstr(info, name);
	if (!at)
		return 0;
	struct str rest = str_of(at + strlen(name));
	size_t len = strcspn(rest.ptr, "\r\n");
	return str_to_i64(str_make(rest.ptr, len), &value) == STATUS_OK ? value : 0;
}

static void version_of(const char *info, char version[16])
{
	static const char name[] = "redis_version:";
	const char *at = strstr(info, name);
	if (!at || str_copy(str_make(at + sizeof name - 1, strcspn(at + sizeof name - 1, "\r\n")),
			    version, 16))
		version[0] = 0;
}

/* What connections hold: of CLIENT LIST, which counts it now; INFO's sum is of some time ago. */
static int64_t connections_of(const char *list)
{
	int64_t sum = 0;
	for (const char *at = list; (at = strstr(at, " tot-mem=")); at++)
		sum += strtoll(at + sizeof " tot-mem=" - 1, NULL, 10);
	return sum;
}

/* Bytes that are data's or the server's own; the two questions go together. */
static int64_t ask_used(struct measure *m, enum segment segment, struct asked *info)
{
	const struct str ask_info[] = { STR("INFO") };
	const struct str ask_list[] = { STR("CLIENT"), STR("LIST") };
	struct asked list;
	put(m, segment, ask_info, ARRAY_LEN(ask_info), info);
	put(m, segment, ask_list, ARRAY_LEN(ask_list), &list);
	bool good = await(m, segment, ask_info[0], info);
	if (!await(m, segment, ask_list[0], &list) || !good)
		return -1;
	return field_of(info->text, "\nused_memory:") - connections_of(list.text) -
	       field_of(info->text, "\nmem_aof_buffer:");
}

/* Tables that grow are moved over in the server's pulses, and what was unlinked is freed by
 * another thread: it is at rest when two pulses have changed nothing. */
static int64_t read_at_rest(struct measure *m, enum segment segment, struct asked *info)
{
	int64_t before = -1;
	for (int i = 0, same = 0; i < RESTS && same < 2 && measure_good(m); i++) {
		int64_t used = ask_used(m, segment, info);
		bool rests =
		    used == before && field_of(info->text, "\nlazyfree_pending_objects:") == 0;
		same = rests ? same + 1 : 0;
		before = used;
		for (int64_t end = loop_precise_ns() + rest_ns; loop_precise_ns() < end;)
			loop_turn(m->loop, end - loop_precise_ns());
	}
	return before;
}

struct measure_memory measure_memory(struct measure *m, enum segment segment)
{
	struct measure_memory memory = { 0 };
	struct asked asked;
	const struct str size[] = { STR("DBSIZE") };
	measure_settle(m, segment);
	memory.used = read_at_rest(m, segment, &asked);
	if (!measure_good(m))
		return memory;
	memory.rss = field_of(asked.text, "\nused_memory_rss:");
	memory.peak = field_of(asked.text, "\nused_memory_peak:");
	version_of(asked.text, memory.version);
	memory.keys = measure_ask(m, segment, size, ARRAY_LEN(size));
	return memory;
}

int64_t measure_used(struct measure *m, enum segment segment)
{
	return measure_memory(m, segment).used;
}

struct measure_span measure_begin(struct measure *m, enum plan_component component)
{
	enum segment segment = plan_component_row(component)->segment;
	return (struct measure_span){ .component = component,
				      .segment = segment,
				      .began_ns = loop_precise_ns(),
				      .before = measure_memory(m, segment) };
}

void measure_end(struct measure *m, const struct measure_span *span, int64_t items)
{
	struct measure_memory after = measure_memory(m, span->segment);
	struct measure_component *component = &m->out->components[span->component];
	if (!measure_good(m))
		return;
	component->bytes = after.used - span->before.used;
	component->rss = after.rss - span->before.rss;
	component->items = items;
	component->took_ns = loop_precise_ns() - span->began_ns;
	m->out->bytes[span->component] = component->bytes;
}

/* ---- removing ---- */

struct page {
	struct measure *m;
	enum segment segment;
	bool done;
	enum status status;
	int64_t removed;
	char cursor[32];
};

static void unlink_all(struct page *page, const struct redis_reply *names)
{
	struct str argv[1 + SCAN_KEYS] = { STR("UNLINK") };
	for (size_t at = 0; at < names->count && !page->status;) {
		size_t argc = 1;
		while (at < names->count && argc < ARRAY_LEN(argv))
			argv[argc++] = names->items[at++].text;
		page->status =
		    redis_command(measure_redis(page->m, page->segment), argv, argc, NULL, NULL);
		page->removed += (int64_t)argc - 1;
	}
}

static void on_page(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct page *page = ctx;
	page->done = true;
	page->status = status;
	if (!status && (reply->type != REDIS_ARRAY || reply->count != 2 ||
			str_copy(reply->items[0].text, page->cursor, sizeof page->cursor)))
		page->status = STATUS_REDIS_PROTOCOL;
	if (!page->status)
		unlink_all(page, &reply->items[1]);
}

static void remove_page(struct page *page, const char *pattern)
{
	const struct str argv[] = { STR("SCAN"),     str_of(page->cursor), STR("MATCH"),
				    str_of(pattern), STR("COUNT"),         STR("512") };
	struct measure *m = page->m;
	page->done = false;
	page->status =
	    redis_command(measure_redis(m, page->segment), argv, ARRAY_LEN(argv), on_page, page);
	while (!page->status && !page->done)
		loop_turn(m->loop, 1000000);
	measure_settle(m, page->segment);
}

int64_t measure_remove(struct measure *m, enum segment segment, struct str prefix, int64_t *keys)
{
	struct page page = { .m = m, .segment = segment, .cursor = "0" };
	char pattern[64];
	int64_t before = measure_used(m, segment);
	snprintf(pattern, sizeof pattern, "%.*s*", STR_ARG(prefix));
	do {
		remove_page(&page, pattern);
	} while (!page.status && strcmp(page.cursor, "0") != 0);
	if (page.status && measure_good(m))
		measure_fail(m, page.status, "segment %s: removing %s: %s",
			     segment_row(segment)->name, pattern, status_text(page.status));
	if (keys)
		*keys = page.removed;
	return before - measure_used(m, segment);
}

/* ---- settings ---- */

static bool holds_other_cases(const struct measure *m, enum segment segment)
{
	for (int i = 0; i < PLAN_COMPONENTS; i++) {
		const struct plan_component_row *row = plan_component_row((enum plan_component)i);
		if (row->segment == segment && !row->counts && m->components >> i & 1)
			return true;
	}
	return false;
}

/* Nothing of it is kept; the pulse that moves tables over comes every 10 ms; and no command
 * begins a histogram of its own, 25 KB at its first use, or is kept, with its words, for being
 * slow: neither is a datum's. */
void measure_prepare_server(struct measure *m, enum segment segment)
{
	char storage[24];
	struct buf most = buf_over(storage, sizeof storage);
	int64_t maxmemory = holds_other_cases(m, segment) ? 0 : m->config->maxmemory[segment];
	m->out->segments[segment].maxmemory = maxmemory;
	buf_i64(&most, maxmemory);
	const struct str argv[] = { STR("CONFIG"),
				    STR("SET"),
				    STR("appendonly"),
				    STR("no"),
				    STR("save"),
				    STR(""),
				    STR("hz"),
				    STR("100"),
				    STR("maxmemory"),
				    buf_str(&most),
				    STR("slowlog-log-slower-than"),
				    STR("-1"),
				    STR("latency-tracking"),
				    STR("no") };
	measure_ask(m, segment, argv, ARRAY_LEN(argv));
}

/* ---- the process ---- */

int measure_pid(struct measure *m, enum segment segment)
{
	return segments_status(m->segments, segment).pid;
}

static int64_t kilobytes_of(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	return at ? strtoll(at + strlen(name), NULL, 10) * 1024 : 0;
}

void measure_process(int pid, int64_t *rss, int64_t *own)
{
	char path[64], storage[8192];
	struct buf text = buf_over(storage, sizeof storage - 1);
	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
	*rss = *own = -1;
	if (pid <= 0 || files_read(path, 4096, &text, NULL) != STATUS_OK)
		return;
	storage[text.len] = 0;
	*rss = kilobytes_of(storage, "\nRss:");
	*own =
	    kilobytes_of(storage, "\nPrivate_Clean:") + kilobytes_of(storage, "\nPrivate_Dirty:");
}
