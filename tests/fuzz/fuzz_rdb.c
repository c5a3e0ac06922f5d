#include <stdlib.h>

#include "base/check.h"
#include "codec/rdb_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes that begin with R or V are a dump; others a packed value in the form of their first
 * byte. All that is told lies within what was given. */

struct input {
	const uint8_t *at;
	size_t left;
};

static uint64_t touched;

static void touch(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		touched += (unsigned char)text.ptr[i];
}

static enum status fill(void *ctx, char *at, size_t size, size_t *got)
{
	struct input *input = ctx;
	*got = input->left < size ? input->left : size;
	if (*got)
		memcpy(at, input->at, *got);
	input->at += *got;
	input->left -= *got;
	return STATUS_OK;
}

static enum status on_aux(void *ctx, struct str name, struct str value)
{
	(void)ctx;
	touch(name);
	touch(value);
	return STATUS_OK;
}

static enum status on_key(void *ctx, const struct rdb_key *key)
{
	(void)ctx;
	CHECK(key->name.head.len <= key->name.len && key->type_name);
	touch(key->name.head);
	return STATUS_OK;
}

static enum status on_string(void *ctx, struct str piece, uint64_t whole)
{
	(void)ctx;
	CHECK(piece.len <= whole);
	touch(piece);
	return STATUS_OK;
}

static enum status on_element(void *ctx, const struct rdb_element *element)
{
	(void)ctx;
	CHECK(element->score == element->score);
	CHECK(element->value.head.len <= element->value.len);
	touch(element->field.head);
	touch(element->value.head);
	return STATUS_OK;
}

static enum status on_function(void *ctx, struct str name, struct rdb_text code)
{
	(void)ctx;
	touch(name);
	touch(code.head);
	return STATUS_OK;
}

static const struct rdb_events events = {
	.aux = on_aux,
	.function = on_function,
	.key = on_key,
	.string = on_string,
	.element = on_element,
	.stream_field = on_aux,
};

static void read_dump(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct rdb_end end;
	struct rdb *rdb;
	CHECK(rdb_create(fill, &input, &rdb) == STATUS_OK);
	enum status status = rdb_read(rdb, &events, NULL, &end);
	rdb_destroy(rdb);
	CHECK(end.offset <= size);
	CHECK((status == STATUS_OK) == !end.why[0]);
}

static void walk(enum rdb_form form, const uint8_t *data, size_t size)
{
	char number[RDB_NUMBER_BYTES];
	struct rdb_walk walk;
	struct str text;
	char *exact = malloc(size ? size : 1); /* so that a sanitizer sees an overrun */
	CHECK(exact);
	memcpy(exact, data, size);
	if (rdb_walk_begin(&walk, form, str_make(exact, size)))
		while (rdb_walk_next(&walk, number, &text) == RDB_STEP)
			touch(text);
	free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && (data[0] == 'R' || data[0] == 'V'))
		read_dump(data, size);
	else if (size)
		walk((enum rdb_form)(data[0] % (RDB_LISTPACK + 1)), data + 1, size - 1);
	return 0;
}
