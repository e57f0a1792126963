/*
 * The API over HTTP, with a real registry, archive, journal and quarantine; the pipeline, ingest
 * and uploaders are stood in for by what stands here, so that each answer and each moment can be
 * had.
 */
#include "tests/unit/unit.h"

#include <curl/curl.h>
#include <json-c/json.h>
#include <string.h>

#include "gateway/api_internal.h"
#include "gateway/model/counters.h"

/* --- the stand-ins --------------------------------------------------------------------------- */

static struct ledger fake_ledger;
static uint64_t fake_at_start;
static uint64_t fake_received;
static unsigned received_lags; /* so many times ingest has yet to count a message */
static struct uploader_status fake_uploaders[2];
static struct registry *fake_registry;

static ll_err command_result;
static const char *command_answer;
static struct buf commands;
static struct buf asked;

static struct source_books fake_sources[2];

void pipeline_ledger(struct pipeline *p, struct ledger *out, struct source_list *list)
{
    (void)p;
    *out = fake_ledger;
    if (list != NULL) {
        memcpy(list->row, fake_sources, sizeof fake_sources);
        list->count = 2;
    }
}

uint64_t pipeline_backlog_at_start(const struct pipeline *p)
{
    (void)p;
    return fake_at_start;
}

ll_err pipeline_command(struct pipeline *p, const char *json, size_t len, struct buf *answer)
{
    (void)p;
    buf_add(&commands, json, len);
    buf_str_add(answer, command_answer);
    return command_result;
}

ll_err pipeline_recent(struct pipeline *p, uint64_t after, const char *device, size_t limit,
                       struct buf *out)
{
    (void)p;
    buf_printf(&asked, "after=%llu device=%s limit=%zu", (unsigned long long)after, device, limit);
    buf_str_add(out, "{\"next\":");
    return command_result;
}

ll_err pipeline_explain(struct pipeline *p, const char *topic, const char *payload, size_t len,
                        struct buf *out)
{
    (void)p;
    buf_printf(&asked, "%s ", topic);
    buf_add(&asked, payload, len);
    buf_str_add(out, "{\"accepted\":true}");
    return LL_OK;
}

struct registry *pipeline_registry(struct pipeline *p)
{
    (void)p;
    return registry_ref(fake_registry);
}

bool pipeline_time_known(struct pipeline *p)
{
    (void)p;
    return true;
}

uint32_t pipeline_open_alarms(struct pipeline *p)
{
    (void)p;
    return 3;
}

uint64_t ingest_received(const struct ingest *in)
{
    (void)in;
    if (received_lags > 0) {
        received_lags--;
        return fake_received - 1;
    }
    return fake_received;
}

void ingest_status(struct ingest *in, struct ingest_status *out)
{
    (void)in;
    *out = (struct ingest_status){.mqtt_version = 5, .since = {1764000000123}, .retry_in_ms = 7};
    snprintf(out->last_error, sizeof out->last_error, "bad \"password\"");
}

void publisher_status(struct publisher *p, struct publisher_status *out)
{
    (void)p;
    *out = (struct publisher_status){.connected = true, .uri = "mqtt://b:1", .waiting = 2};
    snprintf(out->last_error, sizeof out->last_error, "publish: \"no\"");
}

void uploader_status(struct uploader *u, struct uploader_status *out)
{
    *out = *(const struct uploader_status *)(const void *)u;
}

/* --- the API under test ---------------------------------------------------------------------- */

static struct api api;
static struct conf conf;
static struct uploader *uploaders[2];
static struct console *console;
static char socket_path[300];
static unsigned run_number;

static const char *path_of(const char *name, char out[400])
{
    snprintf(out, 400, "%s/%u-%s", unit_tmpdir(), run_number, name);
    return out;
}

