#include "audit/trial_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "audit/cost.h"

enum { ARGS_MAX = 66, NAME_ROOM = 1024, ZSTD_LEVEL = 1 };

/* A command being built: HSET of many members goes in several. */
struct writer {
	audit_command_fn fn;
	void *ctx;
	void *zstd;
	struct str argv[ARGS_MAX];
	size_t argc, head; /* head: the words that each command begins with */
};

static void send(struct writer *w)
{
	if (w->argc > w->head)
		w->fn(w->ctx, w->argv, w->argc);
	w->argc = w->head;
}

static void begin(struct writer *w, const char *verb, struct str name)
{
	w->argv[0] = str_of(verb);
	w->argv[1] = name;
	w->argc = w->head = 2;
}

static void put(struct writer *w, struct str first, struct str second)
{
	if (w->argc + 2 > ARGS_MAX)
		send(w);
	w->argv[w->argc++] = first;
	w->argv[w->argc++] = second;
}

static void set(struct writer *w, struct str name, struct str value)
{
	struct str argv[] = { STR("SET"), name, value };
	w->fn(w->ctx, argv, 3);
}

static void measure(struct writer *w, struct str name) { w->fn(w->ctx, &name, 1); }

static const char *verb_of(enum audit_type type)
{
	return type == AUDIT_ZSET ? "ZADD" : type == AUDIT_SET ? "SADD" : "HSET";
}

/* A member as its command takes it: score and member, the member alone, field and value. */
static void put_element(struct writer *w, enum audit_type type, struct str field, struct str value)
{
	if (type != AUDIT_SET) {
		put(w, field, value);
		return;
	}
	if (w->argc + 1 > ARGS_MAX)
		send(w);
	w->argv[w->argc++] = value;
}

static void write_as_is(struct writer *w, const struct sample *sample)
{
	if (sample->type == AUDIT_STRING) {
		set(w, sample_name(sample), sample_value(sample));
		return;
	}
	size_t at = sample->name_len;
	begin(w, verb_of(sample->type), sample_name(sample));
	for (uint32_t i = 0; i < sample->elements; i++) {
		struct str field, value;
		sample_element(sample, &at, &field, &value);
		put_element(w, sample->type, field, value);
	}
	send(w);
}

static void put_member(void *ctx, const struct json_member *member)
{
	put(ctx, member->name, member->value);
}

static void write_hash(struct writer *w, const struct sample *sample)
{
	begin(w, "HSET", sample_name(sample));
	json_shape_of(sample_value(sample), false, put_member, w);
	send(w);
}

static void write_packed(struct writer *w, const struct sample *sample)
{
	char packed[ZSTD_COMPRESSBOUND(AUDIT_VALUE_MAX)];
	struct str value = sample_value(sample);
	size_t len =
	    ZSTD_compressCCtx(w->zstd, packed, sizeof packed, value.ptr, value.len, ZSTD_LEVEL);
	set(w, sample_name(sample), ZSTD_isError(len) ? value : str_make(packed, len));
}

/* The key that a long element gets: the name of its own, by its place. */
static struct str own_name(char out[NAME_ROOM], const struct sample *sample, uint32_t element)
{
	struct str name = sample_name(sample);
	int shown = name.len > NAME_ROOM - 32 ? NAME_ROOM - 32 : (int)name.len;
	memcpy(out, name.ptr, (size_t)shown);
	int digits = snprintf(out + shown, 32, ":%u", element);
	return str_make(out, (size_t)(shown + digits));
}

static bool is_long(struct str text) { return text.len > AUDIT_LISTPACK_VALUE; }

/* First the key without what is long (a mark stands for it), then the long ones. */
static void write_split(struct writer *w, const struct sample *sample, bool names_only)
{
	char name[NAME_ROOM];
	struct str field, value;
	size_t at = sample->name_len;
	if (!names_only) {
		begin(w, verb_of(sample->type), sample_name(sample));
		for (uint32_t i = 0; i < sample->elements; i++) {
			char marks[24];
			sample_element(sample, &at, &field, &value);
			int len = snprintf(marks, sizeof marks, "@%u", i);
			struct str mark = str_make(marks, (size_t)len);
			put_element(w, sample->type, is_long(field) ? mark : field,
				    is_long(value) ? mark : value);
			if (is_long(field) || is_long(value))
				send(w); /* the mark lives no longer */
		}
		send(w);
	} else {
		measure(w, sample_name(sample));
	}
	at = sample->name_len;
	for (uint32_t i = 0; i < sample->elements; i++) {
		sample_element(sample, &at, &field, &value);
		struct str text = is_long(value) ? value : field;
		if (!is_long(text))
			continue;
		if (names_only)
			measure(w, own_name(name, sample, i));
		else
			set(w, own_name(name, sample, i), text);
	}
}

