/*
 * The books by source: by topic filter of the settings, and by what is none of them.
 *
 * Everything is counted for one source, and the books in all are the sum, so that the two cannot
 * differ. A filter that is no longer in the settings keeps its books, known by its text.
 * Threads: the pipeline's alone; sources_view from any (a lock inside), which sees what was
 * published last.
 */
#ifndef LL_SOURCES_H
#define LL_SOURCES_H

#include "gateway/base/buf.h"
#include "gateway/base/cursor.h"
#include "gateway/base/err.h"
#include "gateway/base/limits.h"
#include "gateway/conf/conf.h"
#include "gateway/model/ledger.h"

struct sources;

/* Which source. No filter can have the names of the first three, for there '+' is a level of its
 * own. */
enum source {
    SOURCE_NONE,    /* "+none": no filter matches the topic */
    SOURCE_GATEWAY, /* "+gateway": the gateway's reports on itself, which are no messages */
    SOURCE_UNKNOWN, /* "+unknown": lost or damaged; counted before there were sources; or past
                     * the cap of sources */
    SOURCE_TOPICS,  /* from here on: the topics of the settings, in their order */
};

struct source_list {
    size_t count;
    struct source_books row[LL_MAX_SOURCES]; /* names live as long as the sources */
};

/* `conf` is borrowed. */
ll_err sources_new(const struct conf *conf, struct sources **out);
void sources_free(struct sources *s);

/* The books of that source, to be counted in until the next call. */
struct ledger *sources_turn_to(struct sources *s, size_t source);
/* The books in all. */
struct ledger sources_sum(const struct sources *s);
/* Shows the books as they are now to other threads. */
void sources_publish(struct sources *s);

/* The sum and, unless `list` is NULL, what it is of: the topics, those that were in the settings,
 * and the others. */
void sources_view(struct sources *s, struct ledger *sum, struct source_list *list);

/* For the checkpoint; to be loaded before anything is counted. Version 1 had the sum alone. */
#define SOURCES_VERSION 2
void sources_save(const struct sources *s, struct buf *out);
ll_err sources_load(struct sources *s, uint32_t version, struct cursor *in);

#endif