static int begin(void **state)
{
    (void)state;
    char path[400];
    const struct journal_options options = {.segment_bytes = 65536, .max_bytes = 1 << 20};
    run_number++;
    fake_ledger = (struct ledger){0};
    fake_at_start = fake_received = 0;
    received_lags = 0;
    command_result = LL_OK;
    command_answer = "{\"done\":true}";
    memset(fake_uploaders, 0, sizeof fake_uploaders);
    buf_init(&commands, 10000);
    buf_init(&asked, 10000);
    snprintf(conf.gateway_id, sizeof conf.gateway_id, "city-1");

    api = (struct api){.conf = &conf, .started = {1764000000000}, .uploaders = uploaders};
    api.http_port = 9464;
    for (size_t i = 0; i < 2; i++) {
        uploaders[i] = (struct uploader *)(void *)&fake_uploaders[i];
    }
    assert_int_equal(journal_open(path_of("intake", path), &options, &api.intake), LL_OK);
    assert_int_equal(quarantine_open(path_of("quarantine", path), 10, 10000, &api.quarantine),
                     LL_OK);
    assert_int_equal(api_db_open(path_of("db", path), &api.reading), LL_OK);
    assert_int_equal(api_db_open(path, &api.writing), LL_OK);
    assert_int_equal(registry_db_load(api.writing.registry, &fake_registry), LL_OK);
    snprintf(socket_path, sizeof socket_path, "%s/api.sock", unit_tmpdir());
    assert_int_equal(
        console_start("", socket_path, "", api_routes, api_route_count, &api, &console), LL_OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    console_stop(console);
    registry_unref(fake_registry);
    api_db_close(&api.reading);
    api_db_close(&api.writing);
    quarantine_close(api.quarantine);
    journal_close(api.intake);
    buf_free(&commands);
    buf_free(&asked);
    return 0;
}

static struct buf answer;

static size_t keep(char *data, size_t size, size_t count, void *out)
{
    buf_add(out, data, size * count);
    return size * count;
}

/* POST where there is a body. The answer is in `answer`. */
static long call(const char *path, const char *body)
{
    char url[1000];
    long status = 0;
    buf_free(&answer);
    buf_init(&answer, 1 << 20);
    snprintf(url, sizeof url, "http://gateway%s", path);
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    if (body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    const CURLcode rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    return rc == CURLE_OK ? status : -1;
}

static void expect(const char *path, const char *body, long status, const char *part)
{
    const long got = call(path, body);
    if (got != status || strstr(buf_str(&answer), part) == NULL) {
        fail_msg("%s: expected %ld with '%s', got %ld: %s", path, status, part, got,
                 buf_str(&answer));
    }
}

static void expect_json(const char *path)
{
    assert_int_equal(call(path, NULL), 200);
    struct json_object *root = json_tokener_parse(buf_str(&answer));
    if (root == NULL) {
        fail_msg("%s: not JSON: %s", path, buf_str(&answer));
    }
    json_object_put(root);
}

/* --- the books ------------------------------------------------------------------------------- */

static void busy_day(void)
{
    fake_ledger = (struct ledger){.messages_taken = 108,
                                  .messages_decoded = 100,
                                  .messages_duplicate = 5,
                                  .readings_decoded = 200,
                                  .readings_duplicate = 3,
                                  .readings_late = 4,
                                  .readings_spooled = 190};
    fake_ledger.rejected[REASON_MALFORMED] = 3;
    fake_ledger.rejected[REASON_OUT_OF_RANGE] = 3;
    fake_sources[0] =
        (struct source_books){.name = "city/\"a\"/+", .format = "native", .ledger = fake_ledger};
    fake_sources[0].ledger.messages_taken = 107;
    fake_sources[0].ledger.rejected[REASON_MALFORMED] = 2;
    fake_sources[1] = (struct source_books){.name = "+none", .format = ""};
    fake_sources[1].ledger.messages_taken = 1;
    fake_sources[1].ledger.rejected[REASON_MALFORMED] = 2; /* one too many */
    fake_at_start = 60;
    fake_received = 50;
    api.uploader_count = 2;
    fake_uploaders[0] = (struct uploader_status){.name = "fast",
                                                 .reachable = true,
                                                 .last_success = {1764000000999},
                                                 .delivery = {.forwarded = 190},
                                                 .delivered_total = 190};
    fake_uploaders[1] = (struct uploader_status){
        .name = "slow \"one\"",
        .last_error = "HTTP 503",
        .delivery = {.forwarded = 170, .quarantined = 7, .rejected = 1, .evicted = 2},
        .in_flight = 10,
        .delivered_total = 180,
        .alarms_in_flight = 6,
        .alarms_delivered = 7};
}

static struct ledger_view view(void)
{
    struct api_books books;
    api_books(&api, &books);
    return books.view;
}

static void the_books_are_those_of_the_slowest_destination(void **state)
{
    (void)state;
    struct ledger_view v;
    busy_day();
    v = view();
    assert_int_equal(v.messages_received, 110);
    assert_int_equal(v.messages_in_flight, 2);
    assert_int_equal(v.delivery.forwarded, 170);
    assert_int_equal(v.readings_in_flight, 10);
    assert_true(ledger_messages_balance(&v));
    assert_true(ledger_readings_balance(&v));

    fake_uploaders[1].delivery.forwarded--; /* a reading vanished */
    v = view();
    assert_false(ledger_readings_balance(&v));
}

static void without_a_destination_nothing_is_in_flight(void **state)
{
    (void)state;
    struct ledger_view v;
    fake_ledger.readings_decoded = fake_ledger.readings_kept = 9;
    v = view();
    assert_int_equal(v.readings_in_flight, 0);
    assert_true(ledger_readings_balance(&v));
}

static void a_message_that_ingest_has_yet_to_count_is_waited_for(void **state)
{
    (void)state;
    struct ledger_view v;
    busy_day();
    fake_at_start = 58;
    received_lags = 3;
    v = view();
    assert_int_equal(v.messages_received, 108);
    assert_int_equal(v.messages_in_flight, 0);
    assert_true(ledger_messages_balance(&v));
}

static void the_ledger_shows_all_reasons_and_whether_it_balances(void **state)
{
    (void)state;
    busy_day();
    expect("/api/v1/ledger", NULL, 200,
           "{\"messages\":{\"received\":110,\"decoded\":100,\"duplicate\":5,\"retained\":0,"
           "\"rejected\":"
           "{\"malformed\":3,\"unknown_topic\":0,");
    expect("/api/v1/ledger", NULL, 200,
           "\"in_flight\":2,\"balanced\":true},\"readings\":"
           "{\"decoded\":200,\"forwarded\":170,\"kept\":0,");
    expect("/api/v1/ledger", NULL, 200, "\"out_of_range\":3,");
    expect("/api/v1/ledger", NULL, 200, "\"refused_by_database\":1,");
    expect("/api/v1/ledger", NULL, 200, "\"in_flight\":10,\"balanced\":true},\"sources\":[{");
    expect("/api/v1/ledger", NULL, 200, "}}],\"destinations\":[{");
    expect_json("/api/v1/ledger");
}

static void each_source_has_books_of_its_own(void **state)
{
    (void)state;
    busy_day();
    static const char first[] = "/api/v1/ledger?source=city%2F%22a%22%2F%2B";
    expect(first, NULL, 200,
           "{\"source\":\"city/\\\"a\\\"/+\",\"format\":\"native\",\"messages\":{\"received\":107,"
           "\"decoded\":100,\"duplicate\":5,\"retained\":0,\"rejected\":{\"malformed\":2,");
    expect(first, NULL, 200,
           "\"balanced\":true},\"readings\":{\"decoded\":200,\"accepted\":190,\"duplicate\":3,"
           "\"late\":4,\"rejected\":{");
    expect_json(first);
    expect("/api/v1/ledger?source=%2Bnone", NULL, 200, "\"balanced\":false},\"readings\":");
    expect("/api/v1/ledger?source=%2Bnome", NULL, 404,
           "there is no source '+nome'; did you mean '+none'?");
}

static void status_shows_every_connection(void **state)
{
    (void)state;
    busy_day();
    expect_json("/api/v1/status");
    expect("/api/v1/status", NULL, 200, "\"gateway\":\"city-1\"");
    expect("/api/v1/status", NULL, 200, "\"last_error\":\"bad \\\"password\\\"\"");
    expect("/api/v1/status", NULL, 200,
           "\"name\":\"fast\",\"reachable\":true,\"last_error\":\"\","
           "\"last_success\":1764000000999,");
    expect("/api/v1/status", NULL, 200, "\"last_error\":\"HTTP 503\",\"last_success\":null,");
    expect("/api/v1/status", NULL, 200, "\"alarms_mqtt\":null,");
    static char publisher; /* never looked into */
    api.publisher = (struct publisher *)(void *)&publisher;
    counter_add(COUNTER_ALARMS_MQTT_PUBLISHED, 5);
    counter_add(COUNTER_ALARMS_MQTT_CLEARED, 4);
    counter_add(COUNTER_ALARMS_MQTT_FAILED, 3);
    expect_json("/api/v1/status");
    expect("/api/v1/status", NULL, 200,
           "\"alarms_mqtt\":{\"connected\":true,\"up_to_date\":false,\"uri\":\"mqtt://b:1\","
           "\"last_error\":\"publish: \\\"no\\\"\",\"published\":5,\"cleared\":4,\"waiting\":2,"
           "\"failed\":3}");
    api.publisher = NULL;
    expect("/api/v1/status", NULL, 200, "\"alarms_open\":3,\"http_port\":9464}");
    expect_json("/api/v1");
    expect("/health", NULL, 200, "ok\n");
}

/* --- metrics --------------------------------------------------------------------------------- */

/* name{labels} value, as the text format has it. */
static bool is_sample(const char *line)
{
    const size_t name = strspn(line, "abcdefghijklmnopqrstuvwxyz_0123456789");
    const char *p = line + name;
    if (*p == '{') {
        bool quoted = false;
        for (p++; *p != '\0' && (quoted || *p != '}'); p++) {
            if (quoted && *p == '\\') {
                p++;
            } else if (*p == '"') {
                quoted = !quoted;
            }
        }
        p += *p == '}';
    }
    const size_t digits = *p == ' ' ? strspn(p + 1, "0123456789.") : 0;
    return name > 0 && digits > 0 && p[1 + digits] == '\0';
}

static void metrics_are_in_prometheus_text_format(void **state)
{
    (void)state;
    busy_day();
    assert_int_equal(call("/metrics", NULL), 200);
    char *text = strdup(buf_str(&answer));
    char *rest = text;
    unsigned samples = 0;
    for (char *line = strsep(&rest, "\n"); rest != NULL; line = strsep(&rest, "\n")) {
        if (strncmp(line, "# HELP ", 7) == 0 || strncmp(line, "# TYPE ", 7) == 0) {
            continue;
        }
        if (!is_sample(line)) {
            fail_msg("not a sample: '%s'", line);
        }
        samples++;
    }
    assert_true(samples > COUNTER_COUNT + REASON_COUNT);
    free(text);
}

static void every_counter_is_a_metric_with_its_sentence(void **state)
{
    (void)state;
    char want[400];
    for (int c = 0; c < COUNTER_COUNT; c++) {
        const struct counter_info *info = counter_info((enum counter)c);
        snprintf(want, sizeof want, "# HELP lifeline_%s %s\n# TYPE lifeline_%s %s\nlifeline_%s ",
                 info->metric, info->text, info->metric, info->type, info->metric);
        expect("/metrics", NULL, 200, want);
    }
}

static void the_books_and_destinations_are_metrics(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "\nlifeline_messages_received_total 110\n",
        "\nlifeline_messages_total{state=\"decoded\",reason=\"\"} 100\n",
        "\nlifeline_messages_total{state=\"rejected\",reason=\"malformed\"} 3\n",
        "\nlifeline_readings_decoded_total 200\n",
        "\nlifeline_readings_total{state=\"forwarded\",reason=\"\"} 170\n",
        "\nlifeline_readings_total{state=\"rejected\",reason=\"out_of_range\"} 3\n",
        "{source=\"city/\\\"a\\\"/+\",state=\"decoded\",reason=\"\"} 100\n",
        "\nlifeline_source_messages_total{source=\"+none\",state=\"duplicate\",reason=\"\"} 0\n",
        "\nlifeline_source_messages_total{source=\"+none\",state=\"retained\",reason=\"\"} 0\n",
        "{source=\"+none\",state=\"rejected\",reason=\"malformed\"} 2\n",
        "\nlifeline_source_readings_total{source=\"+none\",state=\"accepted\",reason=\"\"} 0\n",
        "{source=\"city/\\\"a\\\"/+\",state=\"accepted\",reason=\"\"} 190\n",
        "\nlifeline_messages_in_flight 2\n",
        "\nlifeline_readings_in_flight 10\n",
        "\nlifeline_messages_balanced 1\n",
        "\nlifeline_readings_balanced 1\n",
        "\nlifeline_destination_forwarded_total{destination=\"fast\"} 190\n",
        "\nlifeline_readings_total{state=\"rejected\",reason=\"refused_by_database\"} 1\n",
        "\nlifeline_destination_rejected_total{destination=\"fast\"} 0\n",
        "\nlifeline_destination_evicted_total{destination=\"slow \\\"one\\\"\"} 2\n",
        "\nlifeline_destination_last_success_timestamp_seconds{destination=\"fast\"} 1764000000\n",
        "\nlifeline_alarms_open 3\n",
        "\nlifeline_intake_next_seq 1\n",
        "\nprocess_resident_memory_bytes ",
        "\nlifeline_info{gateway=\"city-1\",version=\"",
    };
    busy_day();
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        expect("/metrics", NULL, 200, lines[i]);
    }
    /* A state that is the sum of the others would count readings twice. */
    assert_null(strstr(buf_str(&answer), "readings_total{state=\"decoded\""));
    assert_null(strstr(buf_str(&answer), "process_resident_memory_bytes 0\n"));
}

