#include "daemon/picturing.h"

#include <stdlib.h>

#include "ask/asked.h"
#include "base/check.h"
#include "daemon/own_time.h"
#include "os/worker.h"

struct asker {
	picturing_fn fn;
	void *ctx;
};

struct drawing {
	struct worker_job job;
	struct picturing *picturing;
	char question[ASK_TEXT_MAX];
	size_t question_len;
	int64_t second; /* of its facts */
	enum picture_theme theme;
	struct asker askers[PICTURING_SHARED];
	size_t n_askers;
	struct drawing *next;
	struct picture_facts facts;
	struct buf png;
	int64_t took_ns; /* of its thread */
	enum status status;
};

struct picturing {
	struct picturing_config config;
	struct worker *worker; /* NULL: no picture was asked for yet */
	struct drawing *drawings;
	size_t waiting;
	struct picturing_counts counts;
	struct hist took;
	void (*on_closed)(void *ctx);
	void *on_closed_ctx;
};

struct picturing *picturing_create(const struct picturing_config *config)
{
	struct picturing *picturing = calloc(1, sizeof *picturing);
	if (picturing)
		picturing->config = *config;
	return picturing;
}

const struct picturing_counts *picturing_counts(const struct picturing *picturing)
{
	return &picturing->counts;
}

const struct hist *picturing_took(const struct picturing *picturing) { return &picturing->took; }

/* ---- facts ---- */

static int64_t wall_ms(const struct picturing *picturing)
{
	return loop_wall_ns(picturing->config.loop) / 1000000;
}

/* As answers are: against the wall's clock where a feed is live. */
static int64_t now_ms(const struct picturing *picturing)
{
	return picturing->config.world->options.live ? wall_ms(picturing) : 0;
}

static enum status take(struct picturing *picturing, struct str question,
			struct picture_facts *facts)
{
	const struct ask_world *world = picturing->config.world;
	bool of_accounts = picture_of_question(world, question) == PICTURE_equity;
	enum status status = picture_take(
	    world, question, of_accounts ? wall_ms(picturing) : now_ms(picturing), facts);
	picturing->counts.none += status == STATUS_NOT_FOUND;
	return status;
}

static bool has_none(const struct ask_world *world, struct str question)
{
	struct asked asked;
	return !asked_parse(question, ASK_TEXT_MAX, world->options.symbol_default, &asked) &&
	       question_row(asked.question)->picture == PICTURE_NONE;
}

enum status picturing_why(const struct picturing *picturing, struct str question, struct buf *out)
{
	const struct ask_world *world = picturing->config.world;
	char storage[8192];
	struct buf text = buf_over(storage, sizeof storage);
	struct ask_request request = { .text = question,
				       .now_ms = now_ms(picturing),
				       .look_only = true };
	enum ask_outcome outcome = ASK_ANSWERED;
	struct str rest, line;
	if (has_none(world, question) || ask_answer(world, &request, &text, &outcome) ||
	    outcome == ASK_ANSWERED) {
		buf_str_put(out, STR("there is no picture of this answer"));
		return STATUS_NOT_FOUND;
	}
	rest = buf_str(&text);
	if (str_split(&rest, '\n', &line))
		buf_str_put(out, line);
	return outcome == ASK_USAGE ? STATUS_INVALID : STATUS_NOT_FOUND;
}

/* ---- drawing ---- */

static void work(struct worker_job *job)
{
	struct drawing *drawing = (struct drawing *)job;
	int64_t began_ns = own_time_ns();
	drawing->status = picture_draw(&drawing->facts, drawing->theme, &drawing->png);
	drawing->took_ns = own_time_ns() - began_ns;
}

static void forget(struct drawing *drawing)
{
	struct drawing **at = &drawing->picturing->drawings;
	while (*at != drawing)
		at = &(*at)->next;
	*at = drawing->next;
	drawing->picturing->waiting--;
}

