/* Rows from the cores that wait for a batch, a queue a table. */
#include "archive/feeds_impl.h"

static const struct {
	enum archive_table table;
	size_t bytes;
} shares[FEEDS_QUEUES] = {
	[FEEDS_OPERATOR] = { TABLE_operator_log, 128 << 10 },
	[FEEDS_ALERTS] = { TABLE_alert_log, 1024 << 10 },
	[FEEDS_ACCOUNTS] = { TABLE_accounts, 384 << 10 },
	[FEEDS_MINUTES] = { TABLE_instance_minutes, 1536 << 10 },
	[FEEDS_INDICATORS] = { TABLE_indicator_values, 1024 << 10 },
};

_Static_assert((128 + 1024 + 384 + 1536 + 1024) << 10 == FEEDS_QUEUE_BYTES, "the shares of it");

void feeds_queues_init(struct feeds_queue queues[FEEDS_QUEUES])
{
	for (int i = 0; i < FEEDS_QUEUES; i++) {
		queues[i] =
		    (struct feeds_queue){ .table = shares[i].table, .gone = FEEDS_GONE_NONE };
		archive_rows_init(&queues[i].rows, shares[i].bytes);
	}
}

void feeds_queues_deinit(struct feeds_queue queues[FEEDS_QUEUES])
{
	for (int i = 0; i < FEEDS_QUEUES; i++)
		archive_rows_deinit(&queues[i].rows);
}

size_t feeds_queue_count(const struct feeds_queue *queue)
{
	return queue->rows.count - queue->taken;
}

const struct archive_row *feeds_queue_first(const struct feeds_queue *queue)
{
	const struct archive_row *gone = NULL;
	if (queue->gone != FEEDS_GONE_NONE)
		gone = (const struct archive_row *)(queue->rows.memory + queue->gone);
	return archive_rows_next(&queue->rows, gone);
}

static void clear(struct feeds_queue *queue)
{
	archive_rows_clear(&queue->rows);
	queue->gone = FEEDS_GONE_NONE;
	queue->taken = 0;
}

void feeds_queue_take(struct feeds_queue *queue)
{
	const struct archive_row *first = feeds_queue_first(queue);
	queue->gone = (size_t)((const char *)first - queue->rows.memory);
	queue->taken++;
	if (!feeds_queue_count(queue))
		clear(queue);
}

/* What was taken goes. Where that is less than what waits, the older half of this too. */
static void make_room(struct feeds_queue *queue)
{
	struct archive_rows kept;
	const struct archive_row *row;
	size_t waits = feeds_queue_count(queue);
	size_t drop = queue->taken < waits ? (waits + 1) / 2 : 0;
	queue->dropped += drop;
	for (; drop; drop--)
		feeds_queue_take(queue);
	archive_rows_init(&kept, queue->rows.bytes_max);
	while ((row = feeds_queue_first(queue))) {
		queue->dropped += archive_rows_copy(&kept, row) != STATUS_OK;
		feeds_queue_take(queue);
	}
	archive_rows_deinit(&queue->rows);
	queue->rows = kept;
}

static enum status put(struct feeds_queue *queue,
		       void (*cells)(struct archive_rows *rows, const void *what), const void *what)
{
	archive_rows_begin(&queue->rows, queue->table);
	cells(&queue->rows, what);
	return archive_rows_end(&queue->rows);
}

void feeds_queue_put(struct feeds_queue *queue,
		     void (*cells)(struct archive_rows *rows, const void *what), const void *what)
{
	if (!put(queue, cells, what))
		return;
	make_room(queue);
	queue->dropped += put(queue, cells, what) != STATUS_OK;
}
