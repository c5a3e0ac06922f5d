#include "survey/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/redis_conn.h"
#include "survey/wire_impl.h"

enum { LINE_MAX_BYTES = 64 << 10 };

static const int64_t skip_max = (int64_t)1 << 50; /* elements: more are nobody's reply */

enum status wire_fail(struct wire *wire, enum status status, const char *what)
{
	if (!wire->why.status)
		err_set(&wire->why, status, "%s", what);
	return wire->why.status;
}

const struct err *wire_why(const struct wire *wire) { return &wire->why; }

/* ---- commands ---- */

void wire_put_bytes(struct wire *wire, struct str bytes) { buf_str_put(&wire->out, bytes); }

void wire_put(struct wire *wire, const struct str *argv, size_t argc)
{
	redis_put_command(&wire->out, argv, argc);
}

enum status wire_flush(struct wire *wire)
{
	if (wire->why.status)
		return wire->why.status;
	if (wire->out.overflow)
		return wire_fail(wire, STATUS_FULL, "too many commands at once");
	return wire->out.len ? wire_send(wire) : STATUS_OK;
}

enum status wire_ask(struct wire *wire, struct wire_token *token, const struct str *argv,
		     size_t argc)
{
	wire_put(wire, argv, argc);
	return wire_next(wire, token);
}

/* ---- replies ---- */

/* More bytes behind those that are there; the token before is over. */
static enum status fill(struct wire *wire)
{
	size_t n = 0;
	enum status status = wire_flush(wire);
	if (status)
		return status;
	if (wire->pos == wire->len) {
		wire->pos = wire->len = 0;
	} else if (wire->pos > sizeof wire->in / 2) {
		memmove(wire->in, wire->in + wire->pos, wire->len - wire->pos);
		wire->len -= wire->pos;
		wire->pos = 0;
	}
	status = wire_receive(wire, wire->in + wire->len, sizeof wire->in - wire->len, &n);
	wire->len += n;
	return status;
}

/* At least `want` bytes from pos on. */
static enum status need(struct wire *wire, size_t want)
{
	enum status status = STATUS_OK;
	if (wire->pos + want > sizeof wire->in) {
		memmove(wire->in, wire->in + wire->pos, wire->len - wire->pos);
		wire->len -= wire->pos;
		wire->pos = 0;
	}
	while (!status && wire->len - wire->pos < want)
		status = fill(wire);
	return status;
}

static enum status throw_away(struct wire *wire)
{
	enum status status = STATUS_OK;
	while (wire->discard && !status) {
		size_t there = wire->len - wire->pos;
		if (there == 0) {
			status = fill(wire);
			continue;
		}
		size_t n = there < wire->discard ? there : (size_t)wire->discard;
		wire->pos += n;
		wire->discard -= n;
	}
	return status;
}

/* Up to, without, CR LF. */
static enum status take_line(struct wire *wire, struct str *line)
{
	size_t looked = 0;
	for (;;) {
		const char *from = wire->in + wire->pos;
		size_t there = wire->len - wire->pos;
		const char *end =
		    there > looked ? memchr(from + looked, '\n', there - looked) : NULL;
		if (end) {
			size_t len = (size_t)(end - from);
			*line = str_make(from, len && from[len - 1] == '\r' ? len - 1 : len);
			wire->pos += len + 1;
			return STATUS_OK;
		}
		looked = there;
		if (there > LINE_MAX_BYTES)
			return wire_fail(wire, STATUS_REDIS_PROTOCOL,
					 "the server's answer is not RESP");
		enum status status = fill(wire);
		if (status)
			return status;
	}
}

static enum status take_bulk(struct wire *wire, int64_t len, struct wire_token *token)
{
	size_t keep = len < WIRE_TEXT_MAX ? (size_t)len : WIRE_TEXT_MAX;
	uint64_t rest = (uint64_t)len - keep + 2;
	bool whole = keep == (size_t)len;
	enum status status = need(wire, whole ? keep + 2 : keep);
	if (status)
		return status;
	token->text = str_make(wire->in + wire->pos, keep);
	wire->pos += whole ? keep + 2 : keep;
	wire->discard = whole ? 0 : rest;
	return STATUS_OK;
}

static enum status refuse(struct wire *wire)
{
	return wire_fail(wire, STATUS_REDIS_PROTOCOL, "the server's answer is not RESP");
}

