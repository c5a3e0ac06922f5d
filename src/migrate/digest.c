#include "migrate/digest.h"

#include "base/check.h"

/* Two lanes of multiply and fold over words of 8 bytes, with odd constants from the digits of pi
 * and e; a lane's last step is splitmix64's mix. */
static const uint64_t lane_a = 0x243F6A8885A308D3ull, lane_b = 0xB7E151628AED2A6Bull;

static uint64_t fold(uint64_t x, uint64_t y)
{
	unsigned __int128 product = (unsigned __int128)x * y;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ull;
	x = (x ^ x >> 27) * 0x94D049BB133111EBull;
	return x ^ x >> 31;
}

static void take_word(struct digest *sum, uint64_t word)
{
	sum->a = fold(sum->a ^ word, lane_a | 1) + word;
	sum->b = fold(sum->b + word, lane_b | 1) ^ (word << 32 | word >> 32);
}

static uint64_t word_of(const char *bytes, size_t n)
{
	uint64_t word = 0;
	memcpy(&word, bytes, n);
	return word;
}

/* Its length first, so that ("ab", "c") is not ("a", "bc"). */
static void take(struct digest *sum, struct str bytes)
{
	take_word(sum, bytes.len ^ lane_b);
	for (; bytes.len >= 8; bytes = str_skip(bytes, 8))
		take_word(sum, word_of(bytes.ptr, 8));
	if (bytes.len)
		take_word(sum, word_of(bytes.ptr, bytes.len));
}

static struct digest settled(struct digest sum)
{
	struct digest out = { mix(sum.a), mix(sum.b ^ lane_a) };
	if (digest_none(out))
		out.a = 1;
	return out;
}

void digest_begin(struct digesting *digesting, enum audit_type type)
{
	*digesting = (struct digesting){ .type = type, .sum = { lane_a, lane_b } };
	take_word(&digesting->sum, (uint64_t)type);
}

void digest_element(struct digesting *digesting, struct str field, struct str value)
{
	struct digest own = { lane_b, lane_a };
	CHECK(digesting->type != AUDIT_STRING);
	take(&own, field);
	take(&own, value);
	own = settled(own);
	digesting->count++;
	if (digesting->type == AUDIT_LIST || digesting->type == AUDIT_STREAM) {
		take_word(&digesting->sum, own.a);
		take_word(&digesting->sum, own.b);
	} else {
		digesting->sum.a += own.a;
		digesting->sum.b += own.b;
	}
}

void digest_bytes(struct digesting *digesting, struct str piece)
{
	CHECK(digesting->type == AUDIT_STRING);
	digesting->count += piece.len;
	while (piece.len) {
		if (!digesting->n_open && piece.len >= 8) {
			take_word(&digesting->sum, word_of(piece.ptr, 8));
			piece = str_skip(piece, 8);
			continue;
		}
		digesting->open[digesting->n_open++] = piece.ptr[0];
		piece = str_skip(piece, 1);
		if (digesting->n_open == 8) {
			take_word(&digesting->sum, word_of(digesting->open, 8));
			digesting->n_open = 0;
		}
	}
}

struct digest digest_end(struct digesting *digesting)
{
	if (digesting->n_open)
		take_word(&digesting->sum, word_of(digesting->open, digesting->n_open));
	digesting->n_open = 0;
	take_word(&digesting->sum, digesting->count);
	return settled(digesting->sum);
}

struct digest digest_of(struct str bytes)
{
	struct digest sum = { lane_a, lane_b };
	take(&sum, bytes);
	return settled(sum);
}
