#include <stdlib.h>

#include "archive/results_row.h"
#include "base/check.h"
#include "codec/entries.h"
#include "def/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAIRS_MAX = 300 };

static int64_t offset(void *ctx, struct str instance)
{
	(void)ctx;
	return instance.len % 2 ? INT64_MIN : (int64_t)instance.len * 3600000;
}

static bool account(void *ctx, struct str instance, struct str *server, int64_t *login)
{
	(void)ctx;
	*server = STR("Broker-Live");
	*login = 42;
	return instance.len % 3 != 0;
}

static const struct results_world world = { offset, account, NULL };

/* What every row of the table has, whatever the entry says. */
static void check_row(const struct archive_row *row)
{
	struct str rid = archive_cell_text(row, COLUMN_trade_results_result_id);
	CHECK(row->table == TABLE_trade_results && rid.len > 0);
	CHECK(archive_cell_text(row, COLUMN_trade_results_status).len > 0);
	CHECK(archive_cell_there(row, COLUMN_trade_results_received_us));
	CHECK(archive_cell_int(row, COLUMN_trade_results_event_us, -1) >= 0);
	for (struct str rest = rid; rest.len;) {
		size_t n = str_utf8_len(rest);
		CHECK(n > 0);
		rest = str_skip(rest, n);
	}
}

static bool same(const struct results_entry *entry, const struct results_payload *payload)
{
	if (entry->count != payload->count)
		return false;
	for (size_t i = 0; i < entry->count; i++)
		if (!str_eq(entry->items[i].text, payload->items[i].text))
			return false;
	return true;
}

/* What is kept of a bad entry fails again for the same reason. */
static void check_again(const struct results_entry *entry, const struct results_told *told,
			struct archive_rows *rows)
{
	static struct results_payload payload;
	static char storage[RESULTS_PAYLOAD_MAX];
	struct buf json = buf_over(storage, sizeof storage);
	struct results_told again;
	results_payload_write(&json, entry);
	CHECK(!json.overflow);
	CHECK(results_payload_read(&payload, buf_str(&json)) == STATUS_OK);
	if (payload.cut)
		return;
	CHECK(same(entry, &payload));
	const struct results_entry kept = { entry->id_ms, payload.items, payload.count };
	CHECK(results_row_add(rows, &kept, &world, &again) == STATUS_FORMAT);
	CHECK(strcmp(again.fault, told->fault) == 0);
}

/* Each row of a chunk is a row of the table, or the plain entry that it would be fails alike. */
static void check_chunk(struct str chunk)
{
	static struct entries_reader *reader;
	struct redis_reply items[2 * RESULT_FIELDS];
	struct results_told told;
	struct archive_rows rows;
	size_t count = 0;
	reader = reader ? reader : entries_reader_create();
	if (entries_read(reader, ENTRIES_RESULTS, chunk, &count))
		return;
	archive_rows_init(&rows, 4 << 20);
	for (size_t i = 0; i < count; i++) {
		const struct str *values = entries_row(reader, i);
		enum status status = results_row_put(&rows, values, 7, &world, &told);
		CHECK(status == STATUS_OK || status == STATUS_FORMAT);
		if (status == STATUS_OK)
			continue;
		const struct results_entry entry = results_row_entry(values, 7, items);
		check_again(&entry, &told, &rows);
	}
	for (const struct archive_row *row = NULL; (row = archive_rows_next(&rows, row));)
		check_row(row);
	archive_rows_deinit(&rows);
}

/* Lines `field=value` are an entry: it becomes a row, or is refused with a reason, and then
 * its payload brings it back. The bytes are a payload besides, and a chunk, or none. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct results_payload payload;
	struct redis_reply items[2 * PAIRS_MAX];
	struct str rest = str_make((const char *)data, size), line;
	struct results_entry entry = { .id_ms = size * 1000003, .items = items };
	struct results_told told;
	struct archive_rows rows;
	while (rest.ptr && entry.count < 2 * PAIRS_MAX && str_split(&rest, '\n', &line)) {
		size_t at = str_find_char(line, '=');
		items[entry.count++] =
		    (struct redis_reply){ .type = REDIS_BULK, .text = str_make(line.ptr, at) };
		items[entry.count++] =
		    (struct redis_reply){ .type = REDIS_BULK, .text = str_skip(line, at + 1) };
	}
	archive_rows_init(&rows, 1 << 20);
	enum status status = results_row_add(&rows, &entry, &world, &told);
	CHECK(status == STATUS_OK || status == STATUS_FORMAT);
	if (status == STATUS_OK) {
		check_row(archive_rows_next(&rows, NULL));
	} else {
		CHECK(told.fault[0] && !rows.count);
		check_again(&entry, &told, &rows);
	}
	archive_rows_deinit(&rows);
	status = results_payload_read(&payload, str_make((const char *)data, size));
	CHECK(status == STATUS_OK || status == STATUS_FORMAT);
	check_chunk(str_make((const char *)data, size));
	return 0;
}