enum status wire_next(struct wire *wire, struct wire_token *token)
{
	static const int64_t longest = (int64_t)1 << 40;
	struct str line = { 0 };
	enum status status = wire->why.status;
	if (!status && wire->discard)
		status = throw_away(wire);
	if (!status)
		status = take_line(wire, &line);
	if (status)
		return status;
	if (!line.len)
		return refuse(wire);
	char mark = line.ptr[0];
	*token = (struct wire_token){ .text = str_skip(line, 1) };
	if (mark == '+' || mark == '-') {
		token->type = mark == '+' ? REDIS_STATUS : REDIS_ERROR;
		return STATUS_OK;
	}
	if (str_to_i64(token->text, &token->number))
		return refuse(wire);
	token->text = (struct str){ 0 };
	if (mark == ':') {
		token->type = REDIS_INTEGER;
		return STATUS_OK;
	}
	if ((mark != '$' && mark != '*') || token->number < -1 || token->number > longest)
		return refuse(wire);
	if (token->number < 0) {
		*token = (struct wire_token){ .type = REDIS_NIL };
		return STATUS_OK;
	}
	token->type = mark == '*' ? REDIS_ARRAY : REDIS_BULK;
	return mark == '*' ? STATUS_OK : take_bulk(wire, token->number, token);
}

enum status wire_skip(struct wire *wire, const struct wire_token *token)
{
	enum status status = STATUS_OK;
	int64_t left = token->type == REDIS_ARRAY ? token->number : 0;
	struct wire_token next;
	for (; left > 0 && !status; left--) {
		status = wire_next(wire, &next);
		if (!status && next.type == REDIS_ARRAY)
			left += next.number;
		if (left > skip_max)
			status = refuse(wire);
	}
	return status;
}

/* ---- open and close ---- */

/* What a server says before it serves: a password is missing, it loads, it is protected. */
static enum status greet(struct wire *wire, const struct wire_config *config, struct err *err)
{
	struct wire_token token = { 0 };
	bool by_name = config->user && strcmp(config->user, "default") != 0;
	const struct str auth[] = { STR("AUTH"), str_of(by_name ? config->user : config->password),
				    str_of(config->password) };
	const struct str ping[] = { STR("PING") };
	if (config->password) {
		if (wire_ask(wire, &token, auth, by_name ? 3 : 2))
			return err_set(err, wire->why.status, "%s", wire->why.text);
		if (token.type == REDIS_ERROR)
			return err_set(err, STATUS_REDIS_WRONGPASS, "%.*s", STR_ARG(token.text));
	}
	if (wire_ask(wire, &token, ping, 1))
		return err_set(err, wire->why.status, "%s", wire->why.text);
	enum status status = token.type == REDIS_ERROR ? redis_error_status(token.text) : STATUS_OK;
	if (status == STATUS_REDIS_NOPERM)
		return STATUS_OK;
	if (status == STATUS_REDIS_NOAUTH)
		return err_set(err, status,
			       "the server asks for a password: redis://USER:PASSWORD@HOST");
	return status ? err_set(err, status, "%.*s", STR_ARG(token.text)) : STATUS_OK;
}

enum status wire_open(const struct wire_config *config, struct wire **out, struct err *err)
{
	struct wire *wire = malloc(sizeof *wire);
	if (!wire)
		return err_set(err, STATUS_NO_MEMORY, "out of memory");
	memset(wire, 0, offsetof(struct wire, in));
	wire->fd = -1;
	wire->deadline_ns = config->deadline_ns ? config->deadline_ns : 5000000000;
	buf_init(&wire->out, WIRE_OUT_MAX);
	enum status status = wire_dial(config, wire->deadline_ns, &wire->fd, err);
	if (!status && config->tls)
		status = wire_begin_tls(wire, config, err);
	if (!status)
		status = greet(wire, config, err);
	if (status) {
		wire_close(wire);
		return status;
	}
	*out = wire;
	return STATUS_OK;
}

void wire_close(struct wire *wire)
{
	if (!wire)
		return;
	if (wire->fd >= 0)
		close(wire->fd);
	tls_destroy(wire->tls);
	free(wire->raw);
	buf_deinit(&wire->sealed);
	buf_deinit(&wire->out);
	free(wire);
}
