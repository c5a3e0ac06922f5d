#include "migrate/move.h"

#include <stdio.h>
#include <stdlib.h>

#include "archive/clickhouse.h"
#include "archive/duck_sink.h"
#include "archive/influx.h"
#include "archive/postgres.h"
#include "base/check.h"
#include "migrate/move_impl.h"

enum { LOOP_TIMERS = 64, TURN_MS = 50 };

static const int64_t ms_ns = 1000000;

/* ---- its sinks ---- */

static enum status make_sink(struct move *move, enum migrate_sink id, const char *url,
			     struct sink **out, struct err *err)
{
	struct http_client *http = http_client(move->http);
	struct timers *timers = loop_timers(move->loop);
	switch (id) {
	case MIGRATE_POSTGRES:
		return postgres_open(&(struct postgres_config){ .loop = move->loop,
								.url = url,
								.set = ARCHIVE_MOVED },
				     out, err);
	case MIGRATE_CLICKHOUSE:
		return clickhouse_create(
		    &(struct clickhouse_config){
			.http = http, .timers = timers, .set = ARCHIVE_MOVED, .url = str_of(url) },
		    out, err);
	case MIGRATE_INFLUX:
		return influx_create(
		    &(struct influx_config){
			.http = http, .timers = timers, .set = ARCHIVE_MOVED, .url = str_of(url) },
		    out, err);
	case MIGRATE_DUCKDB:
		return duck_sink_open(&(struct duck_sink_config){ .loop = move->loop, .path = url },
				      out, err);
	default: return err_set(err, STATUS_INVALID, "redis is no sink");
	}
}

struct opening {
	bool done;
	enum sink_outcome outcome;
	char why[MOVE_WHY];
};

static void on_opened(void *ctx, enum sink_outcome outcome, const char *why)
{
	struct opening *opening = ctx;
	opening->done = true;
	opening->outcome = outcome;
	snprintf(opening->why, sizeof opening->why, "%s", why);
}

static void turn(struct move *move) { loop_turn(move->loop, TURN_MS * ms_ns); }

/* Patience is for later: who is not there at the beginning is told of at once. */
static enum status open_lane(struct move *move, enum migrate_sink id, struct err *err)
{
	struct move_lane *lane = &move->lanes[id];
	struct opening opening = { .done = false };
	enum status status = make_sink(move, id, move->config.urls[id], &lane->sink, err);
	if (status)
		return err_wrap(err, status, "sink %s", migrate_sink_text(id));
	*lane = (struct move_lane){ .move = move, .id = id, .sink = lane->sink };
	buf_init(&lane->body, lane->sink->ops->bytes_max);
	archive_rows_init(&lane->back, 2 * (size_t)MOVE_KEY_BYTES);
	lane->sink->ops->open(lane->sink, on_opened, &opening);
	while (!opening.done)
		turn(move);
	lane->opened = opening.outcome == SINK_DONE;
	if (!lane->opened)
		return err_set(err, STATUS_UNAVAILABLE, "sink %s is %s: %s", migrate_sink_text(id),
			       sink_outcome_text(opening.outcome), opening.why);
	return STATUS_OK;
}

static enum status open_all(struct move *move, struct err *err)
{
	enum status status = loop_create(LOOP_TIMERS, &move->loop, err);
	if (!status)
		status = http_open(move->loop, &(struct http_config){ 0 }, &move->http, err);
	if (!status && moved_create(&move->moved))
		status = err_set(err, STATUS_NO_MEMORY, "no memory");
	for (unsigned i = 0; !status && i < MIGRATE_SINKS; i++)
		if (move->config.urls[i] && i != MIGRATE_REDIS)
			status = open_lane(move, (enum migrate_sink)i, err);
	return status;
}

enum status move_open(const struct move_config *config, struct move **out, struct err *err)
{
	struct move *move = calloc(1, sizeof *move);
	if (!move)
		return err_set(err, STATUS_NO_MEMORY, "no memory");
	move->config = *config;
	if (!move->config.patience_ns)
		move->config.patience_ns = 60000 * ms_ns;
	archive_rows_init(&move->rows, MOVE_KEY_BYTES);
	enum status status = open_all(move, err);
	if (status) {
		move_close(move);
		return status;
	}
	*out = move;
	return STATUS_OK;
}

/* ---- its end ---- */

static void set_flag(void *ctx) { *(bool *)ctx = true; }

static void end_set(struct move *move, struct move_set *set)
{
	for (size_t i = 0; i < set->n_keys; i++) {
		const struct move_end end = { .token = set->keys[i].token,
					      .outcome = MOVE_FAILED,
					      .rows = set->keys[i].to - set->keys[i].from,
					      .checksum = set->keys[i].checksum,
					      .why = "it was not waited for" };
		move->waiting--;
		move->config.on_key(move->config.ctx, &end);
	}
	move_set_free(set);
}

static void end_list(struct move *move, struct move_set *set)
{
	while (set) {
		struct move_set *next = set->next;
		end_set(move, set);
		set = next;
	}
}

