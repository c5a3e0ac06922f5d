/* The name of a family's key by its number: the number is taken apart over the parts of the
 * pattern, those of which there are few first, so that no two keys have one name. */
#include <ctype.h>

#include "sim/mess_impl.h"

enum { MESS_SYMBOLS = -1, MESS_TFS = -2, MESS_DATES = -3 }; /* as many as the layout says */
enum { PARTS_MAX = 4 };

static const char *const symbols[] = {
#define MESS_SYMBOL(name) #name,
#include "sim/mess_words.def"
};

static const char *const tfs[] = {
#define MESS_TF(name) name,
#include "sim/mess_words.def"
};

const char *mess_symbol(size_t index) { return symbols[index % ARRAY_LEN(symbols)]; }

size_t mess_symbols_all(void) { return ARRAY_LEN(symbols); }

/* One number for each number, scattered (the finish of splitmix64). */
static uint64_t scatter(uint64_t number)
{
	number = (number ^ (number >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	number = (number ^ (number >> 27)) * UINT64_C(0x94d049bb133111eb);
	return number ^ (number >> 31);
}

/* ---- what parts say ---- */

static void part_symbol(struct buf *out, uint64_t number, uint64_t salt)
{
	(void)salt;
	buf_str_put(out, str_of(symbols[number]));
}

static void part_lower(struct buf *out, uint64_t number, uint64_t salt)
{
	(void)salt;
	for (const char *at = symbols[number]; *at; at++)
		buf_char(out, (char)tolower(*at));
}

static void part_pair(struct buf *out, uint64_t number, uint64_t salt)
{
	part_symbol(out, number, salt);
	buf_put(out, "USDT", 4);
}

static void part_tf(struct buf *out, uint64_t number, uint64_t salt)
{
	(void)salt;
	buf_str_put(out, str_of(tfs[number]));
}

struct day {
	unsigned year, month, day;
};

/* Counted in months of 28 days, from July 2023 on: each is a day of the calendar. */
static struct day day_of(uint64_t number)
{
	unsigned month = 6 + (unsigned)(number / 28);
	return (struct day){ 2023 + month / 12, month % 12 + 1, 1 + (unsigned)(number % 28) };
}

static void part_date(struct buf *out, uint64_t number, uint64_t salt)
{
	(void)salt;
	struct day day = day_of(number);
	buf_printf(out, "%u-%02u-%02u", day.year, day.month, day.day);
}

static void part_ymd(struct buf *out, uint64_t number, uint64_t salt)
{
	(void)salt;
	struct day day = day_of(number);
	buf_printf(out, "%u%02u%02u", day.year, day.month, day.day);
}

static void part_id(struct buf *out, uint64_t number, uint64_t salt)
{
	buf_u64(out, 1001 + salt % 7000 + number);
}

/* The factor has no divisor in common with the modulus: each number once. */
static void part_user(struct buf *out, uint64_t number, uint64_t salt)
{
	uint64_t span = 899999963;
	buf_u64(out, 100000000 + ((number + salt % span) % span * 179424673) % span);
}

static void part_hex(struct buf *out, uint64_t number, uint64_t salt)
{
	buf_printf(out, "%016llx%016llx", (unsigned long long)scatter(number ^ salt),
		   (unsigned long long)scatter(~number ^ salt));
}

static void part_uuid(struct buf *out, uint64_t number, uint64_t salt)
{
	uint64_t high = scatter(number ^ salt), low = scatter(~number ^ salt);
	buf_printf(out, "%08x-%04x-4%03x-a%03x-%012llx", (unsigned)(high >> 32),
		   (unsigned)(high >> 16) & 0xffff, (unsigned)high & 0xfff,
		   (unsigned)(low >> 48) & 0xfff, (unsigned long long)(low & 0xffffffffffff));
}

static void part_raw(struct buf *out, uint64_t number, uint64_t salt)
{
	uint64_t bytes = scatter(number ^ salt);
	buf_put(out, &bytes, sizeof bytes);
}

/* ---- patterns ---- */

static const struct part {
	struct str name;
	int radix;
	void (*put)(struct buf *out, uint64_t number, uint64_t salt);
} parts[] = {
#define MESS_PART(name, radix, put) { STR(name), radix, put },
#include "sim/mess_words.def"
};

static int64_t radix_of(const struct mess *mess, const struct part *part)
{
	return part->radix == MESS_SYMBOLS ? mess->symbols
	       : part->radix == MESS_TFS   ? mess->tfs
	       : part->radix == MESS_DATES ? mess->dates
					   : part->radix;
}

/* The part that begins behind the pattern's next brace; NULL: there is none. *before is the
 * constant text in front, and the pattern goes on behind the part. */
static const struct part *next_part(struct str *pattern, struct str *before)
{
	size_t open = str_find_char(*pattern, '{');
	*before = str_make(pattern->ptr, open);
	if (open == pattern->len) {
		*pattern = str_skip(*pattern, open);
		return NULL;
	}
	struct str rest = str_skip(*pattern, open + 1);
	struct str name = str_make(rest.ptr, str_find_char(rest, '}'));
	*pattern = str_skip(rest, name.len + 1);
	size_t i = 0;
	while (i < ARRAY_LEN(parts) && !str_eq(parts[i].name, name))
		i++;
	CHECK(i < ARRAY_LEN(parts)); /* a pattern of mess_rows.def with a part that is not there */
	return &parts[i];
}

int64_t mess_names(const struct mess *mess, const char *pattern)
{
	struct str rest = str_of(pattern), before;
	const struct part *part;
	int64_t names = 1;
	while ((part = next_part(&rest, &before))) {
		if (!part->radix)
			return INT64_MAX;
		names *= radix_of(mess, part);
	}
	return names;
}

void mess_name(const struct mess *mess, int row, int64_t index, struct buf *out)
{
	uint64_t numbers[PARTS_MAX], left = (uint64_t)index;
	struct str rest = str_of(mess->rows[row].pattern), before;
	const struct part *part;
	size_t n = 0, open = PARTS_MAX;
	while ((part = next_part(&rest, &before))) {
		CHECK(n < PARTS_MAX);
		if (part->radix) {
			numbers[n] = left % (uint64_t)radix_of(mess, part);
			left /= (uint64_t)radix_of(mess, part);
		} else {
			CHECK(open == PARTS_MAX);
			open = n;
		}
		n++;
	}
	if (open < PARTS_MAX)
		numbers[open] = left;
	/* Rows that are one thing share their ids: a job and its list in work. */
	uint64_t salt = scatter(mess->config.seed);
	rest = str_of(mess->rows[row].pattern);
	for (n = 0; (part = next_part(&rest, &before)); n++) {
		buf_str_put(out, before);
		part->put(out, numbers[n], salt);
	}
	buf_str_put(out, before);
}
