/* Calls: whose they are, which command, on which key. */
#include <stdlib.h>

#include "audit/code_scan.h"

enum { KEYS_OF_A_CALL = 64 };

struct call {
	struct code_scan *scan;
	const struct code_method *method;
	size_t method_index;
	int32_t name, open, close;
	int32_t args; /* first token behind a context */
	struct code_value receiver;
	uint32_t flags;
	uint32_t first_key;
};

uint32_t scan_new_value(struct code_scan *scan, struct code_value value)
{
	if (scan->n_values == scan->room_values) {
		size_t room = scan->room_values ? scan->room_values * 2 : 256;
		struct code_value *more = realloc(scan->values, room * sizeof *more);
		if (!more)
			return 0;
		scan->values = more;
		scan->room_values = room;
	}
	if (!scan->n_values)
		scan->values[scan->n_values++] = (struct code_value){ .holds = HOLDS_OTHER };
	scan->values[scan->n_values] = value;
	return (uint32_t)scan->n_values++;
}

struct code_value scan_value_of(const struct code_scan *scan, int32_t token)
{
	return scan->values[scan->at[token].value];
}

/* ---- the receiver ---- */

static struct code_value receiver_of(struct code_scan *scan, int32_t name)
{
	struct code_value nobody = { .holds = HOLDS_OTHER };
	int32_t last = name - 2;
	if (!code_is_op(scan->tokens, name - 1, OP_MEMBER) || last < 0)
		return nobody;
	if (code_is_op(scan->tokens, last, '!')) /* TypeScript: redis!.get */
		last--;
	if (scan->at[last].value)
		return scan_value_of(scan, last);
	if (!code_is_name(scan->tokens, last))
		return nobody;
	int32_t first = scan_chain_start(scan, last);
	/* f().attribute.get(): nothing is known of it, unless its name tells. */
	if (code_is_op(scan->tokens, first - 1, OP_MEMBER) && first == last) {
		enum code_holds holds = code_name_holds(code_token_text(scan->tokens, last));
		return (struct code_value){ .holds =
						scan->mentions ? (uint8_t)holds : HOLDS_OTHER };
	}
	return scan_lookup(scan, first, last);
}

/* ---- arguments ---- */

static int32_t nth_arg(const struct call *call, int n, int32_t *end)
{
	int32_t from = call->args;
	for (;;) {
		*end = scan_arg_end(call->scan, from, call->close);
		if (n-- == 0 || *end >= call->close)
			break;
		from = *end + 1;
	}
	return n < 0 && from < call->close ? from : CODE_NONE;
}

static bool is_keyword(const struct call *call, int32_t from)
{
	return code_is_name(call->scan->tokens, from) &&
	       (code_is_op(call->scan->tokens, from + 1, '=') ||
		(call->scan->language->id == LANGUAGE_CSHARP &&
		 code_is_op(call->scan->tokens, from + 1, ':')));
}

/* Go: ctx, context.Background(), c.Request.Context() come first. */
static int32_t skip_context(const struct code_scan *scan, int32_t from, int32_t close)
{
	int32_t end = scan_arg_end(scan, from, close);
	if (!(scan->language->traits & LANGUAGE_CONTEXT))
		return from;
	for (int32_t i = from; i < end && i < from + 8; i++) {
		struct str text = code_token_text(scan->tokens, i);
		if (scan->at[i].kind == TOKEN_NAME &&
		    (str_eq(text, STR("ctx")) || str_eq(text, STR("context")) ||
		     str_eq(text, STR("Context")) ||
		     (text.len > 3 && str_eq_nocase(str_skip(text, text.len - 3), STR("ctx")))))
			return end < close ? end + 1 : close;
	}
	return from;
}

static bool is_word_of(const struct code_scan *scan, int32_t index, const char *list)
{
	struct str text = code_token_text(scan->tokens, index);
	char word[24];
	if (scan->at[index].kind == TOKEN_OP || !text.len || text.len >= sizeof word)
		return false;
	for (size_t i = 0; i < text.len; i++)
		word[i] = (char)(text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? text.ptr[i] | 0x20
									  : text.ptr[i]);
	word[text.len] = 0;
	return code_word_in(word, list);
}

