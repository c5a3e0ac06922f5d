#include "cli/tape_verify.h"

#include <stdlib.h>

#include "base/check.h"
#include "cli/tape_walk.h"
#include "codec/decoder.h"
#include "codec/recording.h"
#include "feed/recording_files.h"
#include "market/markets.h"

/* One trade at scales that any venue's text fits: compared as a whole. */
struct fact {
	struct decimal price, qty;
	int64_t t_ms, id;   /* id: ordered id or seq */
	uint64_t text_hash; /* of the venue's id text; 0 from the tape */
	uint8_t side;
};

struct facts {
	struct fact *rows;
	size_t count, cap;
};

struct verify_market {
	struct market_id id;
	struct facts recorded, taped;
	int aggregated; /* -1: not known yet */
};

struct verify {
	struct segment_visit *visit;
	struct trade *trades;
	struct verify_market *markets;
	size_t n_markets;
	struct verify_market *last;
};

static void push(struct facts *facts, const struct fact *fact)
{
	if (facts->count == facts->cap) {
		facts->cap = facts->cap ? facts->cap * 2 : 4096;
		facts->rows = realloc(facts->rows, facts->cap * sizeof *facts->rows);
		CHECK(facts->rows);
	}
	facts->rows[facts->count++] = *fact;
}

static int cmp_i64(int64_t a, int64_t b) { return a < b ? -1 : a > b; }

static struct decimal trimmed(struct decimal d)
{
	while (d.scale > 0 && d.mantissa % 10 == 0) {
		d.mantissa /= 10;
		d.scale--;
	}
	return d;
}

/* All but the text's hash. */
static int compare_facts(const struct fact *a, const struct fact *b)
{
	int diff = cmp_i64(a->t_ms, b->t_ms);
	diff = diff ? diff : cmp_i64(a->id, b->id);
	diff = diff ? diff : cmp_i64(a->price.mantissa, b->price.mantissa);
	diff = diff ? diff : cmp_i64(a->price.scale, b->price.scale);
	diff = diff ? diff : cmp_i64(a->qty.mantissa, b->qty.mantissa);
	diff = diff ? diff : cmp_i64(a->qty.scale, b->qty.scale);
	return diff ? diff : cmp_i64(a->side, b->side);
}

static int compare_rows(const void *a, const void *b)
{
	const struct fact *x = a, *y = b;
	int diff = compare_facts(x, y);
	if (diff)
		return diff;
	return x->text_hash < y->text_hash ? -1 : x->text_hash > y->text_hash;
}

static struct verify_market *market_of(struct verify *verify, const struct market_id *id)
{
	if (verify->last && market_id_eq(&verify->last->id, id))
		return verify->last;
	for (size_t i = 0; i < verify->n_markets; i++)
		if (market_id_eq(&verify->markets[i].id, id))
			return verify->last = &verify->markets[i];
	if (verify->n_markets == MARKETS_MAX)
		return NULL;
	struct verify_market *market = &verify->markets[verify->n_markets++];
	*market = (struct verify_market){ .id = *id, .aggregated = -1 };
	return verify->last = market;
}

static void take_event(struct verify *verify, enum venue venue, enum kind kind,
		       const struct event *event)
{
	struct market_id id;
	if (event->type != EVENT_TRADE || event->trade.block ||
	    market_id_make(venue, kind, event->symbol, &id))
		return;
	struct verify_market *market = market_of(verify, &id);
	if (!market)
		return;
	if (market->aggregated < 0)
		market->aggregated = event->trade.aggregated;
	if (market->aggregated != event->trade.aggregated)
		return;
	bool ordered = event->trade.ordered_id >= 0;
	struct fact fact = {
		.price = trimmed(event->trade.price),
		.qty = trimmed(event->trade.qty),
		.t_ms = event->t_ms,
		.id = ordered ? event->trade.ordered_id : event->trade.seq,
		.text_hash = ordered ? 0 : str_hash(event->trade.id),
		.side = event->trade.side,
	};
	push(&market->recorded, &fact);
}

struct verify_input {
	struct recording *parser;
	struct event *events;
	struct recording_files *files;
	struct decoder *decoders[VENUE_COUNT][KIND_COUNT];
};

static void close_input(struct verify_input *input)
{
	for (int venue = 0; venue < VENUE_COUNT; venue++)
		for (int kind = 0; kind < KIND_COUNT; kind++)
			decoder_destroy(input->decoders[venue][kind]);
	recording_files_close(input->files);
	recording_destroy(input->parser);
	free(input->events);
}

