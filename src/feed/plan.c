#include "feed/plan.h"

#include <stdlib.h>

#include "base/check.h"

struct row {
	enum venue venue;
	enum kind kind;
	const char *path, *topic;
	enum stream_class class;
	int32_t first_ms, stale_ms;
};

static const struct row rows[] = {
#define STREAM(id, venue, kind, path, topic, shape, first_ms, stale_ms)                            \
	{ VENUE_##venue, KIND_##kind, path, topic, STREAM_##shape, first_ms, stale_ms },
#include "def/streams.def"
#undef STREAM
};

static const struct wire wires[VENUE_COUNT][KIND_COUNT] = {
#define WIRE(venue, kind, messages, streams, args, args_chars, attempts, ping_ms, life_min)        \
	[VENUE_##venue][KIND_##kind] = { VENUE_##venue, KIND_##kind, messages,                     \
					 streams,       args,        args_chars,                   \
					 attempts,      ping_ms,     (life_min)*60000LL },
#include "def/streams.def"
#undef WIRE
};

static const char *const class_texts[] = {
	[STREAM_TRADES] = "trades", [STREAM_BOOK] = "book",
	[STREAM_MARK] = "mark",     [STREAM_TICKER] = "ticker",
	[STREAM_KLINES] = "klines", [STREAM_LIQUIDATIONS] = "liquidations",
	[STREAM_DEPTH] = "depth",
};
_Static_assert(ARRAY_LEN(class_texts) == STREAM_CLASSES, "a text for every class");

const char *stream_class_text(enum stream_class class)
{
	CHECK((unsigned)class < STREAM_CLASSES);
	return class_texts[class];
}

const struct wire *wire_of(enum venue venue, enum kind kind)
{
	CHECK((unsigned)venue < VENUE_COUNT && (unsigned)kind < KIND_COUNT);
	const struct wire *wire = &wires[venue][kind];
	CHECK(wire->streams > 0);
	return wire;
}

/* ---- the base URL ---- */

struct base {
	struct str host; /* with the scheme */
	struct str path; /* without slashes at its end; empty: ours alone */
};

static enum status base_read(const char *url, struct base *base, struct err *err)
{
	struct str rest = str_of(url);
	size_t scheme = str_starts(rest, STR("wss://"))  ? 6
			: str_starts(rest, STR("ws://")) ? 5
							 : 0;
	size_t host = scheme + str_find_char(str_skip(rest, scheme), '/');
	if (!scheme || host == scheme)
		return err_set(err, STATUS_INVALID, "'%s' is no ws:// or wss:// URL", url);
	base->host = str_make(rest.ptr, host);
	base->path = str_skip(rest, host);
	while (base->path.len && base->path.ptr[base->path.len - 1] == '/')
		base->path.len--;
	return STATUS_OK;
}

static enum status url_print(const struct plan_config *config, const char *path, char *url,
			     struct err *err)
{
	struct base base = { 0 };
	struct buf out = buf_over(url, PLAN_URL_MAX);
	enum status status = base_read(config->ws_url, &base, err);
	if (status)
		return status;
	buf_str_put(&out, base.host);
	buf_str_put(&out, base.path);
	if (!base.path.len || config->venue == VENUE_BINANCE)
		buf_str_put(&out, str_of(path));
	if (out.overflow)
		return err_set(err, STATUS_INVALID, "'%s' is too long", config->ws_url);
	url[out.len] = 0;
	return STATUS_OK;
}

/* ---- connections ---- */

static bool is_ours(const struct plan_config *config, const struct row *row)
{
	return row->venue == config->venue && row->kind == config->kind;
}

static bool is_wanted(const struct plan_config *config, const struct row *row, const char *path)
{
	return is_ours(config, row) && strcmp(row->path, path) == 0 &&
	       (config->depth || row->class != STREAM_DEPTH);
}

static bool is_first_of_path(const struct plan_config *config, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (is_ours(config, &rows[i]) && strcmp(rows[i].path, rows[index].path) == 0)
			return false;
	return true;
}

static void topic_print(const struct row *row, const struct market_id *id, struct plan_topic *topic)
{
	struct buf out = buf_over(topic->text, PLAN_TOPIC_MAX);
	for (const char *p = row->topic; *p; p++) {
		if (*p != '{') {
			buf_char(&out, *p);
			continue;
		}
		p++; /* the other brace */
		for (const char *s = id->symbol; *s; s++) {
			bool lower = row->venue == VENUE_BINANCE && *s >= 'A' && *s <= 'Z';
			buf_char(&out, lower ? (char)(*s | 0x20) : *s);
		}
	}
	CHECK(!out.overflow);
	topic->text[out.len] = 0;
	topic->market = *id;
	topic->class = row->class;
}

/* The topics of one symbol and path, and what they count against the venue's limits. */
struct bundle {
	struct plan_topic topics[STREAM_CLASSES];
	size_t count, chars;
};

static void bundle_make(const struct plan_config *config, const char *path,
			const struct market_id *id, struct bundle *bundle)
{
	bundle->count = bundle->chars = 0;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!is_wanted(config, &rows[i], path))
			continue;
		CHECK(bundle->count < ARRAY_LEN(bundle->topics));
		struct plan_topic *topic = &bundle->topics[bundle->count++];
		topic_print(&rows[i], id, topic);
		bundle->chars += strlen(topic->text) + 3; /* quotes and a comma */
	}
}