static bool is_nothing(const struct code_scan *scan, int32_t from, int32_t end)
{
	struct str text = code_token_text(scan->tokens, from);
	return end == from + 1 &&
	       (is_word_of(scan, from, "none null nil undefined false") || str_eq(text, STR("0")));
}

/* EX, NX, a third argument that is a time. */
static uint32_t options(const struct call *call)
{
	struct code_scan *scan = call->scan;
	int32_t end, third = nth_arg(call, 2, &end), value_end;
	uint32_t flags = 0;
	nth_arg(call, 1, &value_end);
	for (int32_t i = value_end; i < call->close && i < call->args + SCAN_LOOK; i++) {
		bool denied =
		    code_is_op(scan->tokens, i + 1, '=') && is_nothing(scan, i + 2, i + 3);
		if (denied)
			continue;
		if (is_word_of(scan, i, "ex px exat pxat keepttl expiry ttl expire"))
			flags |= USE_EXPIRES;
		if (is_word_of(scan, i, "nx notexists"))
			flags |= USE_ONCE;
	}
	/* Values by keyword may stand before their names: set(ex=60, name=…). */
	for (int32_t i = call->args; i < value_end; i++)
		if (is_keyword(call, i)) {
			flags |= is_word_of(scan, i, "ex px") ? USE_EXPIRES : 0;
			flags |= is_word_of(scan, i, "nx") ? USE_ONCE : 0;
		}
	bool time =
	    third != CODE_NONE && !is_keyword(call, third) && !is_nothing(scan, third, end) &&
	    scan->at[third].kind != TOKEN_TEXT && !code_is_op(scan->tokens, third, '{') &&
	    !code_is_op(scan->tokens, third, '[') && !code_is_op(scan->tokens, third, OP_SPREAD);
	if (time && !is_word_of(scan, third, "when"))
		flags |= USE_EXPIRES;
	return flags;
}

/* Is one element added? Spreads, lists and more arguments are many. */
static bool adds_one(const struct call *call)
{
	struct code_scan *scan = call->scan;
	int32_t end, second = nth_arg(call, 1, &end);
	if (second == CODE_NONE || end < call->close)
		return false;
	return !code_is_op(scan->tokens, second, '*') &&
	       !code_is_op(scan->tokens, second, OP_SPREAD) &&
	       !code_is_op(scan->tokens, second, '[');
}

/* ---- loops around ---- */

static bool in_gather(const struct code_scan *scan, int32_t open)
{
	return code_is_one_of(scan->tokens, open - 1, "gather wait as_completed all");
}

/* [r.get(k) for k in keys] is a loop; the list it goes through is not in it. */
static bool in_comprehension(const struct call *call)
{
	struct code_scan *scan = call->scan;
	bool found = false;
	if (!scan_python(scan))
		return false;
	for (int i = scan->n_opens - 1, steps = 0; i >= 0 && steps < 8; i--, steps++) {
		int32_t open = scan->opens[i];
		if (in_gather(scan, open))
			return false;
		found |= scan->at[open].extra != CODE_NONE && call->name < scan->at[open].extra;
	}
	return found;
}

/* ---- what is noted ---- */

/* Is its answer looked at? A call that is a whole statement gives it away. */
static bool answered(const struct call *call)
{
	struct code_scan *scan = call->scan;
	int32_t first = scan->statement.start;
	while (code_is_one_of(scan->tokens, first, "await return if while elif") &&
	       first < call->name) {
		if (!code_is_word(scan->tokens, first, "await"))
			return true;
		first++;
	}
	int32_t chain = scan_chain_start(scan, call->name);
	return chain != first;
}

static struct code_use *note(struct call *call, uint32_t key, uint32_t flags)
{
	struct code_scan *scan = call->scan;
	const struct code_block *block = scan_block(scan);
	struct code_use *use = CODE_ADD(scan->code, uses, CODE_USES_MAX);
	if (!use) {
		scan->code->lost++;
		return NULL;
	}
	*use = (struct code_use){ .cond = call->receiver.cond,
				  .file = scan->file,
				  .line = scan->at[call->name].line,
				  .function = block->function,
				  .block = block->id,
				  .statement = scan->n_statements,
				  .loop = block->loop,
				  .key = key,
				  .method = (uint16_t)call->method_index,
				  .flags = (uint16_t)(call->flags | flags),
				  .holds = call->receiver.holds };
	if (!call->first_key)
		call->first_key = key;
	call->flags |= USE_MORE;
	return use;
}

