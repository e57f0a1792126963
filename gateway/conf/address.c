/*
 * Addresses as they stand in the configuration. A host is a name, an IPv4 address, or an IPv6
 * address in brackets; whether it exists is found out when it is used.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/conf/schema.h"

#define PORT_MAX 65535

static const char letters_digits[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/* 0 to 65535 in decimal digits and nothing else, from `lowest` on. */
static bool port_valid(const char *text, unsigned lowest)
{
    const size_t len = strspn(text, "0123456789");
    if (len == 0 || len > 5 || text[len] != '\0') {
        return false;
    }
    unsigned port = 0;
    for (size_t i = 0; i < len; i++) {
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return port >= lowest && port <= PORT_MAX;
}

/* Bytes of the host at the start of `text`; 0 where there is none. */
static size_t host_length(const char *text)
{
    if (text[0] == '[') {
        const size_t len = strspn(text + 1, "0123456789abcdefABCDEF:.");
        return len >= 2 && text[1 + len] == ']' ? len + 2 : 0;
    }
    size_t len = 0;
    while (text[len] != '\0' &&
           (strchr(letters_digits, text[len]) != NULL || strchr("-._", text[len]) != NULL)) {
        len++;
    }
    return len;
}

/* What stands behind the scheme, or NULL. */
static const char *after_scheme(const char *text, const char *const *schemes)
{
    for (; *schemes != NULL; schemes++) {
        const size_t len = strlen(*schemes);
        if (strncmp(text, *schemes, len) == 0) {
            return text + len;
        }
    }
    return NULL;
}

bool address_broker_valid(const char *text, const char **why)
{
    static const char *const schemes[] = {"mqtt://", "mqtts://", "tcp://", "ssl://", NULL};
    const char *host = after_scheme(text, schemes);
    if (host == NULL) {
        *why = "expected \"mqtt://host:port\", or \"mqtts://host:port\" for TLS";
        return false;
    }
    if (strchr(host, '@') != NULL) {
        *why = "a user or password does not belong in a URI; use 'username' and 'password_file'";
        return false;
    }
    const size_t len = host_length(host);
    if (len == 0) {
        *why = "there is no host name or address behind \"://\"";
        return false;
    }
    if (host[len] == '\0') {
        return true; /* the scheme's own port */
    }
    if (host[len] != ':' || !port_valid(host + len + 1, 1)) {
        *why = "behind the host only a port may follow: ':' and a number from 1 to 65535";
        return false;
    }
    return true;
}

bool conf_broker_address(const char *uri, struct conf_address *out)
{
    static const struct {
        const char *scheme;
        int port;
        bool tls;
    } schemes[] = {{"mqtt://", 1883, false},
                   {"tcp://", 1883, false},
                   {"mqtts://", 8883, true},
                   {"ssl://", 8883, true}};
    const char *why;
    if (!address_broker_valid(uri, &why)) {
        return false;
    }
    size_t i = 0;
    while (strncmp(uri, schemes[i].scheme, strlen(schemes[i].scheme)) != 0) {
        i++;
    }
    const char *host = uri + strlen(schemes[i].scheme);
    size_t len = host_length(host);
    const char *port = host + len;
    const bool in_brackets = host[0] == '[';
    if (in_brackets) {
        host++;
        len -= 2;
    }
    if (len >= sizeof out->host) {
        return false;
    }
    memcpy(out->host, host, len);
    out->host[len] = '\0';
    out->port = port[0] == ':' ? (int)strtol(port + 1, NULL, 10) : schemes[i].port;
    out->tls = schemes[i].tls;
    return true;
}

bool address_url_valid(const char *text, const char **why)
{
    static const char *const schemes[] = {"http://", "https://", NULL};
    char authority[CONF_TEXT];
    const char *host = after_scheme(text, schemes);
    if (host == NULL) {
        *why = "expected \"http://host:port\" or \"https://host:port\"";
        return false;
    }
    if (strpbrk(host, "@?#") != NULL) {
        *why = "a user, password or query does not belong in a URL; each has a setting of its own";
        return false;
    }
    const size_t authority_len = strcspn(host, "/");
    if (authority_len >= sizeof authority) {
        *why = "too long";
        return false;
    }
    memcpy(authority, host, authority_len);
    authority[authority_len] = '\0';
    const size_t len = host_length(authority);
    if (len == 0) {
        *why = "there is no host name or address behind \"://\"";
        return false;
    }
    if (authority[len] != '\0' && (authority[len] != ':' || !port_valid(authority + len + 1, 1))) {
        *why = "behind the host only a port may follow: ':' and a number from 1 to 65535";
        return false;
    }
    const char *path = host + authority_len;
    if (strchr(path, ' ') != NULL) {
        *why = "a URL holds no blanks";
        return false;
    }
    const size_t path_len = strlen(path);
    if (path_len >= 6 && strcmp(path + path_len - 6, "/write") == 0) {
        *why = "the path of the write API is added here; leave it out";
        return false;
    }
    return true;
}

bool address_listen_valid(const char *text, const char **why)
{
    if (text[0] == '\0') {
        return true;
    }
    const size_t len = host_length(text);
    *why = "expected \"address:port\", as in \"127.0.0.1:9464\", or \"\"";
    return len > 0 && text[len] == ':' && port_valid(text + len + 1, 0);
}
