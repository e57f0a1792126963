/*
 * The faults of a scenario, those at a time and those by chance: a part of scenario.c.
 * Threads: one at a time. Faults of the file go into the source's diagnostics.
 */
#ifndef LL_SIM_SCENARIO_FAULTS_H
#define LL_SIM_SCENARIO_FAULTS_H

#include "simulator/record.h"
#include "simulator/scenario.h"

/* Either list may be NULL. The scenario has its assets already. */
bool scenario_read_faults(const struct record_source *src, struct json_object *list,
                          struct scenario *s);
bool scenario_read_chances(const struct record_source *src, struct json_object *list,
                           struct scenario *s);

#endif
