/* migrate_report.h - what a step of a migration did, for people and for programs. */
#pragma once

#include "migrate/migrate.h"
#include "migrate/plan_make.h"

void migrate_report_text(struct buf *out, const char *step, const struct migrate *migrate);
void migrate_report_json(struct buf *out, const char *step, const struct migrate *migrate);
void migrate_report_plan(struct buf *out, bool json, const char *path,
			 const struct plan_made *made);
