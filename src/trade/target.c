#include "trade/target.h"

static enum status read_account(struct target *out, struct str text)
{
	size_t at = str_find_char(text, '@');
	out->kind = TARGET_ACCOUNT;
	out->name = str_skip(text, at + 1);
	if (out->name.len == 0 || at == 0 || text.ptr[0] < '0' || text.ptr[0] > '9')
		return STATUS_FORMAT;
	return str_to_i64(str_make(text.ptr, at), &out->login) ? STATUS_FORMAT : STATUS_OK;
}

enum status target_read(struct target *out, struct str text)
{
	const struct str account = STR("account:"), group = STR("group:");
	*out = (struct target){ .kind = TARGET_INSTANCE, .name = text };
	if (str_eq(text, STR("all")))
		out->kind = TARGET_ALL;
	if (str_starts(text, account))
		return read_account(out, str_skip(text, account.len));
	if (str_starts(text, group)) {
		out->kind = TARGET_GROUP;
		out->name = str_skip(text, group.len);
	}
	return out->name.len ? STATUS_OK : STATUS_FORMAT;
}
