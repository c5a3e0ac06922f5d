#include "daemon/signal_adding.h"

#include <stdlib.h>

#include "base/check.h"

enum { ID_BYTES_MAX = 64 };

struct adding {
	struct deliveries *deliveries;
	serve_signal_fn done;
	void *done_ctx;
	size_t id_len;
	char id[ID_BYTES_MAX];
};

static void tell(serve_signal_fn done, void *done_ctx, enum serve_outcome outcome, uint64_t sid,
		 const char *why)
{
	done(done_ctx, &(struct serve_signal_end){ outcome, sid, str_of(why) });
}

/* Its id may have come by another way meanwhile: then that one counts. */
static void tell_added(const struct adding *adding, uint64_t sid)
{
	struct str id = str_make(adding->id, adding->id_len);
	uint64_t first = sid;
	deliveries_remember(adding->deliveries, id, sid);
	bool repeated = deliveries_known(adding->deliveries, id, &first) && first != sid;
	tell(adding->done, adding->done_ctx, repeated ? SERVE_REPEATED : SERVE_ACCEPTED, first, "");
}

static void on_added(void *ctx, enum status status, uint64_t sid, struct stream_id entry)
{
	struct adding *adding = ctx;
	(void)entry;
	if (status)
		tell(adding->done, adding->done_ctx, SERVE_UNAVAILABLE, 0, status_text(status));
	else
		tell_added(adding, sid);
	free(adding);
}

static void add(const struct signal_sink *sink, const struct serve_signal *signal, struct str id,
		serve_signal_fn done, void *done_ctx)
{
	struct adding *adding = malloc(sizeof *adding);
	CHECK(id.len <= ID_BYTES_MAX); /* signal_read has looked */
	enum status status = adding ? STATUS_OK : STATUS_NO_MEMORY;
	if (adding) {
		adding->deliveries = sink->deliveries;
		adding->done = done;
		adding->done_ctx = done_ctx;
		adding->id_len = id.len;
		memcpy(adding->id, id.ptr, id.len);
		status = signal_store_add(sink->signals, signal->keys, signal->values,
					  signal->count, on_added, adding);
	}
	if (!status)
		return;
	free(adding);
	tell(done, done_ctx, status == STATUS_FULL ? SERVE_BUSY : SERVE_UNAVAILABLE, 0,
	     status == STATUS_FULL ? "busy" : status_text(status));
}

void signal_adding(const struct signal_sink *sink, const struct serve_signal *signal,
		   serve_signal_fn done, void *done_ctx)
{
	struct signal read;
	uint64_t first;
	const char *why = signal_read(&read, signal->keys, signal->values, signal->count);
	struct str id = signal_text(&read, SIGNAL_id);
	if (why)
		tell(done, done_ctx, SERVE_REFUSED, 0, why);
	else if (deliveries_known(sink->deliveries, id, &first))
		tell(done, done_ctx, SERVE_REPEATED, first, "");
	else
		add(sink, signal, id, done, done_ctx);
}
