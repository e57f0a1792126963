/*
 * The gateway daemon: the only place that wires stages together.
 *
 * Threads: all functions by the main thread, before which no other may run (signals are blocked for
 * all of them here).
 */
#ifndef LL_APP_H
#define LL_APP_H

#include "gateway/base/err.h"
#include "gateway/conf/conf.h"

struct app;

/* Opens and starts everything the configuration asks for. `conf` is taken over: freed by app_fini,
 * also where this fails. `conf_path` is read again on SIGHUP; borrowed. What is wrong is logged. */
ll_err app_init(struct conf *conf, const char *conf_path, struct app **out);
/* Until SIGTERM or SIGINT. */
ll_err app_run(struct app *app);
/* Ends in the reverse order, what there is of it. NULL is fine. */
void app_fini(struct app *app);

#endif
