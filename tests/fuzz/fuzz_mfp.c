#include "unit/mfp_copy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fault(enum status status, const struct mfp_fault *fault)
{
	static const char key_bytes[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	CHECK(status == STATUS_FORMAT || status == STATUS_RANGE || status == STATUS_UNSUPPORTED);
	CHECK(fault->what[0]);
	CHECK(strspn(fault->key, key_bytes) == strlen(fault->key));
}

/* Written again it fits a line and is read as the same. */
static void check_copy(const struct mfp_frame *frame, bool raw)
{
	char storage[MFP_LINE_MAX];
	struct buf out = buf_over(storage, sizeof storage);
	struct mfp_frame again;
	struct mfp_fault fault;
	mfp_write_again(frame, raw, &out);
	CHECK(!out.overflow);
	enum status status = mfp_read(str_make(storage, out.len - 1), MFP_ANY, &again, &fault);
	CHECK(status == STATUS_OK);
	CHECK(mfp_same(frame, &again, raw));
	CHECK(again.unknown_keys == 0);
}

/* A side reads what the table lets it send and nothing else. The fault may be another:
 * of a verb that is not this side's only the form is looked at. */
static void check_side(struct str line, enum mfp_side from, enum status any,
		       const struct mfp_frame *of_any)
{
	struct mfp_frame frame;
	struct mfp_fault fault;
	enum status status = mfp_read(line, from, &frame, &fault);
	if (status)
		check_fault(status, &fault);
	if (any) {
		CHECK(status);
		return;
	}
	enum mfp_side sends = mfp_verb_row(of_any->verb)->from;
	bool may = sends == MFP_ANY || sends == from;
	CHECK(status == (may ? STATUS_OK : STATUS_UNSUPPORTED));
	CHECK(!may || mfp_same(&frame, of_any, true));
}

static void check_escape(struct str bytes)
{
	static char escaped[3 * MFP_LINE_MAX], back[MFP_LINE_MAX];
	struct buf value = buf_over(escaped, sizeof escaped), out = buf_over(back, sizeof back);
	if (bytes.len > MFP_LINE_MAX)
		bytes.len = MFP_LINE_MAX;
	mfp_escape(&value, bytes);
	CHECK(!value.overflow);
	enum status status = mfp_unescape(buf_str(&value), &out);
	CHECK(status == STATUS_OK && str_eq(buf_str(&out), bytes));
	struct buf any = buf_over(back, sizeof back);
	status = mfp_unescape(bytes, &any);
	CHECK(status == STATUS_OK || (status == STATUS_FORMAT && any.len == 0));
}

/* No line does harm; one that is read says the same when it is written again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str line = str_make((const char *)data, size);
	struct mfp_frame frame;
	struct mfp_fault fault;
	enum status status = mfp_read(line, MFP_ANY, &frame, &fault);
	if (status) {
		check_fault(status, &fault);
	} else {
		check_copy(&frame, true);
		check_copy(&frame, false);
	}
	check_side(line, MFP_WEIR, status, &frame);
	check_side(line, MFP_PEER, status, &frame);
	check_escape(line);
	return 0;
}
