#include <stddef.h>

#include "gateway/base/log.h"
#include "simulator/options.h"
#include "simulator/stop.h"
#include "simulator/verbs.h"

static const struct verb verbs[] = {
    {"run", "SCENARIO.json", "publish a simulated city, live", verb_run},
    {"registry", "SCENARIO.json", "write the assets and devices of a scenario, for lifelinectl",
     verb_registry},
    {"replay", NULL, "publish recorded data as devices", verb_replay},
    {"score", NULL, "compare alarms with the truth: what was found, how soon, what was false",
     verb_score},
    {"load", NULL, "publish many small messages, for bursts and measurements", verb_load},
};

int main(int argc, char **argv)
{
    log_setup(LOG_INFO, NULL);
    stop_install();
    return options_dispatch(verbs, sizeof verbs / sizeof verbs[0], argc, argv);
}