/* What all names begin with. */
static size_t common(const struct trial *trial)
{
	struct str first = sample_name(trial->samples[0]);
	size_t n = first.len;
	for (size_t i = 1; i < trial->n; i++) {
		struct str name = sample_name(trial->samples[i]);
		size_t same = 0;
		while (same < n && same < name.len && name.ptr[same] == first.ptr[same])
			same++;
		n = same;
	}
	return n;
}

/* All in one hash: a trial has fewer than 100. Behind what the names have in common. */
static void write_pack(struct writer *w, const struct trial *trial)
{
	char name[NAME_ROOM];
	size_t same = common(trial);
	size_t shown = same > NAME_ROOM - 8 ? NAME_ROOM - 8 : same;
	memcpy(name, trial->samples[0]->data, shown);
	memcpy(name + shown, "h:1", 3);
	struct str hash = str_make(name, shown + 3);
	begin(w, "HSET", hash);
	for (size_t i = 0; i < trial->n; i++) {
		struct str rest = str_skip(sample_name(trial->samples[i]), same);
		put(w, rest.len ? rest : STR("."), sample_value(trial->samples[i]));
	}
	send(w);
	measure(w, hash);
}

static void write_after(struct writer *w, const struct trial *trial, const struct sample *sample)
{
	if (trial->kind == TRIAL_HASH)
		write_hash(w, sample);
	else if (trial->kind == TRIAL_COMPRESS)
		write_packed(w, sample);
	else
		write_split(w, sample, false);
}

void trial_commands(const struct trial *trial, bool after, void *zstd, audit_command_fn fn,
		    void *ctx)
{
	struct writer w = { .fn = fn, .ctx = ctx, .zstd = zstd };
	if (after && trial->kind == TRIAL_PACK) {
		write_pack(&w, trial);
		return;
	}
	for (size_t i = 0; i < trial->n; i++)
		if (after)
			write_after(&w, trial, trial->samples[i]);
		else
			write_as_is(&w, trial->samples[i]);
	for (size_t i = 0; i < trial->n; i++)
		if (after && trial->kind == TRIAL_MISS)
			write_split(&w, trial->samples[i], true);
		else
			measure(&w, sample_name(trial->samples[i]));
}

/* ---- the model, which reads the same commands -------------------------------------------- */

struct model {
	struct audit_cost cost;
	bool open;
	char name[NAME_ROOM];
	size_t name_len;
	int64_t bytes;
};

static void close_key(struct model *model)
{
	if (model->open)
		model->bytes += audit_cost_end(&model->cost);
	model->open = false;
}

static bool is_open(const struct model *model, struct str name)
{
	return model->open &&
	       str_eq(str_make(model->name, model->name_len),
		      str_make(name.ptr, name.len < NAME_ROOM ? name.len : NAME_ROOM));
}

static void open_key(struct model *model, struct str verb, struct str name)
{
	enum audit_type type = str_eq(verb, STR("ZADD"))   ? AUDIT_ZSET
			       : str_eq(verb, STR("SADD")) ? AUDIT_SET
							   : AUDIT_HASH;
	close_key(model);
	audit_cost_begin(&model->cost, type, AUDIT_ENC_UNKNOWN, (int64_t)name.len, false);
	model->name_len = name.len < NAME_ROOM ? name.len : NAME_ROOM;
	memcpy(model->name, name.ptr, model->name_len);
	model->open = true;
}

static void model_command(void *ctx, const struct str *argv, size_t argc)
{
	struct model *model = ctx;
	if (argc < 3)
		return; /* a name that is measured: it was counted when it was written */
	if (str_eq(argv[0], STR("SET"))) {
		int64_t len = (int64_t)argv[2].len;
		close_key(model);
		model->bytes += audit_cost_string((int64_t)argv[1].len, len,
						  audit_string_encoding(argv[2], len), false);
		return;
	}
	if (!is_open(model, argv[1]))
		open_key(model, argv[0], argv[1]);
	bool pairs = model->cost.type != AUDIT_SET;
	for (size_t i = 2; i < argc; i += pairs ? 2 : 1)
		audit_cost_element(&model->cost, pairs ? argv[i] : (struct str){ 0 },
				   pairs ? argv[i + 1] : argv[i]);
}

int64_t trial_model(const struct trial *trial, bool after, void *zstd)
{
	struct model model;
	model.open = false;
	model.bytes = 0;
	model.name_len = 0;
	trial_commands(trial, after, zstd, model_command, &model);
	close_key(&model);
	return model.bytes;
}