static void note_key(struct call *call, int32_t from, int32_t end, uint32_t flags)
{
	bool textual;
	if (from == CODE_NONE || from >= end) {
		note(call, 0, flags);
		return;
	}
	if (is_keyword(call, from))
		from += 2;
	uint32_t key = scan_text(call->scan, from, end, STR("?"), &textual);
	const struct code_use *use = note(call, key, flags);
	bool derived = use && call->method->traits & METHOD_SETS && !(flags & USE_TARGET) &&
		       scan_taint(call->scan, end, call->close) == key && textual;
	/* Where the key is a name itself, what is behind it has to carry the same. */
	if (use && !textual && (call->method->traits & METHOD_SETS))
		derived = scan_taint(call->scan, end, call->close) == key;
	if (derived)
		call->scan->code->uses[call->scan->code->n_uses - 1].flags |= USE_DERIVED;
}

/* The elements of [a, b], the names of {a: b}, or the argument itself. */
static void note_each(struct call *call, int32_t from, int32_t end)
{
	struct code_scan *scan = call->scan;
	bool list = (code_is_op(scan->tokens, from, '[') || code_is_op(scan->tokens, from, '{')) &&
		    scan->at[from].match == end - 1 && scan->at[from].extra == CODE_NONE;
	if (!list) {
		note_key(call, from, end, 0);
		return;
	}
	bool names = code_is_op(scan->tokens, from, '{');
	int32_t at = from + 1;
	for (int i = 0; i < KEYS_OF_A_CALL && at < end - 1; i++) {
		int32_t stop = scan_arg_end(scan, at, end - 1), key_end = stop;
		for (int32_t j = at; names && j < stop; j++)
			if (code_is_op(scan->tokens, j, ':')) {
				key_end = j;
				break;
			}
		note_key(call, at, key_end, 0);
		at = stop + 1;
	}
}

static bool is_key_word(const struct call *call, int32_t from)
{
	return code_is_one_of(call->scan->tokens, from,
			      "name key names keys src dst source destination "
			      "match pattern streams");
}

static void note_all(struct call *call)
{
	int32_t from = call->args, end;
	bool each = call->method->keys == KEYS_EACH, any = false;
	for (int i = 0; i < KEYS_OF_A_CALL && from < call->close; i++) {
		end = scan_arg_end(call->scan, from, call->close);
		/* BLPOP's last argument is its time-out, Go's first. */
		bool waits = call->method->traits & METHOD_WAITS;
		bool timeout =
		    waits &&
		    (call->scan->at[from].kind == TOKEN_NUMBER ||
		     (any && end >= call->close && call->scan->at[from].kind != TOKEN_TEXT));
		if (!timeout && (!is_keyword(call, from) || is_key_word(call, from))) {
			if (each || code_is_op(call->scan->tokens, from, '['))
				note_each(call, from, end);
			else
				note_key(call, from, end, 0);
			any = true;
		}
		from = end + 1;
	}
	if (!any)
		note(call, 0, 0);
}

/* The argument that is the key, by its place or by its keyword. */
static void note_first(struct call *call)
{
	int32_t from = call->args, end;
	for (int i = 0; i < 12 && from < call->close; i++) {
		end = scan_arg_end(call->scan, from, call->close);
		if (!is_keyword(call, from) || is_key_word(call, from)) {
			note_key(call, from, end, 0);
			return;
		}
		from = end + 1;
	}
	note(call, 0, 0);
}

static void note_streams(struct call *call)
{
	struct code_scan *scan = call->scan;
	for (int32_t i = call->args; i < call->close; i++)
		if (code_is_op(scan->tokens, i, '{') && scan->at[i].match != CODE_NONE) {
			note_each(call, i, scan->at[i].match + 1);
			return;
		}
	note(call, 0, 0);
}

static void note_keys(struct call *call)
{
	int32_t end, second;
	switch (call->method->keys) {
	case KEYS_FIRST:
	case KEYS_GLOB: note_first(call); break;
	case KEYS_ALL:
	case KEYS_EACH: note_all(call); break;
	case KEYS_TWO:
		note_first(call);
		second = nth_arg(call, 1, &end);
		note_key(call, second, end, USE_TARGET);
		break;
	case KEYS_STREAMS: note_streams(call); break;
	default: note(call, 0, 0);
	}
}

