/* gen_load N MARKETS HOURS START_MS TEMPLATE...: writes N aggTrade frames of MARKETS
 * Binance perp markets over HOURS of event time from START_MS to standard output,
 * in order of time. Market r (from 1) gets a share ∝ 1/r. Steps of price, sizes,
 * sides and gaps are those of the recordings TEMPLATE (spot trades, perp trades:
 * the markets take turns), in their order, run through again and again, mirrored
 * every other time so that prices do not drift; gaps are stretched to the market's
 * rate. Deterministic. The load of memory.md's market rows. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "codec/decoder.h"
#include "codec/recording.h"
#include "os/line_reader.h"

enum { TEMPLATE_MAX = 65536, LOAD_MARKETS_MAX = 128 };

struct step {
	int64_t gap_ms, price, qty; /* price: change in ticks */
	uint8_t side;
};

struct pattern {
	struct step steps[TEMPLATE_MAX];
	size_t count;
	double mean_gap_ms;
	int32_t price_scale, qty_scale;
	int64_t first_price;
};

struct load_market {
	const struct pattern *pattern;
	char symbol[16], lower[16];
	size_t at;
	bool mirrored;
	double t_ms, stretch;
	int64_t price, id;
	uint64_t left;
};

static struct pattern *pattern_read(const char *path)
{
	struct pattern *pattern = calloc(1, sizeof *pattern);
	struct line_reader *reader;
	struct recording *parser = recording_create();
	struct decoder *decoder = decoder_create(VENUE_BINANCE, KIND_PERP, DECODE_AUTO);
	struct event *events = calloc(EVENTS_PER_FRAME, sizeof *events);
	struct recording_line line;
	struct err err;
	struct str text;
	const char *why;
	int64_t last_ms = 0, last_price = 0;
	CHECK(pattern && parser && decoder && events);
	if (line_reader_open(path, false, &reader, &err)) {
		fprintf(stderr, "gen_load: %s\n", err.text);
		exit(3);
	}
	pattern->price_scale = 2;
	pattern->qty_scale = 4;
	while (line_reader_next(reader, &text, &err) == STATUS_OK) {
		if (recording_parse(parser, text, &line, &why))
			continue;
		size_t n = decoder_decode(decoder, line.frame, events);
		for (size_t i = 0; i < n && pattern->count < TEMPLATE_MAX; i++) {
			const struct event *event = &events[i];
			int64_t price, qty;
			if (event->type != EVENT_TRADE ||
			    decimal_rescale(event->trade.price, 2, &price) ||
			    decimal_rescale(event->trade.qty, 4, &qty))
				continue;
			if (last_ms)
				pattern->steps[pattern->count++] =
				    (struct step){ event->t_ms - last_ms, price - last_price, qty,
						   event->trade.side };
			else
				pattern->first_price = price;
			last_ms = event->t_ms;
			last_price = price;
		}
	}
	double sum = 0;
	for (size_t i = 0; i < pattern->count; i++)
		sum += (double)pattern->steps[i].gap_ms;
	pattern->mean_gap_ms = sum / (double)pattern->count;
	line_reader_close(reader);
	recording_destroy(parser);
	decoder_destroy(decoder);
	free(events);
	return pattern;
}

static void market_step(struct load_market *m)
{
	const struct step *step = &m->pattern->steps[m->at];
	struct trade trade = { .price = m->mirrored ? -step->price : step->price,
			       .qty = step->qty };
	trade.side = m->mirrored ? !step->side : step->side;
	m->t_ms += (double)step->gap_ms * m->stretch;
	m->price += trade.price;
	m->id++;
	m->left--;
	int64_t t_ms = (int64_t)m->t_ms, lots = trade.qty;
	printf("{\"stream\":\"%s@aggTrade\",\"data\":{\"e\":\"aggTrade\",\"E\":%" PRId64
	       ",\"a\":%" PRId64 ",\"s\":\"%s\",\"p\":\"%" PRId64 ".%02d\",\"q\":\"%" PRId64
	       ".%04d\",\"nq\":\"%" PRId64 ".%04d\",\"f\":%" PRId64 ",\"l\":%" PRId64
	       ",\"T\":%" PRId64 ",\"m\":%s,\"st\":0}}\n",
	       m->lower, t_ms + 1, m->id, m->symbol, m->price / 100, (int)(m->price % 100),
	       lots / 10000, (int)(lots % 10000), lots / 10000, (int)(lots % 10000), m->id, m->id,
	       t_ms, trade.side == SIDE_SELL ? "true" : "false");
	if (++m->at == m->pattern->count) {
		m->at = 0;
		m->mirrored = !m->mirrored;
	}
}

int main(int argc, char **argv)
{
	if (argc < 6) {
		fprintf(stderr, "usage: gen_load N MARKETS HOURS START_MS TEMPLATE...\n");
		return 2;
	}
	uint64_t total = strtoull(argv[1], NULL, 10);
	size_t n = strtoull(argv[2], NULL, 10);
	double hours = strtod(argv[3], NULL);
	int64_t start_ms = strtoll(argv[4], NULL, 10);
	static struct load_market markets[LOAD_MARKETS_MAX];
	struct pattern *patterns[8];
	size_t n_patterns = 0;
	double shares = 0;
	CHECK(n > 0 && n <= LOAD_MARKETS_MAX);
	for (int i = 5; i < argc && n_patterns < 8; i++)
		patterns[n_patterns++] = pattern_read(argv[i]);
	for (size_t r = 1; r <= n; r++)
		shares += 1.0 / (double)r;
	for (size_t i = 0; i < n; i++) {
		struct load_market *m = &markets[i];
		m->pattern = patterns[i % n_patterns];
		m->left = (uint64_t)((double)total / (double)(i + 1) / shares) + 1;
		m->stretch = hours * 3600000.0 / (double)m->left / m->pattern->mean_gap_ms;
		m->t_ms = (double)start_ms;
		m->price = m->pattern->first_price;
		m->id = start_ms; /* fewer trades than ms: a later load has later ids */
		m->at = i * 997 % m->pattern->count;
		snprintf(m->symbol, sizeof m->symbol, "L%02zuUSDT", i + 1);
		snprintf(m->lower, sizeof m->lower, "l%02zuusdt", i + 1);
	}
	for (uint64_t done = 0; done < total; done++) {
		struct load_market *next = NULL;
		for (size_t i = 0; i < n; i++)
			if (markets[i].left && (!next || markets[i].t_ms < next->t_ms))
				next = &markets[i];
		if (!next)
			break;
		market_step(next);
	}
	return 0;
}
