/* commands.h - the subcommands' functions; each is in cmd_NAME.c. */
#pragma once

#include "def/args.h"

int cmd_agent(const struct args *args);
int cmd_alerts(const struct args *args);
int cmd_archive(const struct args *args);
int cmd_ask(const struct args *args);
int cmd_audit(const struct args *args);
int cmd_bench(const struct args *args);
int cmd_bundle(const struct args *args);
int cmd_check(const struct args *args);
int cmd_clean(const struct args *args);
int cmd_completion(const struct args *args);
int cmd_config(const struct args *args);
int cmd_decode(const struct args *args);
int cmd_doctor(const struct args *args);
int cmd_fleet(const struct args *args);
int cmd_keys(const struct args *args);
int cmd_memory(const struct args *args);
int cmd_migrate(const struct args *args);
int cmd_mt5(const struct args *args);
int cmd_plan(const struct args *args);
int cmd_read(const struct args *args);
int cmd_redis(const struct args *args);
int cmd_replay(const struct args *args);
int cmd_signal(const struct args *args);
int cmd_sim(const struct args *args);
int cmd_sim_mess(const struct args *args);
int cmd_sim_tree(const struct args *args);
int cmd_tape(const struct args *args);
int cmd_telegram(const struct args *args);
int cmd_top(const struct args *args);
int cmd_up(const struct args *args);
int cmd_version(const struct args *args);

/* Reads the command line and runs what it says; returns the exit status. */
int commands_run(int argc, char *const *argv);
