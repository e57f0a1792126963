/*
 * Payload formats: one file each, and the table that picks one by name.
 *
 * A decoder turns foreign bytes into an uplink: which device, which sequence, which values. It
 * knows no profile: units, ranges and channels are judged later. Pure; no clock, no disk. Threads:
 * a struct decoder belongs to one. Fails with a reason of scope MESSAGE; a single bad value is
 * marked in the uplink and does not stop the others.
 */
#ifndef LL_DECODE_DECODE_H
#define LL_DECODE_DECODE_H

#include <stddef.h>

#include "gateway/base/err.h"
#include "gateway/model/reading.h"

struct decoder;
struct decode_format;

/* The row of a payload format ("native"), or NULL. */
const struct decode_format *decode_format_find(const char *name);
/* The names of all formats, for messages: "native". */
const char *decode_format_names(void);

ll_err decoder_new(struct decoder **out);
void decoder_free(struct decoder *d);

/* Decodes one message. REASON_NONE and *out, which is valid until the next call; or the reason, and
 * decoder_detail() says more. */
enum reason decode(struct decoder *d, const struct decode_format *format, const char *topic,
                   size_t topic_len, const char *payload, size_t payload_len, struct uplink *out);

/* What was wrong with the last message, in words; "" if nothing. Borrowed. */
const char *decoder_detail(const struct decoder *d);

#endif
