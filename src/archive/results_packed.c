/* Packed entries: each row of a chunk becomes a row of the batch, as a plain entry's fields do;
 * one that cannot goes to the ladder by itself. All of it is in one batch, or none: rows that
 * were put are taken back when the batch has no room for the next, and room for letters is
 * looked for before the first one is written.
 *
 * A chunk that cannot be unpacked is one letter and counts as one result, whatever its head
 * says; once it is unpacked, tried again, it counts as its rows. */
#include "archive/results_impl.h"

static struct results_entry entry_of(const struct redis_reply *fields)
{
	return (struct results_entry){ .items = fields->items, .count = fields->count };
}

/* By its head; of one that has none, 1. */
static size_t rows_of_chunk(struct str chunk)
{
	size_t rows;
	return entries_count(ENTRIES_RESULTS, chunk, &rows) ? 1 : rows;
}

size_t results_rows_of(const struct redis_reply *fields)
{
	struct str chunk;
	if (fields->type != REDIS_ARRAY)
		return 1;
	const struct results_entry entry = entry_of(fields);
	return results_row_is_packed(&entry, &chunk) ? rows_of_chunk(chunk) : 1;
}

/* ---- unpacking ---- */

struct unpacking {
	struct results *results;
	struct slot *slot;
	struct results_id id;
	size_t rows, bad;
	uint8_t is_bad[ENTRIES_ROWS_MAX / 8];
};

static enum status put_row(struct unpacking *unpacking, size_t row, struct results_told *told)
{
	struct results *results = unpacking->results;
	const struct str *values = entries_row(results->reader, row);
	return results_row_put(&unpacking->slot->batch->rows, values, unpacking->id.ms,
			       &results->world, told);
}

/* FULL: rows are there that must be taken back. */
static enum status put_rows(struct unpacking *unpacking, bool *late)
{
	struct results_told told;
	for (size_t row = 0; row < unpacking->rows; row++) {
		enum status status = put_row(unpacking, row, &told);
		if (status == STATUS_FORMAT) {
			unpacking->is_bad[row / 8] |= (uint8_t)(1u << row % 8);
			unpacking->bad++;
		} else if (status) {
			return status;
		} else {
			*late |= results_is_late(&told);
		}
	}
	return STATUS_OK;
}

/* There is room for it: what fails now is memory, and then all of it is read again by the
 * weir that follows. */
static void put_letter(struct unpacking *unpacking, size_t row)
{
	struct results *results = unpacking->results;
	const struct results_place place = { unpacking->id, true, row };
	struct redis_reply items[2 * RESULT_FIELDS];
	struct results_told told;
	CHECK(put_row(unpacking, row, &told) == STATUS_FORMAT);
	const struct results_entry entry =
	    results_row_entry(entries_row(results->reader, row), place.id.ms, items);
	CHECK(results_bad(results, unpacking->slot, &place, &entry, told.fault) == STATUS_OK);
}

static enum status put_all(struct unpacking *unpacking)
{
	struct archive_rows *rows = &unpacking->slot->batch->rows;
	const size_t used = rows->used, count = rows->count;
	bool late = false;
	enum status status = put_rows(unpacking, &late);
	if (!status && !results_has_letters(unpacking->results, unpacking->slot, unpacking->bad))
		status = STATUS_FULL;
	if (status) {
		rows->used = used;
		rows->count = count;
		return status;
	}
	if (late)
		unpacking->slot->batch->flags |= WRITER_CHECKED;
	for (size_t row = 0; unpacking->bad && row < unpacking->rows; row++)
		if (unpacking->is_bad[row / 8] & (1u << row % 8))
			put_letter(unpacking, row);
	return STATUS_OK;
}

enum status results_unpack(struct results *results, struct slot *slot, struct results_id id,
			   struct str chunk, size_t *rows, struct results_told *told)
{
	struct unpacking unpacking = { .results = results, .slot = slot, .id = id };
	enum status status = entries_read(results->reader, ENTRIES_RESULTS, chunk, &unpacking.rows);
	if (status)
		return results_row_fault_of_chunk(told, chunk, status);
	if (!results_slot_has_room(slot, unpacking.rows))
		return STATUS_FULL;
	status = put_all(&unpacking);
	if (status)
		return status;
	*rows = unpacking.rows;
	results->counts.packed++;
	return STATUS_OK;
}

/* ---- counting ---- */

/* The base has an entry up to one_until as one result, field x any later one as the rows its
 * head says. */
void results_packed_counted(struct results *results, struct results_id id,
			    const struct redis_reply *fields, size_t rows)
{
	size_t counted = results_id_cmp(id, results->one_until) <= 0 ? 1 : results_rows_of(fields);
	results->base += (int64_t)rows - (int64_t)counted;
}