/* --- alarms ---------------------------------------------------------------------------------- */

static void put_alarm(uint64_t id, enum alarm_state state)
{
    struct alarm_record a = {.id = id,
                             .source_seq = id,
                             .from = ALARM_NORMAL,
                             .state = state,
                             .priority = PRIORITY_HIGH,
                             .at_ms = 1764000000123,
                             .raised_ms = 1764000000123,
                             .value = 31.5,
                             .asset = "gp-1",
                             .text_en = "gas",
                             .text_zh = "燃气"};
    assert_int_equal(alarm_store_put(api.writing.alarms, &a), LL_OK);
}

static void alarms_are_listed_and_shown(void **state)
{
    (void)state;
    put_alarm(1, ALARM_UNACK);
    put_alarm(2, ALARM_NORMAL);
    expect("/api/v1/alarms", NULL, 200, "\"total\":2");
    expect("/api/v1/alarms?open=1", NULL, 200, "\"total\":1");
    expect("/api/v1/alarms?asset=gp-2", NULL, 200, "\"total\":0");
    expect("/api/v1/alarms/1", NULL, 200, "\"text_zh\":\"燃气\"");
    expect("/api/v1/alarms/9", NULL, 404, "{\"error\":\"there is no alarm 9\"}");
    expect("/api/v1/alarms/x", NULL, 400, "\"error\"");
    expect("/api/v1/alarms/9223372036854775808", NULL, 400, "\"error\"");
    expect("/api/v1/alarms?open=2", NULL, 400, "open must be a whole number from 0 to 1");
    expect("/api/v1/alarms?limit=1001", NULL, 400, "limit must be a whole number from 0 to 1000");
    expect("/api/v1/alarms?limit=-1", NULL, 400, "limit");
}

