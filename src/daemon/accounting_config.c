/* From [account.NAME], [account] and [venue.*] to what a link needs; keys from their files
 * or from the environment. */
#include <ctype.h>
#include <stdlib.h>

#include "daemon/accounting_impl.h"
#include "def/config.h"
#include "os/files.h"
#include "os/secret.h"

static const struct str prefix = { "account.", 8 };

/* ---- values: the account's own, else [account]'s ---- */

static const struct config_open *own_setting(const struct config *config, struct str section,
					     enum config_id id)
{
	return config_open_find(config, section, str_of(config_row(id)->key));
}

static struct str setting_text(const struct config *config, struct str section, enum config_id id)
{
	const struct config_open *open = own_setting(config, section, id);
	return open ? open->text : config_str(config, id);
}

static int64_t setting_number(const struct config *config, struct str section, enum config_id id)
{
	const struct config_open *open = own_setting(config, section, id);
	return open ? open->number : config_i64(config, id);
}

static uint32_t kinds_of(struct str list)
{
	uint32_t kinds = 0;
	struct str word;
	while (str_split(&list, ',', &word))
		for (int kind = 0; kind < KIND_COUNT; kind++)
			if (str_eq(word, str_of(kind_text((enum kind)kind))))
				kinds |= 1u << kind;
	return kinds;
}

static enum venue venue_of(struct str text)
{
	return str_eq(text, str_of(venue_text(VENUE_BYBIT))) ? VENUE_BYBIT : VENUE_BINANCE;
}

/* ---- keys ---- */

/* "WEIR_EXCHANGE_KEY_MAIN" */
static void variable_name(char out[64], const char *what, const char *name)
{
	struct buf text = buf_over(out, 63);
	buf_printf(&text, "WEIR_EXCHANGE_%s_", what);
	for (; *name; name++)
		buf_char(&text, *name == '-' ? '_' : (char)toupper((unsigned char)*name));
	out[text.len] = 0;
}

static enum status key_of_environment(struct accounting_account *account, bool *found,
				      struct err *err)
{
	char key_name[64], secret_name[64];
	variable_name(key_name, "KEY", account->name);
	variable_name(secret_name, "SECRET", account->name);
	const char *key = getenv(key_name), *secret = getenv(secret_name);
	enum status status = STATUS_OK;
	*found = key || secret;
	if (*found && !(key && secret))
		status = err_set(err, STATUS_INVALID,
				 "account %s: the environment has %s and not %s", account->name,
				 key ? key_name : secret_name, key ? secret_name : key_name);
	else if (*found &&
		 (status = account_key_make(str_of(key), str_of(secret), &account->key, err)))
		err_wrap(err, status, "account %s: %s, %s", account->name, key_name, secret_name);
	secret_forget_variable(key_name);
	secret_forget_variable(secret_name);
	return status;
}

static enum status read_key(struct accounting_account *account, struct str file, struct err *err)
{
	char path[PATH_BYTES_MAX], key_name[64];
	bool found;
	enum status status = key_of_environment(account, &found, err);
	if (status || found)
		return status;
	variable_name(key_name, "KEY", account->name);
	if (!file.len)
		return err_set(
		    err, STATUS_INVALID,
		    "account %s has no key: name a key_file in [account.%s], or set %s and "
		    "its secret",
		    account->name, account->name, key_name);
	status = path_format(path, err, "%.*s", STR_ARG(file));
	if (!status)
		status = account_key_read(path, &account->key, err);
	return status ? err_wrap(err, status, "account %s: key_file", account->name) : STATUS_OK;
}

/* ---- one account ---- */

static enum status read_urls(const struct config *config, struct str section, enum venue venue,
			     struct accounting_account *account, struct err *err)
{
	struct str url = setting_text(config, section, CONFIG_account_rest_url);
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		struct str of_kind =
		    url.len ? url
			    : config_str(config, config_of_venue(CONFIG_venue_binance_spot_rest_url,
								 venue, (enum kind)kind));
		while (of_kind.len && of_kind.ptr[of_kind.len - 1] == '/')
			of_kind.len--;
		if (str_copy(of_kind, account->urls[kind], sizeof account->urls[kind]))
			return err_set(err, STATUS_RANGE, "account %s: the URL is too long",
				       account->name);
	}
	return STATUS_OK;
}

static enum status open_client(struct accounting *accounting, struct str section,
			       struct accounting_account *account, struct err *err)
{
	char ca_file[PATH_BYTES_MAX];
	struct str file = setting_text(accounting->config.config, section, CONFIG_account_ca_file);
	enum status status = path_format(ca_file, err, "%.*s", STR_ARG(file));
	if (status)
		return status;
	const struct http_config http = { .ca_file = ca_file, .requests_max = 2 };
	status = http_open(accounting->config.loop, &http, &account->http, err);
	if (status)
		return err_wrap(err, status, "account %s", account->name);
	accounting->open++;
	return STATUS_OK;
}

static enum status add(struct accounting *accounting, struct str section, struct err *err)
{
	const struct config *config = accounting->config.config;
	struct str name = str_skip(section, prefix.len);
	if (accounting->count == ACCOUNTS_MAX)
		return err_set(err, STATUS_FULL, "more than %d sections [account.NAME]",
			       ACCOUNTS_MAX);
	struct accounting_account *account = &accounting->list[accounting->count];
	enum venue venue = venue_of(setting_text(config, section, CONFIG_account_venue));
	uint32_t kinds = kinds_of(setting_text(config, section, CONFIG_account_kinds)), slot;
	uint32_t answers = account_link_answers(venue, kinds);
	enum status status = accounts_add(accounting->accounts, name, venue, answers, &slot);
	if (status)
		return err_set(err, status, "[%.*s]: %s", STR_ARG(section), status_text(status));
	accounting->count++;
	memcpy(account->name, name.ptr, name.len);
	account->poll_ms = setting_number(config, section, CONFIG_account_poll);
	status = read_urls(config, section, venue, account, err);
	if (!status)
		status =
		    read_key(account, setting_text(config, section, CONFIG_account_key_file), err);
	return status ? status : open_client(accounting, section, account, err);
}

enum status accounting_read(struct accounting *accounting, struct err *err)
{
	const struct config *config = accounting->config.config;
	enum status status = STATUS_OK;
	for (size_t i = 0; i < config_open_count(config) && !status; i++) {
		const struct config_open *open = config_open_at(config, i);
		if (!open->key.len && str_starts(open->section, prefix))
			status = add(accounting, open->section, err);
	}
	return status;
}
