/*
 * SIGINT and SIGTERM: the first asks to end in order, the second to end now.
 * Threads: any may ask; the handlers only count.
 */
#ifndef LL_SIM_STOP_H
#define LL_SIM_STOP_H

#include <stdbool.h>

/* Installs the handlers; once, by main. */
void stop_install(void);

/* Send nothing new. */
bool stop_asked(void);
/* Do not even wait for what was sent. */
bool stop_insisted(void);

#endif