static void an_acknowledgement_is_a_command_and_stands_in_the_audit_log(void **state)
{
    (void)state;
    put_alarm(12, ALARM_UNACK);
    expect("/api/v1/alarms/12/ack", "{\"note\":\"on my \\\"way\\\"\"}", 200, "{\"done\":true}");
    const char *const head = "{\"do\":\"alarm_ack\",\"alarm\":12,\"by\":\"";
    assert_memory_equal(buf_str(&commands), head, strlen(head));
    assert_non_null(strstr(buf_str(&commands), "\",\"note\":\"on my \\\"way\\\"\"}"));
    expect("/api/v1/audit", NULL, 200,
           "\"what\":\"alarm_ack\",\"object\":\"12\",\"before\":"
           "\"{\\\"alarm\\\":{\\\"id\\\":12,");
    expect("/api/v1/audit?limit=0", NULL, 200, "\"total\":1");
    expect("/api/v1/alarms/12/ack", "", 200, "{\"done\":true}");
}

static void a_refused_acknowledgement_says_why_and_leaves_no_trace(void **state)
{
    (void)state;
    command_result = LL_ESTATE;
    command_answer = "{\"error\":\"acknowledged already\"}";
    expect("/api/v1/alarms/12/ack", "{}", 409, "{\"error\":\"acknowledged already\"}");
    command_result = LL_ETIMEOUT;
    command_answer = "";
    expect("/api/v1/alarms/12/ack", "{}", 504, "{\"error\":\"timed out\"}");
    buf_reset(&commands);
    static const char *const bad[] = {"{\"note\":7}", "[]", "{", "{\"note\":\"a\\u0000b\"}", "{}x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect("/api/v1/alarms/12/ack", bad[i], 400, "\"error\"");
    }
    char longest[300];
    snprintf(longest, sizeof longest, "{\"note\":\"%0*d\"}", LL_MAX_NAME, 7);
    expect("/api/v1/alarms/12/ack", longest, 400, "note must be text of at most 127 bytes");
    assert_int_equal(commands.len, 0);
    expect("/api/v1/audit", NULL, 200, "\"total\":0");
}