/* ---- calls ---- */

static void give(struct code_scan *scan, int32_t token, struct code_value value)
{
	/* Of a call that is never closed there is no token to carry it. */
	if (code_is_op(scan->tokens, token, ')'))
		scan->at[token].value = scan_new_value(scan, value);
}

/* A call on a client, or on what may turn out to be one. */
static void command(struct call *call)
{
	struct code_scan *scan = call->scan;
	uint32_t traits = call->method->traits;
	if (call->receiver.holds == HOLDS_UNKNOWN) {
		call->receiver.holds = HOLDS_CLIENT;
		bool set = scan->mentions && (traits & METHOD_MAY) &&
			   code_name_weak(code_token_text(scan->tokens, call->name - 2));
		if (scan->mentions && ((traits & METHOD_OWN) || set) && call->receiver.cond)
			scan_fact(scan, call->receiver.cond, 0);
		else if (!call->receiver.cond)
			return;
	}
	if (traits & METHOD_MAY)
		call->flags |= options(call);
	if (scan->language->id == LANGUAGE_GO && (traits & METHOD_ONCE))
		call->flags |= options(call);
	if ((traits & METHOD_ADDS) && adds_one(call))
		call->flags |= USE_ONE;
	if (answered(call))
		call->flags |= USE_ANSWERED;
	if (scan->at[call->name].len > strlen(call->method->name))
		call->flags |= USE_ASYNC;
	if (in_comprehension(call))
		call->flags |= USE_LOOP;
	note_keys(call);
	struct code_value answer = { .holds = HOLDS_ANSWER,
				     .text = call->first_key,
				     .reads = traits & METHOD_GETS };
	if (call->receiver.holds == HOLDS_PIPE && scan->language->id == LANGUAGE_JAVASCRIPT)
		answer = call->receiver; /* pipeline().set(…).get(…) goes on */
	give(scan, call->close, answer);
}

/* redis.get(k).catch(() => {}) */
static bool drops_error(const struct code_scan *scan, int32_t open)
{
	int32_t at =
	    code_is_op(scan->tokens, open + 1, '(') ? scan->at[open + 1].match + 1 : open + 2;
	int32_t body = at + 1, close = scan->at[open].match;
	if (!code_is_op(scan->tokens, at, OP_ARROW))
		return false;
	return (code_is_op(scan->tokens, body, '{') && scan->at[body].match == body + 1) ||
	       (close == body + 1 && code_is_one_of(scan->tokens, body, "null undefined false"));
}

static void catch_answer(struct code_scan *scan, int32_t name, int32_t open)
{
	struct code_handler *handler;
	if (!drops_error(scan, open) || !scan->code->n_uses ||
	    !(handler = CODE_ADD(scan->code, handlers, CODE_MAKINGS_MAX)))
		return;
	uint32_t last = (uint32_t)scan->code->n_uses;
	*handler = (struct code_handler){ scan->file, scan->at[name].line, last - 1, last };
}

/* f(client): its parameter is one. */
static void tell_parameters(struct code_scan *scan, int32_t name, int32_t open, int32_t close)
{
	uint64_t function = scan_hash(scan, name);
	int32_t from = open + 1;
	for (uint32_t i = 0; i < 8 && from < close; i++) {
		int32_t end = scan_arg_end(scan, from, close), value = from;
		bool keyword =
		    code_is_name(scan->tokens, from) && code_is_op(scan->tokens, from + 1, '=');
		if (keyword)
			value = from + 2;
		if (code_is_name(scan->tokens, end - 1) && end > value &&
		    scan_chain_start(scan, end - 1) == value) {
			struct code_value passed = scan_lookup(scan, value, end - 1);
			if (passed.holds == HOLDS_UNKNOWN && passed.cond &&
			    scan_nearest(scan, scan_hash(scan, value)))
				passed.holds = HOLDS_CLIENT;
			if (passed.holds == HOLDS_CLIENT && keyword)
				scan_fact(scan, code_name3('K', function, scan_hash(scan, from)),
					  passed.cond);
			else if (passed.holds == HOLDS_CLIENT)
				scan_fact(scan, code_name3('P', function, i), passed.cond);
		}
		from = end + 1;
	}
}

