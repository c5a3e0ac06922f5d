/* The parts of redis_conn.h that are pure text. */
#include <ctype.h>

#include "os/redis_conn.h"

/* "redis_oom" of the status table answers for the word "OOM". */
static bool word_names(struct str word, enum status status)
{
	struct str name = str_of(status_name(status));
	struct str family = { name.ptr, name.len < 6 ? name.len : 6 };
	return str_eq_nocase(family, STR("redis_")) && str_eq_nocase(str_skip(name, 6), word);
}

enum status redis_error_status(struct str text)
{
	struct str word = { text.ptr, str_find_char(text, ' ') };
	for (size_t i = 0; i < word.len; i++)
		if (!isupper((unsigned char)word.ptr[i]))
			return STATUS_REDIS_ERR;
	for (enum status status = STATUS_OK; status < STATUS_COUNT; status++)
		if (status != STATUS_REDIS_PROTOCOL && word_names(word, status))
			return status;
	return STATUS_REDIS_ERR;
}

void redis_put_command(struct buf *buf, const struct str *argv, size_t argc)
{
	buf_char(buf, '*');
	buf_u64(buf, argc);
	for (size_t i = 0; i < argc; i++) {
		buf_put(buf, "\r\n$", 3);
		buf_u64(buf, argv[i].len);
		buf_put(buf, "\r\n", 2);
		buf_str_put(buf, argv[i]);
	}
	buf_put(buf, "\r\n", 2);
}