/* --- the registry ---------------------------------------------------------------------------- */

static void an_import_is_taken_into_use_and_stands_in_the_audit_log(void **state)
{
    (void)state;
    expect("/api/v1/assets?name=my%20assets.csv", "id,kind\ngp-1,gas_pipe\nm-1,manhole\n", 200,
           "{\"imported\":2}");
    assert_string_equal(buf_str(&commands), "{\"do\":\"registry_reload\"}");
    expect("/api/v1/assets?filter=gp", NULL, 200, "\"total\":1");
    expect("/api/v1/assets?offset=1", NULL, 200, "\"total\":2");
    expect("/api/v1/assets/gp-1", NULL, 200, "\"kind\":\"gas_pipe\"");
    expect("/api/v1/assets/gp%2F1", NULL, 404, "{\"error\":\"there is no asset 'gp/1'\"}");
    expect("/api/v1/devices/d", NULL, 404, "there is no device 'd'");
    expect("/api/v1/profiles/p", NULL, 404, "there is no profile 'p'");
    expect("/api/v1/devices", NULL, 200, "\"total\":0");
    expect("/api/v1/profiles?offset=x", NULL, 400, "offset must be");
    expect("/api/v1/audit", NULL, 200, "\"what\":\"asset_import\",\"object\":\"my assets.csv\"");
}