static void classes_fill(const struct plan_config *config, const char *path,
			 struct plan_class *classes)
{
	int64_t unit_ns = config->patience * 1000LL; /* a millisecond, by patience */
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (is_wanted(config, &rows[i], path))
			classes[rows[i].class] =
			    (struct plan_class){ .used = true,
						 .first_ns = rows[i].first_ms * unit_ns,
						 .stale_ns = rows[i].stale_ms * unit_ns };
}

/* "binance:perp /market 2"; the path only where there is more than one. */
static void name_print(const struct plan_config *config, const char *path, size_t number,
		       struct plan_connection *connection)
{
	struct buf out = buf_over(connection->name, sizeof connection->name);
	bool several = false;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		several |= is_ours(config, &rows[i]) && strcmp(rows[i].path, path) != 0;
	buf_printf(&out, "%s:%s", venue_text(config->venue), kind_text(config->kind));
	if (several)
		buf_printf(&out, " %.*s", (int)(1 + strcspn(path + 1, "/")), path);
	buf_printf(&out, " %zu", number);
	buf_char(&out, 0);
	CHECK(!out.overflow);
}

static enum status connection_add(const struct plan_config *config, const char *path, size_t number,
				  struct plan *plan, struct err *err)
{
	if (plan->n_connections == PLAN_CONNECTIONS_MAX)
		return err_set(err, STATUS_FULL, "%s:%s: more than %d connections would be needed",
			       venue_text(config->venue), kind_text(config->kind),
			       PLAN_CONNECTIONS_MAX);
	struct plan_connection *made = &plan->connections[plan->n_connections];
	*made = (struct plan_connection){ .venue = config->venue, .kind = config->kind };
	enum status status = url_print(config, path, made->url, err);
	if (status)
		return status;
	size_t room = (size_t)wire_of(config->venue, config->kind)->streams;
	if (config->n_ids < room / STREAM_CLASSES)
		room = config->n_ids * STREAM_CLASSES;
	made->topics = calloc(room, sizeof *made->topics);
	if (!made->topics)
		return err_set(err, STATUS_NO_MEMORY, "a plan of %zu topics", room);
	name_print(config, path, number, made);
	classes_fill(config, path, made->classes);
	plan->n_connections++;
	return STATUS_OK;
}

static enum status path_add(const struct plan_config *config, const char *path, struct plan *plan,
			    struct err *err)
{
	const struct wire *wire = wire_of(config->venue, config->kind);
	struct plan_connection *connection = NULL;
	size_t number = 0, chars = 0;
	for (size_t i = 0; i < config->n_ids; i++) {
		struct bundle bundle;
		bundle_make(config, path, &config->ids[i], &bundle);
		if (!bundle.count)
			return STATUS_OK;
		bool fits = connection &&
			    connection->n_topics + bundle.count <= (size_t)wire->streams &&
			    (!wire->args_chars || chars + bundle.chars <= (size_t)wire->args_chars);
		if (!fits) {
			enum status status = connection_add(config, path, ++number, plan, err);
			if (status)
				return status;
			connection = &plan->connections[plan->n_connections - 1];
			chars = 0;
		}
		memcpy(connection->topics + connection->n_topics, bundle.topics,
		       bundle.count * sizeof *bundle.topics);
		connection->n_topics += bundle.count;
		chars += bundle.chars;
	}
	return STATUS_OK;
}

enum status plan_create(const struct plan_config *config, struct plan *plan, struct err *err)
{
	struct plan made = { 0 };
	CHECK(config->patience > 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!is_ours(config, &rows[i]) || !is_first_of_path(config, i))
			continue;
		enum status status = path_add(config, rows[i].path, &made, err);
		if (status) {
			plan_destroy(&made);
			return status;
		}
	}
	*plan = made;
	return STATUS_OK;
}

void plan_destroy(struct plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->n_connections; i++)
		free(plan->connections[i].topics);
	*plan = (struct plan){ 0 };
}

/* ---- messages ---- */

static void subscribe_begin(const struct plan_connection *connection, uint64_t id, struct buf *out)
{
	if (connection->venue == VENUE_BYBIT)
		buf_printf(out, "{\"req_id\":\"%llu\",\"op\":\"subscribe\",\"args\":[",
			   (unsigned long long)id);
	else
		buf_printf(out, "{\"id\":%llu,\"method\":\"SUBSCRIBE\",\"params\":[",
			   (unsigned long long)id);
}

size_t plan_subscribe(const struct plan_connection *connection, size_t first, size_t count,
		      uint64_t id, struct buf *out)
{
	const struct wire *wire = wire_of(connection->venue, connection->kind);
	CHECK(count > 0 && first < connection->n_topics && count <= connection->n_topics - first);
	size_t most = wire->args && count > (size_t)wire->args ? (size_t)wire->args : count;
	size_t start = out->len, n = 0;
	subscribe_begin(connection, id, out);
	for (; n < most; n++) {
		struct str topic = str_of(connection->topics[first + n].text);
		if (n && out->len - start + topic.len + 5 > PLAN_MESSAGE_MAX) /* ,"topic"]} */
			break;
		if (n)
			buf_char(out, ',');
		buf_char(out, '"'); /* symbols need no escapes */
		buf_str_put(out, topic);
		buf_char(out, '"');
	}
	buf_put(out, "]}", 2);
	return n;
}

bool plan_ping(const struct plan_connection *connection, struct buf *out)
{
	if (!wire_of(connection->venue, connection->kind)->ping_ms)
		return false;
	buf_str_put(out, STR("{\"op\":\"ping\"}"));
	return true;
}