static enum status read_input(struct verify *verify, const struct args *args,
			      struct verify_input *input, struct err *err)
{
	enum venue venue = VENUE_BINANCE;
	enum kind kind = KIND_SPOT;
	bool has_as = args_source(args, FLAG_as, &venue, &kind);
	struct recording_line line;
	struct str text;
	const char *why;
	enum status status =
	    recording_files_open(args->operands, args->n_operands, &input->files, err);
	while (!status) {
		status = recording_files_next(input->files, &text, err);
		if (status)
			break;
		if (recording_parse(input->parser, text, &line, &why) || (!line.named && !has_as))
			continue;
		enum venue v = line.named ? line.venue : venue;
		enum kind k = line.named ? line.kind : kind;
		if (!input->decoders[v][k])
			input->decoders[v][k] = decoder_create(v, k, DECODE_AUTO);
		CHECK(input->decoders[v][k]);
		size_t n = decoder_decode(input->decoders[v][k], line.frame, input->events);
		for (size_t i = 0; i < n; i++)
			take_event(verify, v, k, &input->events[i]);
	}
	return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

struct tape_take {
	struct verify *verify;
	struct verify_market *market;
};

static bool take_chunk(void *ctx, struct str chunk, bool open)
{
	struct tape_take *take = ctx;
	struct tape_info info;
	(void)open;
	if (tape_read(chunk, &info, take->verify->trades))
		return true; /* its trades will be missing, and said so */
	for (uint32_t i = 0; i < info.count; i++) {
		const struct trade *trade = &take->verify->trades[i];
		struct fact fact = {
			.price = trimmed((struct decimal){ trade->price, info.price_scale }),
			.qty = trimmed((struct decimal){ trade->qty, info.qty_scale }),
			.t_ms = trade->t_ms,
			.id = trade->id,
			.side = trade->side,
		};
		push(&take->market->taped, &fact);
	}
	return true;
}

static void note_missing(struct tape_verdict *verdict, const struct market_id *id,
			 const struct fact *fact)
{
	if (verdict->missing++ > 0)
		return;
	struct buf text = buf_over(verdict->first_missing, sizeof verdict->first_missing - 1);
	market_id_print(&text, id);
	buf_printf(&text, " id %lld at %lld: ", (long long)fact->id, (long long)fact->t_ms);
	decimal_print(&text, fact->qty.mantissa, fact->qty.scale);
	buf_printf(&text, " at ");
	decimal_print(&text, fact->price.mantissa, fact->price.scale);
	verdict->first_missing[text.len] = 0;
}

/* Both sorted: each told trade uses up one of the tape. */
static void compare(struct verify_market *market, struct tape_verdict *verdict)
{
	struct facts *recorded = &market->recorded, *taped = &market->taped;
	if (recorded->count)
		qsort(recorded->rows, recorded->count, sizeof *recorded->rows, compare_rows);
	if (taped->count)
		qsort(taped->rows, taped->count, sizeof *taped->rows, compare_rows);
	size_t at = 0;
	for (size_t i = 0; i < recorded->count; i++) {
		const struct fact *fact = &recorded->rows[i];
		verdict->trades++;
		if (i > 0 && compare_rows(fact, fact - 1) == 0) {
			verdict->repeated++;
			continue;
		}
		while (at < taped->count && compare_facts(&taped->rows[at], fact) < 0)
			at++;
		if (at < taped->count && compare_facts(&taped->rows[at], fact) == 0)
			at++;
		else
			note_missing(verdict, &market->id, fact);
	}
}

static enum status check_markets(struct verify *verify, struct tape_verdict *verdict,
				 struct err *err)
{
	for (size_t i = 0; i < verify->n_markets; i++) {
		struct tape_take take = { verify, &verify->markets[i] };
		enum status status =
		    tape_walk(verify->visit, &take.market->id, take_chunk, &take, err);
		if (status)
			return status;
		compare(take.market, verdict);
	}
	return STATUS_OK;
}

enum status tape_verify(struct segment_visit *visit, const struct args *args,
			struct tape_verdict *out, struct err *err)
{
	struct verify verify = { .visit = visit };
	struct verify_input input = { 0 };
	struct tape_verdict verdict = { 0 };
	verify.trades = calloc(TAPE_CHUNK_TRADES, sizeof *verify.trades);
	verify.markets = calloc(MARKETS_MAX, sizeof *verify.markets);
	input.parser = recording_create();
	input.events = calloc(EVENTS_PER_FRAME, sizeof *input.events);
	CHECK(verify.trades && verify.markets && input.parser && input.events);
	enum status status = read_input(&verify, args, &input, err);
	if (!status)
		status = check_markets(&verify, &verdict, err);
	close_input(&input);
	for (size_t i = 0; i < verify.n_markets; i++) {
		free(verify.markets[i].recorded.rows);
		free(verify.markets[i].taped.rows);
	}
	free(verify.markets);
	free(verify.trades);
	if (!status)
		*out = verdict;
	return status;
}

void tape_verdict_print(struct buf *out, const struct tape_verdict *verdict)
{
	uint64_t told = verdict->trades - verdict->repeated;
	if (verdict->missing)
		buf_printf(out, "%llu of %llu trades are not in the tape, the first is %s\n",
			   (unsigned long long)verdict->missing, (unsigned long long)told,
			   verdict->first_missing);
	else
		buf_printf(out, "all %llu trades are in the tape\n", (unsigned long long)told);
}