static void a_released_field_stands_in_the_audit_log(void **state)
{
    (void)state;
    struct registry *r = NULL;
    expect("/api/v1/profiles",
           "{\"profile\":\"p\",\"kind\":\"manhole\",\"channels\":{\"level\":"
           "{\"unit\":\"m\",\"min\":0,\"max\":9}}}",
           200, "{\"imported\":1}");
    expect("/api/v1/assets", "id,kind\nm-1,manhole\n", 200, "{\"imported\":1}");
    expect("/api/v1/devices", "id,asset,profile\nd,m-1,p\n", 200, "{\"imported\":1}");
    assert_int_equal(registry_db_load(api.writing.registry, &r), LL_OK);
    registry_unref(r);
    expect("/api/v1/fields?filter=manhole.level", NULL, 200,
           "{\"total\":1,\"items\":[{\"measurement\":\"manhole\",\"field\":\"level_m\",\"type\":"
           "\"float\",");
    static const char *const bad[] = {"{}",
                                      "{\"measurement\":\"\"}",
                                      "{\"field\":\"level_m\"}",
                                      "{\"measurement\":\"manhole\",\"field\":\"\"}",
                                      "{\"measurement\":\"manhole\",\"field\":7}",
                                      "{\"measurement\":\"manhole\",\"field\":\"level_m\\u0000\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect("/api/v1/fields/release", bad[i], 400, "the body must be ");
    }
    expect("/api/v1/fields/release", "{\"measurement\":\"sewer\"}", 404,
           "{\"error\":\"no field of 'sewer' is pinned\"}");
    expect("/api/v1/fields/release", "{\"measurement\":\"manhole\",\"field\":\"levl\"}", 404,
           "no field levl of 'manhole' is pinned");
    expect("/api/v1/fields", NULL, 200, "{\"total\":3,");
    expect("/api/v1/fields/release", "{\"measurement\":\"manhole\",\"field\":\"level_m\"}", 200,
           "{\"released\":1}");
    expect("/api/v1/audit?limit=1", NULL, 200,
           "\"what\":\"field_release\",\"object\":\"manhole\",\"before\":"
           "\"[{\\\"measurement\\\":\\\"manhole\\\",\\\"field\\\":\\\"level_m\\\",");
    expect("/api/v1/fields/release", "{\"measurement\":\"manhole\"}", 200, "{\"released\":2}");
}

