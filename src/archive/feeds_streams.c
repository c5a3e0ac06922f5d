/* The streams that are fed, and what an entry of each says (def/keys.def). */
#include "archive/feeds_impl.h"

#define FEEDS_NS INT64_C(1000000)

/* The column, from a field. A number, or a text; one that must be there and is not: FORMAT. */
static enum status put(struct archive_rows *rows, enum archive_column column,
		       const struct stream_feed_entry *entry, struct str field)
{
	const struct archive_column_row *row = archive_column_row(column);
	struct str value = stream_feed_field(entry, field);
	if (!value.len)
		return row->optional ? STATUS_OK : STATUS_FORMAT;
	if (row->type != ARCHIVE_TEXT && row->type != ARCHIVE_WORD)
		return archive_row_number(rows, column, value);
	archive_row_text(rows, column, value);
	return STATUS_OK;
}

struct field {
	enum archive_column column;
	struct str name;
};

static enum status put_all(struct archive_rows *rows, const struct stream_feed_entry *entry,
			   const struct field *fields, size_t count)
{
	enum status status = STATUS_OK;
	for (size_t i = 0; i < count && !status; i++)
		status = put(rows, fields[i].column, entry, fields[i].name);
	return status;
}

/* Times in ms that µs can hold. */
static enum status put_ms(struct archive_rows *rows, enum archive_column column, int64_t ms)
{
	if (ms < 0 || ms > INT64_MAX / 1000)
		return STATUS_RANGE;
	archive_row_int(rows, column, ms * 1000);
	return STATUS_OK;
}

static enum status ms_of(const struct stream_feed_entry *entry, struct str field, int64_t *ms)
{
	return str_to_i64(stream_feed_field(entry, field), ms);
}

static enum status id_time(struct archive_rows *rows, enum archive_column column,
			   const struct stream_feed_entry *entry)
{
	return entry->id.ms > INT64_MAX ? STATUS_RANGE
					: put_ms(rows, column, (int64_t)entry->id.ms);
}

/* ---- instance_events ---- */

static enum status event_cells(struct archive_rows *rows, const struct stream_feed_entry *entry)
{
	static const struct field fields[] = {
		{ COLUMN_instance_events_instance, STR("id") },
		{ COLUMN_instance_events_event, STR("event") },
		{ COLUMN_instance_events_from_state, STR("from") },
		{ COLUMN_instance_events_to_state, STR("to") },
		{ COLUMN_instance_events_reason, STR("reason") },
		{ COLUMN_instance_events_attempts, STR("attempts") },
	};
	int64_t ms;
	enum status status = ms_of(entry, STR("ts"), &ms);
	if (!status)
		status = put_ms(rows, COLUMN_instance_events_at_us, ms);
	if (!status)
		status = put_all(rows, entry, fields, sizeof fields / sizeof fields[0]);
	archive_row_int(rows, COLUMN_instance_events_repeated,
			str_eq(stream_feed_field(entry, STR("repeat")), STR("1")));
	return status;
}

const struct stream_feed_kind feeds_events_kind = {
	.table = TABLE_instance_events,
	.poll_ns = FEEDS_EVENTS_MS * FEEDS_NS,
	.checked = true, /* instance_store.h: what a server lost is said again */
	.cells = event_cells,
};

/* ---- markets ---- */

static enum status interest_cells(struct archive_rows *rows, const struct stream_feed_entry *entry)
{
	archive_row_text(rows, COLUMN_open_interest_market, entry->subject);
	enum status status = id_time(rows, COLUMN_open_interest_at_us, entry);
	return status ? status : put(rows, COLUMN_open_interest_quantity, entry, STR("q"));
}

const struct stream_feed_kind feeds_interest_kind = {
	.table = TABLE_open_interest,
	.poll_ns = FEEDS_STREAM_MS * FEEDS_NS,
	.cells = interest_cells,
};

/* 0: not known. */
static enum status funding_cells(struct archive_rows *rows, const struct stream_feed_entry *entry)
{
	int64_t next_ms, interval;
	archive_row_text(rows, COLUMN_funding_market, entry->subject);
	enum status status = id_time(rows, COLUMN_funding_at_us, entry);
	if (!status)
		status = put(rows, COLUMN_funding_rate, entry, STR("r"));
	if (!status && !ms_of(entry, STR("n"), &next_ms) && next_ms > 0)
		status = put_ms(rows, COLUMN_funding_next_us, next_ms);
	if (!status && !ms_of(entry, STR("i"), &interval) && interval > 0)
		archive_row_int(rows, COLUMN_funding_interval_minutes, interval);
	return status;
}

const struct stream_feed_kind feeds_funding_kind = {
	.table = TABLE_funding,
	.poll_ns = FEEDS_STREAM_MS * FEEDS_NS,
	.cells = funding_cells,
};

/* Two that say the same in one ms are two: the µs is the place among those that came in the
 * same ms, so that their keys differ. */
static enum status liquidation_time(struct archive_rows *rows,
				    const struct stream_feed_entry *entry)
{
	int64_t ms;
	enum status status = ms_of(entry, STR("t"), &ms);
	if (status)
		return status;
	if (ms < 0 || ms >= INT64_MAX / 1000)
		return STATUS_RANGE;
	int64_t place = entry->id.seq < 999 ? (int64_t)entry->id.seq : 999;
	archive_row_int(rows, COLUMN_liquidations_at_us, ms * 1000 + place);
	return STATUS_OK;
}

static enum status liquidation_cells(struct archive_rows *rows,
				     const struct stream_feed_entry *entry)
{
	static const struct field fields[] = {
		{ COLUMN_liquidations_price, STR("p") },
		{ COLUMN_liquidations_quantity, STR("q") },
	};
	struct str side = stream_feed_field(entry, STR("s"));
	bool is_long = str_eq(side, STR("l"));
	if (!is_long && !str_eq(side, STR("s")))
		return STATUS_FORMAT;
	archive_row_text(rows, COLUMN_liquidations_market, entry->subject);
	archive_row_text(rows, COLUMN_liquidations_side, is_long ? STR("long") : STR("short"));
	enum status status = liquidation_time(rows, entry);
	return status ? status : put_all(rows, entry, fields, sizeof fields / sizeof fields[0]);
}

const struct stream_feed_kind feeds_liquidations_kind = {
	.table = TABLE_liquidations,
	.poll_ns = FEEDS_STREAM_MS * FEEDS_NS,
	.cells = liquidation_cells,
};
