#include "simulator/stop.h"

#include <signal.h>
#include <stdatomic.h>

static atomic_int signals_seen;

static void count_signal(int signal_number)
{
    (void)signal_number;
    atomic_fetch_add(&signals_seen, 1);
}

void stop_install(void)
{
    /* SA_RESTART: whoever waits does so in short steps and looks by itself. */
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool stop_asked(void)
{
    return atomic_load(&signals_seen) > 0;
}

bool stop_insisted(void)
{
    return atomic_load(&signals_seen) > 1;
}
