#include "gateway/ingest/handshake.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SCHEME       "ssl://"
#define DEFAULT_PORT ":8883"
#define CONNECT_S    3
/* With TLS 1.3 the broker judges the gateway's certificate when the handshake is over for the
 * gateway. A broker that is content waits for its first word. */
#define VERDICT_MS 1000

static SSL_CTX *new_context(const struct conf *c)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL) {
        return NULL;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    const bool trusts = c->mqtt_ca_file[0] != '\0' ? SSL_CTX_load_verify_file(ctx, c->mqtt_ca_file)
                                                   : SSL_CTX_set_default_verify_paths(ctx);
    const char *key = c->mqtt_key_file[0] != '\0' ? c->mqtt_key_file : c->mqtt_cert_file;
    const bool shows = c->mqtt_cert_file[0] == '\0' ||
                       (SSL_CTX_use_certificate_chain_file(ctx, c->mqtt_cert_file) == 1 &&
                        SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1);
    if (!trusts || !shows) { /* of its own files Paho tells enough */
        SSL_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

/* The address, and who must answer there. */
static bool set_host(BIO *bio, SSL *ssl, const char *uri)
{
    char address[CONF_TEXT + sizeof DEFAULT_PORT];
    const char *host = uri + strlen(SCHEME);
    const bool bracketed = host[0] == '[';
    const size_t len = bracketed ? strcspn(++host, "]") : strcspn(host, ":");
    const char *port = strchr(host + len, ':');
    snprintf(address, sizeof address, "%s%s", uri + strlen(SCHEME),
             port != NULL ? "" : DEFAULT_PORT);
    char name[CONF_TEXT];
    snprintf(name, sizeof name, "%.*s", (int)len, host);
    const bool is_ip = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    return BIO_set_conn_hostname(bio, address) == 1 &&
           (is_ip || (SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1));
}

/* Until the broker says something; false where it broke off. */
static bool broker_is_content(BIO *bio)
{
    char byte;
    int fd = -1;
    (void)BIO_get_fd(bio, &fd);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (poll(&p, 1, VERDICT_MS) > 0) {
        if (BIO_read(bio, &byte, 1) <= 0 && !BIO_should_retry(bio)) { /* tickets come first */
            return false;
        }
    }
    return true;
}

static const char *hint_of(long verdict)
{
    static const long by_a_stranger[] = {
        X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
        X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
        X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
        X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
    };
    for (size_t i = 0; i < sizeof by_a_stranger / sizeof by_a_stranger[0]; i++) {
        if (by_a_stranger[i] == verdict) {
            return ": its authority is not in mqtt.ca_file";
        }
    }
    return "";
}

static void say_why(const SSL *ssl, char *out, size_t size)
{
    const long verdict = SSL_get_verify_result(ssl);
    const unsigned long error = ERR_peek_last_error();
    const char *words = ERR_reason_error_string(error);
    if (verdict != X509_V_OK) {
        snprintf(out, size, "the broker's certificate: %s%s",
                 X509_verify_cert_error_string(verdict), hint_of(verdict));
    } else if (ERR_GET_LIB(error) == ERR_LIB_SSL && words != NULL) {
        const char *alert = strstr(words, "alert "); /* from the broker */
        snprintf(out, size, "%s%s", alert != NULL ? "the broker refuses the gateway: " : "",
                 alert != NULL ? alert + strlen("alert ") : words);
    }
}

void handshake_fault(const struct conf *conf, const char *uri, char *out, size_t size)
{
    SSL *ssl = NULL;
    BIO *bio = NULL;
    SSL_CTX *ctx = NULL;
    out[0] = '\0';
    if (strncmp(uri, SCHEME, strlen(SCHEME)) != 0) {
        return;
    }
    ctx = new_context(conf);
    if (ctx == NULL) {
        goto out;
    }
    bio = BIO_new_ssl_connect(ctx);
    if (bio == NULL || BIO_get_ssl(bio, &ssl) != 1 || !set_host(bio, ssl, uri)) {
        goto out;
    }
    ERR_clear_error();
    if (BIO_do_connect_retry(bio, CONNECT_S, 0) != 1 || !broker_is_content(bio)) {
        say_why(ssl, out, size);
    }
out:
    BIO_free_all(bio);
    SSL_CTX_free(ctx);
    ERR_clear_error();
}