static void faults_of_an_import_are_named_and_nothing_is_taken(void **state)
{
    (void)state;
    expect("/api/v1/assets?name=a.csv", "id,kind\ngp-1,gas_pipe\nx,gas_pip\ny,boat\n", 422,
           "{\"error\":\"nothing was imported: a.csv has 2 faults\",\"faults\":[\"a.csv:3: ");
    expect("/api/v1/assets?name=a.csv", "id,kind\nx,boat\n", 422, "\"total\":1}");
    expect("/api/v1/devices", "id,profile,asset\nd,p,a\n", 422, "\"body:2: ");
    expect("/api/v1/profiles", "{", 422, "\"faults\":[");
    expect("/api/v1/assets", NULL, 200, "\"total\":0");
    assert_int_equal(commands.len, 0);
    expect("/api/v1/audit", NULL, 200, "\"total\":0");
}

static void what_only_reads_does_not_wait_for_an_import(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/api/v1/alarms", "/api/v1/assets", "/api/v1/devices", "/api/v1/profiles", "/api/v1/fields",
        "/api/v1/audit",  "/api/v1/status", "/api/v1/ledger",  "/metrics",
    };
    long status[sizeof paths / sizeof paths[0]];
    pthread_mutex_lock(&api.writing.lock);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        status[i] = call(paths[i], NULL);
    }
    pthread_mutex_unlock(&api.writing.lock);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_int_equal(status[i], 200);
    }
}

static void an_import_that_is_not_in_use_yet_says_so(void **state)
{
    (void)state;
    command_result = LL_EBUSY;
    expect("/api/v1/assets", "id,kind\ngp-1,gas_pipe\n", 503,
           "1 rows were imported, but are not in use yet: in use");
    expect("/api/v1/assets", NULL, 200, "\"total\":1");
}

/* --- the rest -------------------------------------------------------------------------------- */

