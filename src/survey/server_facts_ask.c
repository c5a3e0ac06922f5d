/* Asking a server about itself. What it refuses stays absent. */
#include "survey/server_facts.h"
#include "survey/wire.h"

#include "base/check.h"

static enum status ask_info(struct wire *wire, struct server_facts *facts)
{
	static const struct str info[] = { STR("INFO") };
	struct wire_token token;
	enum status status = wire_ask(wire, &token, info, 1);
	if (!status && token.type == REDIS_BULK)
		server_facts_info(facts, token.text);
	return status;
}

static enum status ask_settings(struct wire *wire, struct server_facts *facts)
{
	static const char *const names[] = { "*-max-*", "save", "databases", "maxclients",
					     "appendonly" };
	enum status status = STATUS_OK;
	for (size_t i = 0; i < ARRAY_LEN(names) && !status; i++) {
		const struct str argv[] = { STR("CONFIG"), STR("GET"), str_of(names[i]) };
		struct wire_token head, token;
		status = wire_ask(wire, &head, argv, ARRAY_LEN(argv));
		if (!status && head.type != REDIS_ARRAY)
			break;
		for (int64_t n = 0; n + 1 < head.number && !status; n += 2) {
			char name[64] = "";
			status = wire_next(wire, &token);
			if (!status && str_copy(token.text, name, sizeof name))
				name[0] = 0;
			if (!status)
				status = wire_next(wire, &token);
			if (!status)
				server_facts_setting(facts, str_of(name), token.text);
		}
	}
	return status;
}

static enum status ask_acl(struct wire *wire, struct server_facts *facts)
{
	static const struct str list[] = { STR("ACL"), STR("LIST") };
	struct wire_token head, token;
	enum status status = wire_ask(wire, &head, list, ARRAY_LEN(list));
	int64_t n = !status && head.type == REDIS_ARRAY ? head.number : 0;
	for (int64_t i = 0; i < n && !status; i++) {
		status = wire_next(wire, &token);
		if (!status)
			server_facts_acl(facts, token.text);
	}
	return status;
}

/* The flags of ACL GETUSER's answer: a list behind the word "flags". */
static enum status read_flags(struct wire *wire, const struct wire_token *head, bool *on,
			      bool *nopass)
{
	struct wire_token token;
	enum status status = STATUS_OK;
	for (int64_t i = 0; i < head->number && !status; i++) {
		status = wire_next(wire, &token);
		*on = *on || (!status && str_eq(token.text, STR("on")));
		*nopass = *nopass || (!status && str_eq(token.text, STR("nopass")));
	}
	return status;
}

static enum status ask_user(struct wire *wire, struct server_facts *facts)
{
	static const struct str get[] = { STR("ACL"), STR("GETUSER"), STR("default") };
	struct wire_token head, token;
	bool on = false, nopass = false;
	enum status status = wire_ask(wire, &head, get, ARRAY_LEN(get));
	int64_t n = !status && head.type == REDIS_ARRAY ? head.number : 0;
	for (int64_t i = 0; i + 1 < n && !status; i += 2) {
		status = wire_next(wire, &token);
		bool flags = !status && str_eq(token.text, STR("flags"));
		if (!status)
			status = wire_next(wire, &token);
		if (!status && flags && token.type == REDIS_ARRAY)
			status = read_flags(wire, &token, &on, &nopass);
		else if (!status)
			status = wire_skip(wire, &token);
	}
	if (!status && n > 0)
		facts->server.nopass = on && nopass ? AUDIT_YES : AUDIT_NO;
	return status;
}

static enum status ask_clients(struct wire *wire, struct server_facts *facts)
{
	static const struct str list[] = { STR("CLIENT"), STR("LIST") };
	struct wire_token token;
	enum status status = wire_ask(wire, &token, list, ARRAY_LEN(list));
	if (!status && token.type == REDIS_BULK && (size_t)token.number == token.text.len)
		server_facts_clients(facts, token.text);
	return status;
}

/* Whoever watches a master subscribes to a channel of it (Sentinel's documentation). */
static enum status ask_sentinel(struct wire *wire, struct server_facts *facts)
{
	static const struct str numsub[] = { STR("PUBSUB"), STR("NUMSUB"),
					     STR("__sentinel__:hello") };
	struct wire_token head, token;
	enum status status = wire_ask(wire, &head, numsub, ARRAY_LEN(numsub));
	if (status || head.type != REDIS_ARRAY || head.number != 2)
		return status ? status : wire_skip(wire, &head);
	status = wire_next(wire, &token);
	if (!status)
		status = wire_next(wire, &token);
	if (!status && token.type == REDIS_INTEGER)
		facts->server.sentinel = token.number > 0 ? AUDIT_YES : AUDIT_NO;
	return status;
}

static enum status ask_time(struct wire *wire, struct server_facts *facts)
{
	static const struct str argv[] = { STR("TIME") };
	struct wire_token head, seconds;
	int64_t number;
	enum status status = wire_ask(wire, &head, argv, 1);
	if (status || head.type != REDIS_ARRAY || head.number != 2)
		return status ? status : wire_skip(wire, &head);
	status = wire_next(wire, &seconds);
	if (status)
		return status;
	if (!str_to_i64(seconds.text, &number) && number > 0 && number < (int64_t)1 << 40)
		facts->server.now_ms = number * 1000;
	return wire_next(wire, &seconds);
}

/* Of ACL the list says it for servers from 6.0 on; older ones have one password for all. */
enum status server_facts_ask(struct wire *wire, bool logged_in, struct server_facts *facts)
{
	enum status status = ask_info(wire, facts);
	if (!status)
		status = ask_time(wire, facts);
	if (!status)
		status = ask_settings(wire, facts);
	if (!status)
		status = ask_sentinel(wire, facts);
	if (!status && facts->server.clients < 0)
		status = ask_clients(wire, facts);
	if (!logged_in)
		facts->server.nopass = AUDIT_YES;
	if (!status && logged_in)
		status = ask_acl(wire, facts);
	if (!status && facts->server.nopass == AUDIT_UNKNOWN)
		status = ask_user(wire, facts);
	return status;
}
