#include "ask/fleet_view.h"

static void put_number(struct json_out *json, const char *key, bool known, struct number number)
{
	char storage[48];
	struct buf text = buf_over(storage, sizeof storage);
	if (!known) {
		json_out_null(json, key);
		return;
	}
	number_print(&text, number);
	json_out_str(json, key, buf_str(&text));
}

static void put_sample(struct json_out *json, const struct instance *instance, enum sample sample)
{
	bool known = instance->latest.known >> sample & 1;
	put_number(json, sample_row(sample)->name, known, instance->latest.values[sample]);
}

static void put_text(struct json_out *json, const char *key, const char *text)
{
	if (*text)
		json_out_str(json, key, str_of(text));
	else
		json_out_null(json, key);
}

static void put_head(struct json_out *json, const struct instance *instance)
{
	char storage[96];
	struct buf flags = buf_over(storage, sizeof storage);
	instance_flags_put(&flags, instance->flags);
	json_out_str(json, "id", str_of(instance->identity.id));
	json_out_str(json, "state", str_of(instance_state_text(instance->state)));
	json_out_str(json, "flags", buf_str(&flags));
	json_out_str(json, "health", str_of(instance_health_text(instance->health)));
	put_text(json, "reason", instance->reason);
	put_text(json, "host", instance->identity.host);
	json_out_bool(json, "connected", instance->connected);
	json_out_known_i64(json, "since_ms", instance->since_ms > 0, instance->since_ms);
	json_out_known_i64(json, "heard_ms", instance->heard_ms > 0, instance->heard_ms);
	json_out_i64(json, "attempts", instance->attempts);
	json_out_i64(json, "restarts", instance->restarts);
	json_out_i64(json, "reconnects", instance->reconnects);
	json_out_i64(json, "waiting", instance->waiting);
	json_out_i64(json, "in_flight", instance->in_flight);
	json_out_known_i64(json, "login", instance->login > 0, instance->login);
	put_text(json, "server", instance->server);
	put_text(json, "currency", instance->currency);
	json_out_i64(json, "positions",
		     instance->positions ? positions_count(instance->positions) : 0);
}

void fleet_view_instance(struct json_out *json, const struct instance *instance)
{
	static const enum sample shown[] = { SAMPLE_cpu, SAMPLE_mem, SAMPLE_ping, SAMPLE_rtt,
					     SAMPLE_bal, SAMPLE_eq,  SAMPLE_pl,   SAMPLE_res };
	json_out_open(json, NULL, '{');
	put_head(json, instance);
	for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
		put_sample(json, instance, shown[i]);
	json_out_close(json, '}');
}

static void put_position(struct json_out *json, const struct position *position)
{
	json_out_open(json, NULL, '{');
	json_out_i64(json, "ticket", (int64_t)position->ticket);
	json_out_i64(json, "position", (int64_t)position->id);
	json_out_str(json, "symbol", str_of(position->symbol));
	json_out_str(json, "side", position->side ? STR("sell") : STR("buy"));
	put_number(json, "volume", true, position->volume);
	put_number(json, "price_open", true, position->price_open);
	put_number(json, "price_now", true, position->price_now);
	put_number(json, "sl", true, position->sl);
	put_number(json, "tp", true, position->tp);
	put_number(json, "swap", true, position->swap);
	put_number(json, "profit", true, position->profit);
	json_out_i64(json, "magic", (int64_t)position->magic);
	json_out_close(json, '}');
}

void fleet_view_whole(struct json_out *json, const struct instance *instance)
{
	json_out_open(json, NULL, '{');
	put_head(json, instance);
	json_out_open(json, "groups", '[');
	for (uint32_t i = 0; i < instance->identity.group_count; i++)
		json_out_str(json, NULL, str_of(instance->identity.groups[i]));
	json_out_close(json, ']');
	put_text(json, "expert", instance->expert);
	json_out_known_i64(json, "build", instance->build > 0, instance->build);
	json_out_known_i64(json, "leverage", instance->leverage > 0, instance->leverage);
	json_out_known_i64(json, "epoch_ms", instance->epoch_ms > 0, instance->epoch_ms);
	json_out_i64(json, "rate", instance->rate);
	json_out_open(json, "numbers", '{');
	for (enum sample sample = 0; sample < SAMPLE_COUNT; sample++)
		put_sample(json, instance, sample);
	json_out_close(json, '}');
	json_out_open(json, "open", '[');
	for (uint32_t i = 0; instance->positions && i < positions_count(instance->positions); i++)
		put_position(json, positions_at(instance->positions, i));
	json_out_close(json, ']');
	json_out_close(json, '}');
}

void fleet_view_list(struct buf *out, const struct fleet *fleet)
{
	struct json_out json = { .out = out };
	json_out_open(&json, NULL, '{');
	json_out_open(&json, "instances", '[');
	for (uint32_t slot = 0; slot < fleet_room(fleet); slot++)
		if (fleet_at(fleet, slot))
			fleet_view_instance(&json, fleet_at(fleet, slot));
	json_out_close(&json, ']');
	json_out_close(&json, '}');
}