static void readings_are_asked_for_as_the_query_says(void **state)
{
    (void)state;
    assert_int_equal(call("/api/v1/readings", NULL), 200);
    assert_string_equal(buf_str(&asked), "after=18446744073709551615 device= limit=100");
    buf_reset(&asked);
    assert_int_equal(call("/api/v1/readings?after=7&device=d%2D1&limit=3", NULL), 200);
    assert_string_equal(buf_str(&asked), "after=7 device=d-1 limit=3");
    expect("/api/v1/readings?after=18446744073709551616", NULL, 400, "after must be");
}

static void each_failure_has_its_status(void **state)
{
    (void)state;
    static const struct {
        ll_err err;
        long status;
    } table[] = {{LL_ENOENT, 404}, {LL_EINVAL, 400},   {LL_ESTATE, 409}, {LL_EBUSY, 503},
                 {LL_ENOSPC, 507}, {LL_ETIMEOUT, 504}, {LL_EDB, 500},    {LL_ENOMEM, 500}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char want[100];
        command_result = table[i].err;
        snprintf(want, sizeof want, "{\"error\":\"%s\"}", ll_err_str(table[i].err));
        expect("/api/v1/readings", NULL, table[i].status, want);
    }
}

static void explain_hands_on_the_topic_and_the_payload_as_they_are(void **state)
{
    (void)state;
    expect("/api/v1/explain", "{\"topic\":\"a/b\",\"payload\":\"{\\\"r\\\":\\u00001}\"}", 200,
           "{\"accepted\":true}");
    assert_int_equal(asked.len, 12);
    assert_memory_equal(asked.data, "a/b {\"r\":\0001}", 12);
    static const char *const bad[] = {"{\"topic\":\"a\"}", "{\"topic\":1,\"payload\":\"\"}",
                                      "{\"topic\":\"a\\u0000b\",\"payload\":\"\"}", "\"a\""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect("/api/v1/explain", bad[i], 400, "\"error\"");
    }
}

static void quarantine_is_listed(void **state)
{
    (void)state;
    const struct quarantine_item item = {.time = {1764000000123},
                                         .seq = 4,
                                         .source = "mqtt",
                                         .topic = "t",
                                         .topic_len = 1,
                                         .reason = "malformed",
                                         .detail = "",
                                         .payload = "{",
                                         .payload_len = 1};
    quarantine_add(api.quarantine, &item);
    expect("/api/v1/quarantine?limit=5", NULL, 200, "\"reason\":\"malformed\"");
    expect_json("/api/v1/quarantine");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static const struct CMUnitTest tests[] = {
    TEST(the_books_are_those_of_the_slowest_destination),
    TEST(without_a_destination_nothing_is_in_flight),
    TEST(a_message_that_ingest_has_yet_to_count_is_waited_for),
    TEST(the_ledger_shows_all_reasons_and_whether_it_balances),
    TEST(each_source_has_books_of_its_own),
    TEST(status_shows_every_connection),
    TEST(metrics_are_in_prometheus_text_format),
    TEST(every_counter_is_a_metric_with_its_sentence),
    TEST(the_books_and_destinations_are_metrics),
    TEST(alarms_are_listed_and_shown),
    TEST(an_acknowledgement_is_a_command_and_stands_in_the_audit_log),
    TEST(a_refused_acknowledgement_says_why_and_leaves_no_trace),
    TEST(an_import_is_taken_into_use_and_stands_in_the_audit_log),
    TEST(a_released_field_stands_in_the_audit_log),
    TEST(faults_of_an_import_are_named_and_nothing_is_taken),
    TEST(what_only_reads_does_not_wait_for_an_import),
    TEST(an_import_that_is_not_in_use_yet_says_so),
    TEST(readings_are_asked_for_as_the_query_says),
    TEST(each_failure_has_its_status),
    TEST(explain_hands_on_the_topic_and_the_payload_as_they_are),
    TEST(quarantine_is_listed),
};

int main(void)
{
    const int failed = unit_main(__FILE__, tests, sizeof tests / sizeof tests[0]);
    buf_free(&answer);
    return failed;
}