static void close_lane(struct move *move, struct move_lane *lane)
{
	if (!lane->sink)
		return;
	timers_cancel(loop_timers(move->loop), &lane->later);
	lane->sink->ops->close(lane->sink, set_flag, &lane->closed);
	while (!lane->closed)
		turn(move);
	if (lane->flight)
		end_set(move, lane->flight);
	end_list(move, lane->queue);
	end_list(move, lane->open);
	buf_deinit(&lane->body);
	archive_rows_deinit(&lane->back);
}

void move_close(struct move *move)
{
	bool closed = false;
	if (!move)
		return;
	for (unsigned i = 0; i < MIGRATE_SINKS; i++)
		close_lane(move, &move->lanes[i]);
	if (move->http) {
		http_close(move->http, set_flag, &closed);
		while (!closed)
			turn(move);
	}
	moved_destroy(move->moved);
	archive_rows_deinit(&move->rows);
	loop_destroy(move->loop);
	free(move);
}

/* ---- sets ---- */

static void close_set(struct move_lane *lane, struct move_set *set)
{
	struct move_set **at = &lane->open;
	while (*at != set)
		at = &(*at)->next;
	*at = set->next;
	set->next = NULL;
	for (at = &lane->queue; *at; at = &(*at)->next)
		;
	*at = set;
	move_lane_start(lane);
}

static size_t queued(const struct move_lane *lane)
{
	size_t count = 0;
	for (const struct move_set *set = lane->queue; set; set = set->next)
		count++;
	return count;
}

static struct move_set *make_set(struct move_lane *lane, enum archive_table table,
				 const char *family)
{
	struct move_set *set = calloc(1, sizeof *set);
	if (set)
		set->names = calloc(MOVE_NAMES_ROOM, sizeof *set->names);
	if (!set || !set->names) {
		free(set);
		return NULL;
	}
	set->table = table;
	snprintf(set->family, sizeof set->family, "%s", family);
	archive_rows_init(&set->rows, (size_t)MOVE_KEY_BYTES + 2 * (size_t)MOVE_SET_BYTES);
	set->begun_ns = loop_now_ns(lane->move->loop);
	set->next = lane->open;
	lane->open = set;
	return set;
}

/* The fullest goes when there are too many of them. */
static void make_room(struct move_lane *lane)
{
	size_t count = 0, bytes = 0;
	struct move_set *fullest = lane->open;
	for (struct move_set *set = lane->open; set; set = set->next) {
		count++;
		bytes += set->rows.used;
		if (set->rows.used > fullest->rows.used)
			fullest = set;
	}
	if (count >= MOVE_SETS_OPEN || bytes >= MOVE_OPEN_BYTES)
		close_set(lane, fullest);
}

static bool knows_name(const struct move_set *set, uint64_t hash)
{
	size_t at = hash & (MOVE_NAMES_ROOM - 1);
	while (set->names[at] && set->names[at] != hash)
		at = (at + 1) & (MOVE_NAMES_ROOM - 1);
	return set->names[at] == hash;
}

static void add_name(struct move_set *set, uint64_t hash)
{
	size_t at = hash & (MOVE_NAMES_ROOM - 1);
	while (set->names[at])
		at = (at + 1) & (MOVE_NAMES_ROOM - 1);
	set->names[at] = hash;
}

/* The set that takes the key: not one that holds it already, as it was before. */
static struct move_set *set_for(struct move_lane *lane, const struct migrate_family *family,
				uint64_t name)
{
	char text[PATTERN_BYTES_MAX] = "";
	struct buf measurement = buf_over(text, sizeof text - 1);
	enum archive_table table = moved_table(family);
	if (lane->id == MIGRATE_INFLUX)
		moved_put_family(&measurement, family);
	text[measurement.len] = 0;
	for (struct move_set *set = lane->open; set; set = set->next) {
		if (set->table != table || strcmp(set->family, text) != 0)
			continue;
		if (!knows_name(set, name))
			return set;
		close_set(lane, set);
		break;
	}
	make_room(lane);
	return make_set(lane, table, text);
}

static enum status add_key(struct move_set *set, const struct archive_rows *rows, uint64_t token)
{
	if (set->n_keys == set->room) {
		size_t room = set->room ? set->room * 2 : 64;
		struct move_held_key *keys = realloc(set->keys, room * sizeof *keys);
		if (!keys)
			return STATUS_NO_MEMORY;
		set->keys = keys;
		set->room = room;
	}
	struct move_held_key key = { .token = token,
				     .from = set->rows.count,
				     .to = set->rows.count + rows->count };
	for (const struct archive_row *row = NULL; (row = archive_rows_next(rows, row));) {
		enum status status = archive_rows_copy(&set->rows, row);
		if (status)
			return status;
		key.checksum += archive_row_hash(row);
	}
	set->keys[set->n_keys++] = key;
	return STATUS_OK;
}

static bool is_full(const struct move_set *set)
{
	return set->rows.count >= MOVE_SET_ROWS || set->rows.used >= MOVE_SET_BYTES;
}

/* ---- keys ---- */