static void done(struct worker_job *job)
{
	struct drawing *drawing = (struct drawing *)job;
	struct picturing_counts *counts = &drawing->picturing->counts;
	struct str png = drawing->status ? STR("") : buf_str(&drawing->png);
	counts->drawn += drawing->status == STATUS_OK;
	counts->failed += drawing->status != STATUS_OK;
	hist_record(&drawing->picturing->took, (uint64_t)drawing->took_ns);
	forget(drawing);
	for (size_t i = 0; i < drawing->n_askers; i++)
		drawing->askers[i].fn(drawing->askers[i].ctx, drawing->status, png);
	buf_deinit(&drawing->png);
	free(drawing);
}

static struct drawing *find_same(struct picturing *picturing, struct str question,
				 enum picture_theme theme, int64_t second)
{
	for (struct drawing *drawing = picturing->drawings; drawing; drawing = drawing->next)
		if (drawing->second == second && drawing->theme == theme &&
		    drawing->n_askers < PICTURING_SHARED &&
		    str_eq(str_make(drawing->question, drawing->question_len), question))
			return drawing;
	return NULL;
}

static enum status begin(struct picturing *picturing, struct drawing *drawing)
{
	struct err err;
	if (!picturing->worker) {
		enum status status =
		    worker_open(picturing->config.loop, "weir-picture", &picturing->worker, &err);
		if (status)
			return status;
	}
	drawing->next = picturing->drawings;
	picturing->drawings = drawing;
	picturing->waiting++;
	worker_submit(picturing->worker, &drawing->job);
	return STATUS_OK;
}

static enum status draw_new(struct picturing *picturing, struct str question,
			    enum picture_theme theme, const struct asker *asker)
{
	if (picturing->waiting == PICTURING_WAITING) {
		picturing->counts.full++;
		return STATUS_FULL;
	}
	struct drawing *drawing = malloc(sizeof *drawing);
	if (!drawing)
		return STATUS_NO_MEMORY;
	drawing->job = (struct worker_job){ .work = work, .done = done };
	drawing->picturing = picturing;
	drawing->question_len = question.len;
	drawing->second = wall_ms(picturing) / 1000;
	drawing->theme = theme;
	drawing->askers[0] = *asker;
	drawing->n_askers = 1;
	memcpy(drawing->question, question.ptr, question.len);
	buf_init(&drawing->png, PICTURE_BYTES_MAX);
	enum status status = take(picturing, question, &drawing->facts);
	if (!status)
		status = begin(picturing, drawing);
	if (status)
		free(drawing);
	return status;
}

enum status picturing_ask(struct picturing *picturing, struct str question,
			  enum picture_theme theme, picturing_fn fn, void *ctx)
{
	const struct asker asker = { fn, ctx };
	picturing->counts.asked++;
	if (question.len > ASK_TEXT_MAX || !question.len) {
		picturing->counts.none++;
		return STATUS_NOT_FOUND;
	}
	struct drawing *same = find_same(picturing, question, theme, wall_ms(picturing) / 1000);
	if (!same)
		return draw_new(picturing, question, theme, &asker);
	same->askers[same->n_askers++] = asker;
	picturing->counts.shared++;
	return STATUS_OK;
}

enum status picturing_draw(struct picturing *picturing, struct str question,
			   enum picture_theme theme, struct buf *png)
{
	struct picture_facts *facts = malloc(sizeof *facts);
	if (!facts)
		return STATUS_NO_MEMORY;
	enum status status = take(picturing, question, facts);
	if (!status)
		status = picture_draw(facts, theme, png);
	free(facts);
	return status;
}

/* ---- the end ---- */

static void on_worker_closed(void *ctx)
{
	struct picturing *picturing = ctx;
	void (*fn)(void *ctx) = picturing->on_closed;
	void *fn_ctx = picturing->on_closed_ctx;
	CHECK(!picturing->drawings);
	free(picturing);
	if (fn)
		fn(fn_ctx);
}

void picturing_close(struct picturing *picturing, void (*fn)(void *ctx), void *ctx)
{
	picturing->on_closed = fn;
	picturing->on_closed_ctx = ctx;
	if (picturing->worker)
		worker_close(picturing->worker, on_worker_closed, picturing);
	else
		on_worker_closed(picturing);
}
