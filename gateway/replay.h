/*
 * lifelined --replay: a recorded intake journal through the pipeline, as fast as it goes, with no
 * broker, no database and no clock. For tests of detection, and to see again what happened.
 *
 * The same journal, registry and settings give the same alarms. Threads: main only. What fails is
 * printed here, once.
 */
#ifndef LL_REPLAY_H
#define LL_REPLAY_H

#include "gateway/base/err.h"
#include "gateway/conf/conf.h"

struct replay_options {
    const char *intake;   /* folder of the journal: of a gateway that is stopped, or a copy */
    const char *registry; /* folder of assets.csv and devices.csv */
    const char *out;      /* folder to be made: lifeline.db, transitions.jsonl, ledger.json */
};

/* Profiles and topics are those of `conf`. LL_EEXIST where `out` holds an earlier replay. */
ll_err replay_run(const struct conf *conf, const struct replay_options *o);

#endif
