/* rdb_picture_server.h - the picture of rdb_picture.h by a real server's answers. */
#pragma once

#include "rdb_picture.h"

static inline struct str picture_reply(const redisReply *reply)
{
	return str_make(reply->str, reply->len);
}

static inline redisReply *picture_ask(struct rdb_stage *stage, const char *command, struct str name,
				      const char *rest)
{
	char words[200];
	const char *argv[8] = { NULL };
	size_t lens[8];
	int argc = 0;
	snprintf(words, sizeof words, "%s %s", command, rest);
	argv[argc] = command;
	lens[argc++] = strlen(command);
	argv[argc] = name.ptr;
	lens[argc++] = name.len;
	for (char *word = strtok(words + strlen(command), " "); word; word = strtok(NULL, " ")) {
		argv[argc] = word;
		lens[argc++] = strlen(word);
	}
	return stage_ask_argv(stage, argc, argv, lens);
}

static inline void picture_server_flat(struct picture *picture, const redisReply *reply,
				       size_t step)
{
	for (size_t i = 0; i + step <= reply->elements; i += step) {
		struct buf *buf = picture_element(picture);
		picture_part(buf, picture_reply(reply->element[i]));
		if (step == 2)
			picture_part(buf, picture_reply(reply->element[i + 1]));
	}
}

static inline void picture_server_zset(struct picture *picture, const redisReply *reply)
{
	for (size_t i = 0; i + 2 <= reply->elements; i += 2) {
		struct buf *buf = picture_element(picture);
		picture_part(buf, picture_reply(reply->element[i]));
		picture_score(buf, strtod(reply->element[i + 1]->str, NULL));
	}
}

static inline const redisReply *picture_member(const redisReply *map, const char *name)
{
	for (size_t i = 0; i + 2 <= map->elements; i += 2)
		if (strcmp(map->element[i]->str, name) == 0)
			return map->element[i + 1];
	fail_msg("no %s", name);
	return NULL;
}

static inline void picture_server_group(struct picture *picture, const redisReply *group)
{
	struct buf *buf = picture_element(picture);
	buf_printf(buf, "group ");
	picture_part(buf, picture_reply(picture_member(group, "name")));
	buf_printf(buf, "%s ", picture_member(group, "last-delivered-id")->str);
	const redisReply *read = picture_member(group, "entries-read");
	if (!picture->plain)
		buf_printf(buf, "read %lld ",
			   read->type == REDIS_REPLY_INTEGER ? read->integer : -1LL);
	const redisReply *pending = picture_member(group, "pending");
	for (size_t i = 0; i < pending->elements; i++) {
		const redisReply *row = pending->element[i];
		buf_printf(picture_element(picture), "pending %s at %lld times %lld ",
			   row->element[0]->str, row->element[2]->integer,
			   row->element[3]->integer);
	}
	const redisReply *consumers = picture_member(group, "consumers");
	for (size_t i = 0; i < consumers->elements; i++) {
		const redisReply *row = consumers->element[i];
		buf = picture_element(picture);
		buf_printf(buf, "consumer ");
		picture_part(buf, picture_reply(picture_member(row, "name")));
		buf_printf(buf, "seen %lld ", picture_member(row, "seen-time")->integer);
		const redisReply *own = picture_member(row, "pending");
		for (size_t j = 0; j < own->elements; j++)
			buf_printf(picture_element(picture), "pending %s ",
				   own->element[j]->element[0]->str);
	}
}

static inline void picture_server_stream(struct picture *picture, struct rdb_stage *stage,
					 struct str name)
{
	redisReply *entries = picture_ask(stage, "XRANGE", name, "- +");
	for (size_t i = 0; i < entries->elements; i++) {
		struct buf *buf = picture_element(picture);
		const redisReply *fields = entries->element[i]->element[1];
		buf_printf(buf, "%s ", entries->element[i]->element[0]->str);
		for (size_t j = 0; j < fields->elements; j++)
			picture_part(buf, picture_reply(fields->element[j]));
	}
	freeReplyObject(entries);
	const char *argv[] = { "XINFO", "STREAM", name.ptr, "FULL", "COUNT", "0" };
	size_t lens[] = { 5, 6, name.len, 4, 5, 1 };
	redisReply *info = stage_ask_argv(stage, 6, argv, lens);
	struct buf *buf = picture_element(picture);
	buf_printf(buf, "length %lld last %s ", picture_member(info, "length")->integer,
		   picture_member(info, "last-generated-id")->str);
	if (!picture->plain)
		buf_printf(buf, "first %s deleted %s added %lld ",
			   picture_member(info, "recorded-first-entry-id")->str,
			   picture_member(info, "max-deleted-entry-id")->str,
			   picture_member(info, "entries-added")->integer);
	const redisReply *groups = picture_member(info, "groups");
	for (size_t i = 0; i < groups->elements; i++)
		picture_server_group(picture, groups->element[i]);
	freeReplyObject(info);
}

static inline void picture_server_value(struct picture *picture, struct rdb_stage *stage,
					struct str name, const char *type)
{
	redisReply *reply = NULL;
	if (strcmp(type, "stream") == 0) {
		picture_server_stream(picture, stage, name);
	} else if (strcmp(type, "string") == 0) {
		reply = picture_ask(stage, "GET", name, "");
		picture_part(picture_element(picture), picture_reply(reply));
	} else if (strcmp(type, "zset") == 0) {
		reply = picture_ask(stage, "ZRANGE", name, "0 -1 WITHSCORES");
		picture_server_zset(picture, reply);
	} else if (strcmp(type, "hash") == 0) {
		reply = picture_ask(stage, "HGETALL", name, "");
		picture_server_flat(picture, reply, 2);
	} else {
		bool list = strcmp(type, "list") == 0;
		reply = picture_ask(stage, list ? "LRANGE" : "SMEMBERS", name, list ? "0 -1" : "");
		picture_server_flat(picture, reply, 1);
	}
	freeReplyObject(reply);
}

static inline void picture_server_key(struct picture *picture, struct rdb_stage *stage, int db,
				      struct str name)
{
	redisReply *type = picture_ask(stage, "TYPE", name, "");
	redisReply *expires = picture_ask(stage, "PEXPIRETIME", name, "");
	picture_begin(picture, db, name, type->str, expires->integer);
	picture_server_value(picture, stage, name, type->str);
	picture_end(picture);
	freeReplyObject(type);
	freeReplyObject(expires);
}

/* Every key of 16 databases. */
static inline void picture_take(struct picture *picture, struct rdb_stage *stage)
{
	for (int db = 0; db < 16; db++) {
		STAGE_RUN(stage, "SELECT %d", db);
		redisReply *keys = stage_ask(stage, "KEYS *");
		for (size_t i = 0; i < keys->elements; i++)
			picture_server_key(picture, stage, db, picture_reply(keys->element[i]));
		freeReplyObject(keys);
	}
	STAGE_RUN(stage, "SELECT 0");
}
