/*
 * What brokers, Paho and OpenSSL say, in words for `status` and the log; and a broker's address in
 * Paho's words.
 *
 * Pure. Threads: any.
 */
#ifndef LL_INGEST_WORDS_H
#define LL_INGEST_WORDS_H

#include <stddef.h>

/* A code of CONNACK, SUBACK or DISCONNECT, of MQTT 3.1.1 or 5; NULL where it has no name. */
const char *words_of_code(int code);

/* Why an attempt to connect failed. `message` and `tls` may be NULL and "". */
void words_of_failure(int code, const char *message, const char *tls, char *out, size_t size);

/* The reason in a line of OpenSSL's, which need not end in a zero byte. */
void words_of_tls(const char *line, size_t len, char *out, size_t size);

/* mqtt:// and mqtts:// by the schemes that every release of Paho knows. To be freed; NULL without
 * memory. */
char *words_of_uri(const char *uri);

#endif
