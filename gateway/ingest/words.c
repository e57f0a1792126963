#include "gateway/ingest/words.h"

#include <MQTTReasonCodes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *words_of_code(int code)
{
    /* MQTT 3.1.1, table 3.1. MQTT 5 begins at 0x80. */
    static const char *const old[] = {
        NULL,
        "Unacceptable protocol version",
        "Client identifier rejected",
        "Server unavailable",
        "Bad user name or password",
        "Not authorized",
    };
    if (code > 0 && code < (int)(sizeof old / sizeof old[0])) {
        return old[code];
    }
    return code >= MQTTREASONCODE_UNSPECIFIED_ERROR
               ? MQTTReasonCode_toString((enum MQTTReasonCodes)code)
               : NULL;
}

void words_of_failure(int code, const char *message, const char *tls, char *out, size_t size)
{
    const char *known = words_of_code(code);
    if (known == NULL && tls[0] != '\0') {
        snprintf(out, size, "TLS: %s", tls);
        return;
    }
    const char *words = message != NULL ? message : "cannot connect";
    snprintf(out, size, "%s (%d)", known != NULL ? known : words, code);
}

void words_of_tls(const char *line, size_t len, char *out, size_t size)
{
    enum { REASON = 5 }; /* thread:error:code:library:function:reason:file:line:data */
    const char *const end = line + len;
    const char *at = line;
    const char *colon;
    for (int field = 0; field < REASON; field++) {
        colon = memchr(at, ':', (size_t)(end - at));
        if (colon == NULL) {
            break;
        }
        at = colon + 1;
    }
    colon = memchr(at, ':', (size_t)(end - at));
    snprintf(out, size, "%.*s", (int)((colon != NULL ? colon : end) - at), at);
}

char *words_of_uri(const char *uri)
{
    static const struct {
        const char *scheme;
        const char *paho;
    } schemes[] = {{"mqtt://", "tcp://"}, {"mqtts://", "ssl://"}};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        const size_t len = strlen(schemes[i].scheme);
        if (strncmp(uri, schemes[i].scheme, len) == 0) {
            const size_t size = strlen(uri) + 1;
            char *out = malloc(size);
            if (out != NULL) {
                snprintf(out, size, "%s%s", schemes[i].paho, uri + len);
            }
            return out;
        }
    }
    return strdup(uri);
}
