/*
 * The verbs of lifelinesim, one file each. Each prints what fails and returns an exit status.
 */
#ifndef LL_SIM_VERBS_H
#define LL_SIM_VERBS_H

#include "simulator/options.h"

int verb_run(const struct sim_options *o);
int verb_registry(const struct sim_options *o);
int verb_replay(const struct sim_options *o);
int verb_score(const struct sim_options *o);
int verb_load(const struct sim_options *o);

#endif
