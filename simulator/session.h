/*
 * What the verbs that publish have in common: the books, the password, the publisher, and the
 * summary at the end.
 * Threads: main only. What fails is printed here, once.
 */
#ifndef LL_SIM_SESSION_H
#define LL_SIM_SESSION_H

#include <stdio.h>

#include "gateway/base/diag.h"
#include "gateway/base/err.h"
#include "simulator/options.h"
#include "simulator/publisher.h"

struct session {
    const struct sim_options *options;
    struct publisher *publisher;
    FILE *books;
    char password[256];
};

/* Opens the books and connects. On failure the reason was printed and nothing is left open. */
ll_err session_open(const struct sim_options *o, struct session *out);

/* Waits for what is in flight, closes all and prints the summary. `err` is how the sending ended;
 * LL_ESTATE, a signal, is no failure. Returns the exit status. */
int session_close(struct session *s, ll_err err);

/* Prints what is wrong with a file, at most LL_MAX_DIAGS lines. */
void session_print_diag(const struct diag *d);

#endif
