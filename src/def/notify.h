/* notify.h - the kinds of events that people choose to be told of, from notify.def. Any
 * thread. */
#pragma once

#include "def/alerts.h"
#include "def/roles.h"

enum notify {
#define NOTIFY(id, name, scopes, admins, others, help) NOTIFY_##id,
#include "def/notify.def"
#undef NOTIFY
	NOTIFY_COUNT
};

enum notify_how { NOTIFY_ON, NOTIFY_SILENT, NOTIFY_OFF, NOTIFY_HOWS };

const char *notify_name(enum notify kind); /* "fleet" */
const char *notify_help(enum notify kind);
enum notify notify_find(struct str name); /* NOTIFY_COUNT: there is none */
enum notify_how notify_preset(enum notify kind, enum role role);
/* Of which kind an alert of the rule is. */
enum notify notify_of_alert(enum alert_rule rule);
const char *notify_how_text(enum notify_how how); /* "on" "silent" "off" */
enum notify_how notify_how_find(struct str text); /* NOTIFY_HOWS: there is none */