enum status move_check(const struct migrate_family *family, struct err *err)
{
	return moved_check(family, err);
}

void move_database(struct move *move, int database) { move->database = database; }

/* A name that could be another database's. */
static bool has_number(struct str name)
{
	size_t digits = 0;
	while (digits < name.len && name.ptr[digits] >= '0' && name.ptr[digits] <= '9')
		digits++;
	return digits && digits < name.len && name.ptr[digits] == '/';
}

/* A name that is too long for one is refused as it is. */
static struct str full_name(struct move *move, struct str name)
{
	struct buf full = buf_over(move->name, sizeof move->name);
	if ((!move->database && !has_number(name)) || name.len > MOVED_NAME_MAX)
		return name;
	buf_printf(&full, "%d/", move->database);
	buf_str_put(&full, name);
	return buf_str(&full);
}

enum status move_begin(struct move *move, const struct migrate_family *family, struct str name,
		       const struct pattern_match *match, enum audit_type type, int64_t expires_ms,
		       struct err *err)
{
	name = full_name(move, name);
	const struct moved_key key = { .family = family,
				       .name = name,
				       .match = match,
				       .type = type,
				       .expires_ms = expires_ms };
	CHECK(!move->family);
	if (!move->lanes[family->sink].sink)
		return err_set(err, STATUS_INVALID, "no %s was named in the plan's sinks",
			       migrate_sink_text(family->sink));
	archive_rows_clear(&move->rows);
	move->family = family;
	move->name_hash = str_hash(name) + !str_hash(name);
	moved_begin(move->moved, &key, &move->rows);
	return STATUS_OK;
}

void move_cancel(struct move *move) { move->family = NULL; }

enum status move_piece(struct move *move, const struct audit_element *elements, size_t count,
		       struct err *err)
{
	enum status status = moved_elements(move->moved, elements, count, err);
	if (status)
		move_cancel(move);
	return status;
}

/* Nothing that could be told apart from nothing may go. */
static enum status end_rows(struct move *move, struct err *err)
{
	enum status status = moved_end(move->moved, err);
	if (!status && !move->rows.count)
		status = err_set(err, STATUS_INVALID, "nothing in it that makes a row");
	return status;
}

enum status move_end(struct move *move, uint64_t token, struct err *err)
{
	struct move_lane *lane = &move->lanes[move->family->sink];
	const struct migrate_family *family = move->family;
	enum status status = end_rows(move, err);
	move_cancel(move);
	if (status)
		return status;
	struct move_set *set = set_for(lane, family, move->name_hash);
	status = set ? add_key(set, &move->rows, token) : STATUS_NO_MEMORY;
	if (status)
		return err_set(err, STATUS_NO_MEMORY, "no memory for a key's rows");
	add_name(set, move->name_hash);
	move->waiting++;
	if (is_full(set))
		close_set(lane, set);
	while (queued(lane) > MOVE_QUEUE_MAX)
		turn(move);
	return STATUS_OK;
}

static enum status give_all(struct move *move, const struct source_key *key, struct err *err)
{
	const struct audit_element whole = { .value = key->value };
	if (key->type == AUDIT_STRING)
		return move_piece(move, &whole, 1, err);
	return move_piece(move, key->elements, key->n_elements, err);
}

enum status move_key(struct move *move, const struct migrate_family *family, struct str name,
		     const struct pattern_match *match, const struct source_key *key,
		     uint64_t token, struct err *err)
{
	enum status status = move_begin(move, family, name, match, key->type, key->expires_ms, err);
	if (!status)
		status = give_all(move, key, err);
	return status ? status : move_end(move, token, err);
}

enum status move_digest(struct move *move, const struct migrate_family *family, struct str name,
			const struct pattern_match *match, const struct source_key *key,
			uint64_t *rows, uint64_t *checksum, struct err *err)
{
	uint64_t sum = 0;
	enum status status = move_begin(move, family, name, match, key->type, key->expires_ms, err);
	if (!status)
		status = give_all(move, key, err);
	if (!status)
		status = end_rows(move, err);
	move_cancel(move);
	if (status)
		return status;
	for (const struct archive_row *row = NULL; (row = archive_rows_next(&move->rows, row));)
		sum += archive_row_hash(row);
	*rows = move->rows.count;
	*checksum = sum;
	return STATUS_OK;
}

/* ---- time ---- */

static void close_sets(struct move *move, int64_t begun_before_ns)
{
	for (unsigned i = 0; i < MIGRATE_SINKS; i++) {
		struct move_set *set = move->lanes[i].open;
		while (set) {
			struct move_set *next = set->next;
			if (set->begun_ns <= begun_before_ns)
				close_set(&move->lanes[i], set);
			set = next;
		}
	}
}

void move_settle(struct move *move)
{
	close_sets(move, INT64_MAX);
	while (move->waiting)
		turn(move);
}

void move_turn(struct move *move)
{
	close_sets(move, loop_now_ns(move->loop) - MOVE_AGE_MS * ms_ns);
	loop_turn(move->loop, 0);
}

size_t move_waiting(const struct move *move) { return move->waiting; }
