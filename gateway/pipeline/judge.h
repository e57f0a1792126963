/*
 * The stateless half of a reading's path: which format, which device, which channel, and whether
 * the value and its time can be. The pipeline and `explain` both ask it, so that they cannot
 * differ.
 *
 * Threads: one at a time for each struct judge. Pure but for the memory of its decoder.
 */
#ifndef LL_JUDGE_H
#define LL_JUDGE_H

#include "gateway/conf/conf.h"
#include "gateway/decode/decode.h"
#include "gateway/model/intake.h"
#include "gateway/pipeline/sources.h"
#include "gateway/registry/registry.h"
#include "gateway/validate/device_clock.h"
#include "gateway/validate/validate.h"

struct judge;

/* `conf` is borrowed. Its topic formats must be known (judge_formats_known). */
ll_err judge_new(const struct conf *conf, struct judge **out);
void judge_free(struct judge *j);

/* Whether each topic of the configuration names a format that exists; else adds to `d`. */
bool judge_formats_known(const struct conf *conf, const char *file, struct diag *d);

/* The topic of the settings by which a message came, or SOURCE_NONE. */
size_t judge_source(const struct judge *j, const struct intake_message *m);
/* The message's uplink and device; or the reason, and judge_detail() in words. */
enum reason judge_message(struct judge *j, const struct registry *registry,
                          const struct intake_message *m, size_t source, struct uplink *uplink,
                          const struct device **device);
/* The same for a report of the gateway on itself, which is in the native format. */
enum reason judge_own_message(struct judge *j, const struct registry *registry,
                              const struct intake_message *m, struct uplink *uplink,
                              const struct device **device);
const char *judge_detail(const struct judge *j);

enum value_verdict { VALUE_GOOD, VALUE_LATE, VALUE_REFUSED };

/* Corrects the uplink's times where its device's clock is off and the profile says so; returns
 * whether it did. */
bool judge_times(const struct judge *j, const struct device *device, struct uplink *u,
                 int64_t receive_ms);

/* One value of that uplink but for its time: REASON_NONE, or why the value is refused. */
enum reason judge_measurement(const struct device *device, const struct uplink_value *v,
                              struct reading *out);
/* One value of that uplink as a reading; VALUE_REFUSED: *reason says why. */
enum value_verdict judge_value(const struct judge *j, const struct device *device,
                               const struct uplink_value *v, int64_t receive_ms,
                               struct reading *out, enum reason *reason);

/* What was wrong with a value that is not VALUE_GOOD, for people: the value beside what its channel
 * takes. `reason` is REASON_NONE for a late one. `out` has LL_DIAG_TEXT bytes. */
void judge_value_words(const struct judge *j, const struct device *device,
                       const struct uplink_value *v, enum reason reason, char *out);

#endif
