/* Configurations: any bytes are taken or refused with a message, and what was taken is sound. The
 * bytes are tried as a topic filter and a topic too. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/conf/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_loaded(const struct conf *c)
{
    char names[64];
    const char *why = NULL;
    conf_not_reloadable(c, c, names, sizeof names);
    demand(names[0] == '\0');
    demand(c->gateway_id[0] != '\0' && c->data_dir[0] != '\0');
    demand(c->uri_count >= 1 && c->uri_count <= LL_MAX_BROKERS);
    demand(c->topic_count >= 1 && c->topic_count <= LL_MAX_TOPICS);
    demand(c->destination_count <= LL_MAX_DESTINATIONS);
    demand(c->intake_max_mib >= 2 * c->segment_mib);
    for (size_t i = 0; i < c->uri_count; i++) {
        demand(address_broker_valid(c->uris[i], &why));
    }
    for (size_t i = 0; i < c->topic_count; i++) {
        demand(conf_topic_filter_valid(c->topics[i].filter, &why) && c->topics[i].format[0] != 0);
    }
    for (size_t i = 0; i < c->destination_count; i++) {
        const struct conf_destination *d = &c->destinations[i];
        demand(d->name[0] != '\0' && (d->cert_file[0] != '\0') == (d->key_file[0] != '\0'));
        demand(d->type == DESTINATION_FILE ? d->path[0] != '\0' : address_url_valid(d->url, &why));
        demand(d->type != DESTINATION_INFLUXDB1 || d->database[0] != '\0');
        demand(d->type != DESTINATION_INFLUXDB2 || d->bucket[0] != '\0');
    }
}

/* A filter without wildcards matches itself and nothing that is longer. */
static void check_topic(const char *text, size_t len)
{
    const char *why = NULL;
    if (!conf_topic_filter_valid(text, &why)) {
        demand(why != NULL);
        return;
    }
    const bool matches = conf_topic_matches(text, text, len);
    const bool plain = strpbrk(text, "+#") == NULL && strncmp(text, "$share/", 7) != 0;
    demand(!plain || matches);
    demand(!plain || !conf_topic_matches(text, text, len - 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct diag d;
    static struct conf c;
    d.count = 0;
    if (conf_parse("fuzz/lifelined.json", (const char *)data, size, &d, &c) == LL_OK) {
        demand(d.count == 0);
        check_loaded(&c);
    } else {
        demand(d.count > 0);
    }
    char *text = strndup((const char *)data, size);
    if (text != NULL) {
        check_topic(text, strlen(text));
    }
    free(text);
    return 0;
}
