/*
 * The open alarms as retained messages at the broker, one a topic (alarm_topic.h): brought up to
 * date at every transition, taken back when an alarm is back to normal.
 *
 * It is state, not a log: what is told is what the archive says at that moment, and each time that
 * it connects, and when too many alarms changed at once, all open alarms are told again and what
 * the broker retains of others is taken back. So nothing need be kept of what was told before.
 *
 * Threads: start, stop and publisher_follow by the main thread; publisher_changed by the pipeline's
 * and publisher_status by any: they wait for nothing but a short lock. It has a thread of its own
 * for the rest, with a connection of its own, see link.h.
 */
#ifndef LL_NOTIFY_PUBLISHER_H
#define LL_NOTIFY_PUBLISHER_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/conf/conf.h"

struct publisher;

struct publisher_status {
    bool connected;
    bool up_to_date;     /* the broker retains what the archive says, as far as it has answered */
    char uri[CONF_TEXT]; /* of the present or the last attempt; "": none yet */
    char last_error[CONF_TEXT]; /* "" once all is well */
    uint64_t waiting;           /* changed alarms to be told, and messages without an answer */
};

/* Starts the thread, which waits to be told of a broker. `db` is the path of the alarm archive,
 * which it opens for itself; `conf` is not needed any more afterwards. */
ll_err publisher_start(const struct conf *conf, const char *db, struct publisher **out);
/* Tells what waits, for two seconds at most, and ends. NULL is fine. */
void publisher_stop(struct publisher *p);

/* The broker to be at, and by which version (5, 4): that of the intake's connection, so that alarms
 * are where readings come from. NULL: the intake is at none; a connection that is up stays, and
 * none is tried. */
void publisher_follow(struct publisher *p, const char *uri, int mqtt_version);

/* The archive has another state of this alarm. */
void publisher_changed(struct publisher *p, uint64_t alarm);

void publisher_status(struct publisher *p, struct publisher_status *out);

#endif
