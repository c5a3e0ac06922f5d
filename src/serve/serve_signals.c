/* Signals: of a request each is given to the store; it is answered when all have ended. */
#include <stdlib.h>

#include "base/json_out.h"
#include "serve/serve_impl.h"
#include "serve/signals_in.h"

struct batch;

struct part {
	struct batch *batch;
	enum serve_outcome outcome;
	uint64_t sid;
	char why[48];
};

struct batch {
	struct serve *serve;
	struct http_call *call;
	struct signals_in *signals;
	size_t count, left;
	size_t ends[SERVE_UNAVAILABLE + 1]; /* by outcome */
	struct part parts[];
};

static void free_batch(struct batch *batch)
{
	signals_in_destroy(batch->signals);
	free(batch);
}

/* ---- the answer ---- */

static void put_ids(struct batch *batch, struct json_out *json, bool accepted)
{
	json_out_open(json, accepted ? "accepted" : "refused", '[');
	for (size_t i = 0; i < batch->count; i++) {
		const struct part *part = &batch->parts[i];
		struct str id = signals_in_at(batch->signals, i).id;
		if ((part->outcome <= SERVE_REPEATED) != accepted)
			continue;
		json_out_open(json, NULL, '{');
		if (id.len)
			json_out_str(json, "id", id);
		else
			json_out_null(json, "id");
		if (accepted)
			json_out_i64(json, "sid", (int64_t)part->sid);
		else
			json_out_str(json, "why", str_of(part->why));
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
}

static int code_of(const struct batch *batch)
{
	if (batch->ends[SERVE_ACCEPTED])
		return 202;
	if (batch->ends[SERVE_REPEATED])
		return 200;
	if (batch->ends[SERVE_UNAVAILABLE])
		return 503;
	return batch->ends[SERVE_BUSY] ? 429 : 422;
}

static void count(struct batch *batch)
{
	struct serve_counts *counts = &batch->serve->counts;
	counts->signals += batch->count;
	counts->accepted += batch->ends[SERVE_ACCEPTED];
	counts->repeated += batch->ends[SERVE_REPEATED];
	counts->refused += batch->ends[SERVE_REFUSED];
	counts->busy += batch->ends[SERVE_BUSY];
	counts->unavailable += batch->ends[SERVE_UNAVAILABLE];
}

static void answer(struct batch *batch)
{
	struct buf *out = &batch->serve->out;
	struct json_out json = { .out = out };
	buf_clear(out);
	json_out_open(&json, NULL, '{');
	put_ids(batch, &json, true);
	put_ids(batch, &json, false);
	json_out_close(&json, '}');
	struct http_reply reply = { .code = code_of(batch),
				    .type = "application/json",
				    .body = buf_str(out) };
	if (reply.code == 429 || reply.code == 503)
		reply.headers[reply.n_headers++] =
		    (struct http_header){ STR("Retry-After"), STR("1") };
	http_call_answer(batch->call, &reply);
}

static void end_one(struct batch *batch)
{
	if (--batch->left)
		return;
	count(batch);
	answer(batch);
	free_batch(batch);
}

static void on_end(void *ctx, const struct serve_signal_end *end)
{
	struct part *part = ctx;
	struct str why = end->why.len < sizeof part->why
			     ? end->why
			     : str_make(end->why.ptr, sizeof part->why - 1);
	part->outcome = end->outcome;
	part->sid = end->sid;
	enum status copied = str_copy(why, part->why, sizeof part->why);
	(void)copied; /* it fits: it was cut */
	part->batch->ends[part->outcome]++;
	end_one(part->batch);
}

/* ---- the request ---- */

static void give(struct batch *batch, size_t index)
{
	struct part *part = &batch->parts[index];
	struct signal_in in = signals_in_at(batch->signals, index);
	const struct serve_hooks *hooks = &batch->serve->hooks;
	const struct serve_signal signal = { in.keys, in.values, in.count };
	part->batch = batch;
	if (in.why)
		on_end(part, &(struct serve_signal_end){ SERVE_REFUSED, 0, str_of(in.why) });
	else
		hooks->signal(hooks->ctx, &signal, on_end, part);
}

static void submit(struct serve_request *request, struct signals_in *signals)
{
	size_t n = signals_in_count(signals);
	struct batch *batch = calloc(1, sizeof *batch + n * sizeof batch->parts[0]);
	if (!batch) {
		signals_in_destroy(signals);
		serve_error(request->call, 503, "no memory");
		return;
	}
	batch->serve = request->serve;
	batch->call = request->call;
	batch->signals = signals;
	batch->count = n;
	batch->left = n + 1; /* ends may come from inside the calls */
	for (size_t i = 0; i < n; i++)
		give(batch, i);
	end_one(batch);
}

/* True: it was answered. */
static bool is_shut(struct serve_request *request)
{
	const struct serve_hooks *hooks = &request->serve->hooks;
	char storage[200];
	struct buf why = buf_over(storage, sizeof storage - 1);
	int retry_s = 1;
	enum serve_intake intake =
	    hooks->intake ? hooks->intake(hooks->ctx, &why, &retry_s) : SERVE_OPEN;
	storage[why.len] = 0;
	if (intake == SERVE_OPEN)
		return false;
	serve_error_later(request->call, intake == SERVE_FULL ? 429 : 503, retry_s, storage);
	return true;
}

void serve_signals_post(struct serve_request *request)
{
	char storage[200];
	struct buf why = buf_over(storage, sizeof storage - 1);
	if (!request->serve->hooks.signal) {
		serve_not_here(request->call, "a signal");
		return;
	}
	if (is_shut(request))
		return;
	struct signals_in *signals = signals_in_read(request->asked->body, &why);
	storage[why.len] = 0;
	if (signals)
		submit(request, signals);
	else
		serve_error(request->call, 400, "%s", storage);
}

/* Whose token it is was looked at; the path goes nowhere. */
void serve_hook(struct serve_request *request) { serve_signals_post(request); }

/* ---- the story of one ---- */

static void on_trace(void *ctx, enum status status, struct str text, bool cut)
{
	(void)cut;
	if (status)
		serve_error_status(ctx, status, text);
	else
		serve_json(ctx, 200, text);
}

void serve_signals_get(struct serve_request *request)
{
	const struct serve_hooks *hooks = &request->serve->hooks;
	struct str id;
	if (!serve_parameter(request, "id", &id))
		return;
	if (!id.ptr || !id.len)
		serve_signals_list(request);
	else if (id.len > 64)
		serve_error(request->call, 400, "?id= is a signal's id, of 1 to 64 characters");
	else if (!hooks->trace)
		serve_not_here(request->call, "a signal's story");
	else
		hooks->trace(hooks->ctx, id, on_trace, request->call);
}
