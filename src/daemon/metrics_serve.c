/* What HTTP counts: connections, requests, signals, what was denied; and pictures. */
#include "base/check.h"
#include "daemon/metrics_print.h"
#include "daemon/picturing.h"
#include "daemon/serving.h"
#include "serve/push.h"

struct figure {
	const char *label;
	uint64_t value;
};

static void put_figures(struct buf *out, enum metric metric, const struct figure *figures,
			size_t count)
{
	metric_head(out, metric);
	for (size_t i = 0; i < count; i++) {
		const struct str label = str_of(figures[i].label);
		metric_sample(out, metric, &label, 1, figures[i].value);
	}
}

static void put_answers(const struct http_server_stats *stats, struct buf *out)
{
	const struct figure answers[] = {
		{ "1xx", stats->answers[1] }, { "2xx", stats->answers[2] },
		{ "3xx", stats->answers[3] }, { "4xx", stats->answers[4] },
		{ "5xx", stats->answers[5] },
	};
	put_figures(out, METRIC_http_answers, answers, ARRAY_LEN(answers));
}

static void put_cuts(const struct http_server_stats *stats, struct buf *out)
{
	const struct figure cuts[] = {
		{ "over_limit", stats->over_limit },
		{ "not_taken", stats->not_taken },
		{ "bad", stats->bad },
		{ "late", stats->late },
		{ "slow_reader", stats->slow_readers },
		{ "bodies", stats->bodies_refused },
		{ "answers", stats->answers_refused },
		{ "unanswered", stats->unanswered },
		{ "tls", stats->tls_failed },
	};
	put_figures(out, METRIC_http_cut, cuts, ARRAY_LEN(cuts));
}

static void put_server(const struct http_server_stats *stats, struct buf *out)
{
	metrics_put(out, METRIC_http_accepted, stats->accepted);
	metrics_put(out, METRIC_http_open, stats->open);
	metrics_put(out, METRIC_http_requests, stats->requests);
	put_answers(stats, out);
	put_cuts(stats, out);
	metrics_put(out, METRIC_http_abandoned, stats->abandoned);
	metrics_put(out, METRIC_http_bytes, stats->bytes_in);
	metrics_put(out, METRIC_http_bytes_sent, stats->bytes_out);
}

static void put_requests(const struct serve_counts *counts, struct buf *out)
{
	const struct figure signals[] = {
		{ "accepted", counts->accepted },       { "repeated", counts->repeated },
		{ "refused", counts->refused },         { "busy", counts->busy },
		{ "unavailable", counts->unavailable },
	};
	const struct figure denied[] = {
		{ "no_token", counts->no_token }, { "bad_token", counts->bad_token },
		{ "no_scope", counts->no_scope }, { "held_off", counts->held_off },
		{ "host", counts->bad_host },     { "origin", counts->bad_origin },
		{ "rate", counts->too_many },
	};
	const struct figure questions[] = {
		{ "anew", counts->asked_anew },
		{ "kept", counts->asked_kept },
	};
	put_figures(out, METRIC_http_questions, questions, ARRAY_LEN(questions));
	put_figures(out, METRIC_http_signals, signals, ARRAY_LEN(signals));
	put_figures(out, METRIC_http_denied, denied, ARRAY_LEN(denied));
}

static void put_push(const struct http_server_stats *stats, const struct push_counts *counts,
		     struct buf *out)
{
	const struct figure messages[] = {
		{ "whole", counts->whole },   { "changes", counts->changes },
		{ "answers", counts->asked }, { "errors", counts->errors },
		{ "pings", stats->ws_pings }, { "skipped", counts->skipped },
	};
	const struct figure ended[] = {
		{ "full", counts->refused },
		{ "slow", counts->cut },
		{ "silent", stats->ws_silent },
		{ "bad", stats->ws_bad },
	};
	metrics_put(out, METRIC_push_clients, counts->clients);
	put_figures(out, METRIC_push_messages, messages, ARRAY_LEN(messages));
	metrics_put(out, METRIC_push_rendered, counts->rendered);
	put_figures(out, METRIC_push_ended, ended, ARRAY_LEN(ended));
}

static void put_pictures(const struct picturing *picturing, struct buf *out)
{
	static const struct picturing_counts zero;
	const struct picturing_counts *counts = picturing ? picturing_counts(picturing) : &zero;
	const struct figure figures[] = {
		{ "drawn", counts->drawn }, { "shared", counts->shared }, { "none", counts->none },
		{ "full", counts->full },   { "failed", counts->failed },
	};
	put_figures(out, METRIC_pictures, figures, ARRAY_LEN(figures));
}

static void put_quantiles(enum metric metric, const struct hist *hist, struct buf *out)
{
	metric_head(out, metric);
	metric_quantiles(out, metric, hist, 1e-9);
}

void metrics_serve_print(struct daemon *daemon, struct buf *out)
{
	static const struct hist none;
	const struct picturing *pictures = daemon_picturing(daemon);
	put_quantiles(METRIC_answer_cpu, daemon_answers(daemon), out);
	put_quantiles(METRIC_picture_cpu, pictures ? picturing_took(pictures) : &none, out);
	const struct serving *serving = daemon_serving(daemon);
	put_pictures(daemon_picturing(daemon), out);
	if (!serving)
		return;
	put_server(serving_stats(serving), out);
	put_requests(serving_counts(serving), out);
	put_push(serving_stats(serving), serving_push_counts(serving), out);
}
