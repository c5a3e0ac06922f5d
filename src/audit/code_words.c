/* What the words of a key's name say. */
#include "audit/code_impl.h"
#include "base/buf.h"

static bool has_word(struct str pattern, const char *list)
{
	char word[32];
	while (pattern.len) {
		/* Placeholders' names are the code's, not the key's. */
		size_t open = str_find_char(pattern, '{');
		struct str constant = str_make(pattern.ptr, open);
		while (code_next_word(&constant, word))
			if (code_word_in(word, list))
				return true;
		pattern = str_skip(pattern, open);
		pattern = str_skip(pattern, str_find_char(pattern, '}') + 1);
	}
	return false;
}

/* NAMES_LIKE_THIS have no case to part words by. */
bool code_is_lock(struct str pattern)
{
	return has_word(pattern, "lock locks locked mutex semaphore lease");
}

enum audit_use code_use_of(struct str pattern)
{
	if (code_is_lock(pattern))
		return AUDIT_USE_lock;
	if (has_word(pattern, "ratelimit throttle quota") ||
	    (has_word(pattern, "rate api") && has_word(pattern, "limit limits calls")))
		return AUDIT_USE_rate_limit;
	if (has_word(pattern, "session sessions sess"))
		return AUDIT_USE_session;
	if (has_word(pattern, "cache cached caches tmp temp temporary"))
		return AUDIT_USE_cache;
	if (has_word(pattern, "queue queues jobs tasks pending backlog"))
		return AUDIT_USE_queue;
	if (has_word(pattern, "config settings options"))
		return AUDIT_USE_config;
	if (has_word(pattern, "count counter counters total"))
		return AUDIT_USE_counter;
	if (has_word(pattern, "trade trades order orders user users position positions account"))
		return AUDIT_USE_record;
	if (has_word(pattern,
		     "last flag flags processing processed condition heartbeat seen running ready"))
		return AUDIT_USE_flag;
	return AUDIT_USE_unknown;
}

bool code_has_letters(struct str printed)
{
	bool inside = false;
	for (size_t i = 0; i < printed.len; i++) {
		char c = printed.ptr[i];
		inside = c == '{' || (inside && c != '}');
		if (!inside && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				(c >= '0' && c <= '9') || (c & 0x80)))
			return true;
	}
	return false;
}

static size_t skip_place(struct str text, size_t at)
{
	char first = text.ptr[at];
	char ends = first == '{' ? '}' : MARK_END;
	while (at < text.len && text.ptr[at] != ends)
		at++;
	return at + 1;
}

void code_normalise(struct str printed, struct buf *out)
{
	for (size_t i = 0; i < printed.len;) {
		char c = printed.ptr[i], next = i + 1 < printed.len ? printed.ptr[i + 1] : 0;
		if (c == '$' && next == '{') {
			i++;
		} else if (c == '{' || c == MARK_NAME || c == MARK_REF) {
			buf_put(out, "{}", 2);
			i = skip_place(printed, i);
		} else if (c == '%' && (next == 's' || next == 'd' || next == 'v')) {
			buf_put(out, "{}", 2);
			i += 2;
		} else {
			buf_char(out, c);
			i++;
		}
	}
}

/* ---- could two patterns be one name? ---- */

static bool is_wild(char c) { return c == '{' || c == '*'; }

static size_t after_wild(struct str s, size_t at)
{
	return s.ptr[at] == '{' ? at + str_find_char(str_skip(s, at), '}') + 1 : at + 1;
}

static size_t constant_head(struct str s)
{
	size_t n = 0;
	while (n < s.len && !is_wild(s.ptr[n]))
		n++;
	return n;
}

static size_t constant_tail(struct str s)
{
	size_t n = 0;
	while (n < s.len && s.ptr[s.len - 1 - n] != '}' && s.ptr[s.len - 1 - n] != '*')
		n++;
	return n;
}

/* A constant name against a pattern: its parts one after the other, the earliest place each. */
static bool fits(struct str name, struct str pattern)
{
	size_t at = 0, i = 0;
	while (i < pattern.len) {
		if (!is_wild(pattern.ptr[i])) {
			if (at >= name.len || name.ptr[at++] != pattern.ptr[i++])
				return false;
			continue;
		}
		i = after_wild(pattern, i);
		struct str part = str_skip(pattern, i < pattern.len ? i : pattern.len);
		part.len = constant_head(part);
		if (part.len == 0)
			return i >= pattern.len ? at < name.len : true;
		const char *found = NULL;
		if (i + part.len == pattern.len && name.len >= at + part.len) /* the last part */
			found = memcmp(name.ptr + name.len - part.len, part.ptr, part.len) == 0
				    ? name.ptr + name.len - part.len
				    : NULL;
		else if (name.len > at)
			found = memmem(name.ptr + at, name.len - at, part.ptr, part.len);
		if (!found)
			return false;
		at = (size_t)(found - name.ptr) + part.len;
		i += part.len;
	}
	return at == name.len;
}

/* {symbol}_{tf} says little: only names that look like values fit it. */
static bool looks_made(struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] >= '0' && name.ptr[i] <= '9')
			return true;
	return false;
}

/* Placeholders hold no colon: parts between colons meet one by one. */
static bool parts_meet(struct str a, struct str b)
{
	struct str x, y;
	bool more_a = str_split(&a, ':', &x), more_b = str_split(&b, ':', &y);
	while (more_a && more_b) {
		size_t head_a = constant_head(x), head_b = constant_head(y);
		size_t tail_a = constant_tail(x), tail_b = constant_tail(y);
		size_t head = head_a < head_b ? head_a : head_b,
		       tail = tail_a < tail_b ? tail_a : tail_b;
		if (memcmp(x.ptr, y.ptr, head) != 0 ||
		    memcmp(x.ptr + x.len - tail, y.ptr + y.len - tail, tail) != 0 ||
		    (head_a == x.len && head_b == y.len && x.len != y.len))
			return false;
		more_a = str_split(&a, ':', &x);
		more_b = str_split(&b, ':', &y);
	}
	return more_a == more_b;
}

static bool is_glob(struct str s) { return s.len && memchr(s.ptr, '*', s.len); }

bool code_patterns_meet(struct str a, struct str b)
{
	bool a_known = code_has_letters(a), b_known = code_has_letters(b);
	size_t head_a = constant_head(a), head_b = constant_head(b);
	size_t tail_a = constant_tail(a), tail_b = constant_tail(b);
	size_t head = head_a < head_b ? head_a : head_b, tail = tail_a < tail_b ? tail_a : tail_b;
	if (str_eq(a, b))
		return true;
	if (!a_known || !b_known) {
		struct str weak = a_known ? b : a, other = a_known ? a : b;
		return constant_head(other) == other.len && constant_head(weak) < weak.len &&
		       weak.len > after_wild(weak, constant_head(weak)) && looks_made(other) &&
		       fits(other, weak);
	}
	if (memcmp(a.ptr, b.ptr, head) != 0 ||
	    memcmp(a.ptr + a.len - tail, b.ptr + b.len - tail, tail) != 0)
		return false;
	if (head_a == a.len && head_b == b.len)
		return false;
	if (head_a == a.len)
		return fits(a, b);
	if (head_b == b.len)
		return fits(b, a);
	return is_glob(a) || is_glob(b) || parts_meet(a, b);
}
