#include "fleet/fleet_samples.h"

#include "base/check.h"

struct row {
	uint16_t field;
	uint8_t sample;
};

/* A sample has its field's name: only rows of the wanted source give one. */
#define ROW(verb, name) { MFP_##verb##_##name, SAMPLE_##name },
#define NO_ROW(name)
#define SAMPLE(id, from, unit, meaning) FROM_##from(id)

#define FROM_STATE(name) ROW(state, name)
#define FROM_FREE(name)  ROW(state, name)
#define FROM_ACCOUNT     NO_ROW
#define FROM_HOST        NO_ROW
#define FROM_WEIR        NO_ROW
static const struct row of_state[] = {
#include "def/samples.def"
	ROW(state, cpu) /* of an expert whose host tells it */
};
#undef FROM_STATE
#undef FROM_FREE
#undef FROM_ACCOUNT
#define FROM_STATE         NO_ROW
#define FROM_FREE          NO_ROW
#define FROM_ACCOUNT(name) ROW(account, name)
static const struct row of_account[] = {
#include "def/samples.def"
};
#undef FROM_ACCOUNT
#undef FROM_HOST
#define FROM_ACCOUNT    NO_ROW
#define FROM_HOST(name) ROW(host, name)
static const struct row of_host[] = {
#include "def/samples.def"
};
#undef SAMPLE

static void take(struct terminal *t, const struct mfp_frame *frame, const struct row *rows,
		 size_t count)
{
	struct sample_row_values *latest = &t->seen.latest;
	uint32_t first = mfp_verb_row(frame->verb)->first;
	for (size_t i = 0; i < count; i++) {
		uint32_t place = rows[i].field - first;
		if (!(frame->given >> place & 1))
			continue;
		latest->values[rows[i].sample] = frame->values[place].number;
		latest->known |= UINT64_C(1) << rows[i].sample;
	}
	latest->ms = t->fleet->wall_ms;
	/* -1: the host does not know it */
	if (latest->values[SAMPLE_cpu].mantissa < 0)
		latest->known &= ~(UINT64_C(1) << SAMPLE_cpu);
}

void samples_take(struct terminal *t, const struct mfp_frame *frame)
{
	switch (frame->verb) {
	case MFP_VERB_state: take(t, frame, of_state, ARRAY_LEN(of_state)); break;
	case MFP_VERB_account: take(t, frame, of_account, ARRAY_LEN(of_account)); break;
	case MFP_VERB_host: take(t, frame, of_host, ARRAY_LEN(of_host)); break;
	default: CHECK(!"a frame with samples");
	}
}
