/*
 * Why a broker's TLS failed. Of a certificate that it does not take, Paho says no more than that,
 * and of one that is for another host, or of what the broker objects to, nothing. So the handshake
 * is made once more here.
 *
 * Threads: any. Blocks for a few seconds at most, where the host's name resolves as fast.
 */
#ifndef LL_INGEST_HANDSHAKE_H
#define LL_INGEST_HANDSHAKE_H

#include <stddef.h>

#include "gateway/conf/conf.h"

/* "" where there is nothing to say: the address is one without TLS, nobody is there, or now it goes
 * well. `uri` is in Paho's words. */
void handshake_fault(const struct conf *conf, const char *uri, char *out, size_t size);

#endif
