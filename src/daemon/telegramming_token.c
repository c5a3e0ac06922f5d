/* Where the bot's token comes from: never from the command line or the settings. */
#include <stdlib.h>

#include "base/log.h"
#include "daemon/telegramming.h"
#include "os/files.h"
#include "os/secret.h"

static enum status read_credential(struct buf *token, struct err *err)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_BYTES_MAX];
	struct err ignored = { 0 };
	if (!folder || !folder[0])
		return STATUS_OK;
	enum status status = path_format(path, err, "%s/telegram_token", folder);
	if (status)
		return status;
	status = secret_read_file(path, TELEGRAM_TOKEN_MAX + 2, token, &ignored);
	if (status == STATUS_NOT_FOUND)
		return STATUS_OK;
	if (status)
		return err_set(err, status, "%s", ignored.text);
	return STATUS_OK;
}

static enum status read_token(const struct config *config, struct buf *token, struct err *err)
{
	struct str named = config_str(config, CONFIG_telegram_token_file);
	const char *environment = getenv("TELEGRAM_BOT_TOKEN");
	enum status status = STATUS_OK;
	if (named.len)
		status = secret_read_file(named.ptr, TELEGRAM_TOKEN_MAX + 2, token, err);
	else
		status = read_credential(token, err);
	if (!status && !token->len && !named.len && environment)
		buf_str_put(token, str_of(environment));
	if (status)
		return err_wrap(err, status, "telegram.token_file");
	struct str trimmed = str_trim(buf_str(token));
	if (named.len && !trimmed.len)
		return err_set(err, STATUS_INVALID, "telegram.token_file: %s is empty", named.ptr);
	if (token->overflow || trimmed.len > TELEGRAM_TOKEN_MAX)
		return err_set(err, STATUS_RANGE, "the Telegram token is too long");
	return STATUS_OK;
}

enum status telegramming_take_token(const struct config *config, bool wanted, struct buf *token,
				    struct err *err)
{
	enum status status = STATUS_OK;
	buf_init(token, 4096);
	if (wanted && config_bool(config, CONFIG_telegram_on))
		status = read_token(config, token, err);
	secret_forget_variable("TELEGRAM_BOT_TOKEN");
	return status;
}
