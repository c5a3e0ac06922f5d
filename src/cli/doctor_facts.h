/* doctor_facts.h - what `weir doctor` judges, read from the machine and the configuration. */
#pragma once

#include "cli/doctor.h"
#include "def/args.h"
#include "def/config.h"

/* Texts that facts points at live in here. */
struct doctor_reading {
	struct doctor_facts facts;
	struct err config, redis, duckdb;
	char redis_version[256];
};

/* config_path NULL: as everywhere. With a configuration that is wrong, the defaults count. */
void doctor_read(const char *config_path, const char *state_dir, struct doctor_reading *reading);
/* One JSON object: {"bad":…,"checks":[{"check","level","found","advice"}]} and a LF. */
void doctor_print_json(struct buf *out, const struct doctor_report *report);