static bool makes_by_name(struct str name)
{
	char word[32];
	bool redis = false, verb = false;
	while (code_next_word(&name, word)) {
		redis |= code_word_in(word, "redis aioredis");
		verb |= code_word_in(
		    word, "get make create connect client conn connection open new build "
			  "init obtain");
	}
	return redis && verb;
}

/* What a call gives that is no command. */
static struct code_value given(struct code_scan *scan, int32_t name,
			       const struct code_value *receiver)
{
	struct str text = code_token_text(scan->tokens, name);
	struct code_value value = { .holds = HOLDS_OTHER };
	enum code_holds derived = code_derived(text);
	size_t index;
	if (receiver->holds == HOLDS_CLIENT || receiver->holds == HOLDS_PIPE ||
	    (receiver->holds == HOLDS_UNKNOWN && receiver->cond && derived == HOLDS_PIPE)) {
		if (derived == HOLDS_UNKNOWN)
			return value;
		return (struct code_value){ .cond = receiver->cond, .holds = (uint8_t)derived };
	}
	if (scan->mentions && makes_by_name(text))
		return (struct code_value){ .holds = HOLDS_CLIENT };
	if (!code_method_find(text, &index))
		return (struct code_value){ .cond = code_name3('F', str_hash(text), 0),
					    .holds = HOLDS_UNKNOWN };
	return value;
}

static bool is_definition(const struct code_scan *scan, int32_t name)
{
	return code_is_one_of(scan->tokens, name - 1, "def class function func fn") ||
	       (!code_is_op(scan->tokens, name - 1, OP_MEMBER) &&
		code_is_one_of(scan->tokens, name,
			       "if while for switch catch return function func def "
			       "elif and or not in print foreach"));
}

static bool pipes(const struct code_scan *scan, int32_t name)
{
	return scan_python(scan)
		   ? false
		   : code_is_one_of(scan->tokens, name, "Pipelined TxPipelined pipeline");
}

void scan_call(struct code_scan *scan, int32_t name, int32_t open, int32_t close)
{
	struct call call = { .scan = scan, .name = name, .open = open, .close = close };
	if (is_definition(scan, name))
		return;
	if (scan_make(scan, name, open, close)) {
		give(scan, close, (struct code_value){ .holds = HOLDS_CLIENT });
		return;
	}
	call.receiver = receiver_of(scan, name);
	call.method = code_method_find(code_token_text(scan->tokens, name), &call.method_index);
	/* A module has no commands: somebody's client is named like it. */
	if (call.receiver.holds == HOLDS_PACKAGE && call.method)
		call.receiver = (struct code_value){ .holds = HOLDS_CLIENT };
	tell_parameters(scan, name, open, close);
	if (call.receiver.holds == HOLDS_ANSWER && code_is_word(scan->tokens, name, "catch"))
		catch_answer(scan, name, open);
	if (call.receiver.holds == HOLDS_CLIENT &&
	    code_is_one_of(scan->tokens, name, "connect pconnect"))
		scan_make_later(scan, name, open, close);
	/* Result() and Err() of Go, the value behind .then: still the answer. */
	if (call.receiver.holds == HOLDS_ANSWER) {
		give(scan, close, call.receiver);
		return;
	}
	bool client = call.receiver.holds == HOLDS_CLIENT || call.receiver.holds == HOLDS_PIPE;
	bool maybe = call.receiver.holds == HOLDS_UNKNOWN &&
		     (call.receiver.cond ||
		      (call.method && scan->mentions && call.method->traits & METHOD_OWN));
	/* pipeline() of a client is named like a command of PHP's, pipelines are none. */
	if (call.method && (client || maybe) &&
	    code_derived(code_token_text(scan->tokens, name)) == HOLDS_UNKNOWN) {
		call.args = skip_context(scan, open + 1, close);
		if (call.receiver.holds == HOLDS_UNKNOWN && !call.receiver.cond)
			call.receiver = (struct code_value){ .holds = HOLDS_CLIENT };
		command(&call);
		return;
	}
	if (pipes(scan, name) && client && close > open + 1)
		return;
	struct code_value value = given(scan, name, &call.receiver);
	if (value.holds != HOLDS_OTHER)
		give(scan, close, value);
}
