#include "tests/unit/unit.h"

#include <pthread.h>
#include <string.h>

#include "gateway/base/fs.h"
#include "gateway/console/console.h"
#include "gateway/ctl/ctl.h"

/* --- a gateway that answers what the test wants ---------------------------------------------- */

static struct console *console;
static char socket_path[300];

/* What the next requests are answered with, and what the last one was. */
static const char *answers[4];
static int answer_status;
static unsigned asked;
static struct buf request;

static void reply(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    static const char *const keys[] = {"open",  "limit",  "asset",  "name",
                                       "after", "device", "filter", "source"};
    size_t len;
    const char *body = console_body(req, &len);
    buf_reset(&request);
    buf_printf(&request, "%s", (const char *)ctx);
    buf_printf(&request, "%s", console_param(req));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (console_query(req, keys[i]) != NULL) {
            buf_printf(&request, " %s=%s", keys[i], console_query(req, keys[i]));
        }
    }
    buf_printf(&request, " %.*s", (int)len, body);
    const size_t last = sizeof answers / sizeof answers[0] - 1;
    const char *text = answers[asked < last ? asked : last];
    asked++;
    ans->status = answer_status;
    buf_str_add(&ans->body, text != NULL ? text : "{}");
}

static const struct console_route routes[] = {
    {"GET", "/api/v1/status", reply, false, ""},
    {"GET", "/api/v1/ledger", reply, false, ""},
    {"GET", "/api/v1/alarms", reply, false, ""},
    {"GET", "/api/v1/alarms/{id}", reply, false, ""},
    {"POST", "/api/v1/alarms/{id}/ack", reply, false, ""},
    {"GET", "/api/v1/readings", reply, false, ""},
    {"POST", "/api/v1/explain", reply, false, ""},
    {"GET", "/api/v1/quarantine", reply, false, ""},
    {"GET", "/api/v1/audit", reply, false, ""},
    {"GET", "/api/v1/assets", reply, false, ""},
    {"POST", "/api/v1/assets", reply, false, ""},
    {"GET", "/api/v1/assets/{id}", reply, false, ""},
    {"POST", "/api/v1/devices", reply, false, ""},
    {"GET", "/api/v1/devices/{id}", reply, false, ""},
    {"GET", "/api/v1/profiles/{id}", reply, false, ""},
    {"GET", "/api/v1/fields", reply, false, ""},
    {"POST", "/api/v1/fields/release", reply, false, ""},
};

static int begin(void **state)
{
    (void)state;
    static char none[] = "";
    snprintf(socket_path, sizeof socket_path, "%s/ctl.sock", unit_tmpdir());
    memset(answers, 0, sizeof answers);
    answer_status = 200;
    asked = 0;
    buf_init(&request, 1 << 20);
    return console_start("", socket_path, "", routes, sizeof routes / sizeof routes[0], none,
                         &console) == LL_OK
               ? 0
               : -1;
}

static int end(void **state)
{
    (void)state;
    console_stop(console);
    console = NULL;
    buf_free(&request);
    return 0;
}

/* --- the program, run with its output kept --------------------------------------------------- */

static char *out_text;
static char *err_text;

static enum ctl_exit run_words(char *const *argv, int argc)
{
    size_t out_len;
    size_t err_len;
    free(out_text);
    free(err_text);
    FILE *out = open_memstream(&out_text, &out_len);
    FILE *err = open_memstream(&err_text, &err_len);
    assert_non_null(out);
    assert_non_null(err);
    const enum ctl_exit status = ctl_main(argc, argv, out, err);
    fclose(out);
    fclose(err);
    return status;
}

/* Words separated by '|', with the socket's path in front. */
static enum ctl_exit run(const char *line)
{
    static char copy[1000];
    char *argv[20] = {(char[]){"lifelinectl"}, (char[]){"--socket"}, socket_path};
    int argc = 3;
    snprintf(copy, sizeof copy, "%s", line);
    char *rest = copy;
    for (char *word = strsep(&rest, "|"); word != NULL && argc < 20; word = strsep(&rest, "|")) {
        argv[argc++] = word;
    }
    return run_words(argv, argc);
}

static void expect(const char *line, enum ctl_exit status, const char *out, const char *err)
{
    const enum ctl_exit got = run(line);
    if (got != status) {
        fail_msg("%s: expected status %d, got %d: %s", line, (int)status, (int)got, err_text);
    }
    assert_string_equal(out_text, out);
    assert_string_equal(err_text, err);
}

static void expect_part(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("expected '%s' in: %s", part, text);
    }
}

static void a_wrong_command_line_is_told_and_exits_with_2(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *err;
    } cases[] = {
        {"alarm",
         "lifelinectl: unknown command 'alarm', did you mean alarms; see lifelinectl help\n"},
        {"xyzzy", "lifelinectl: unknown command 'xyzzy'; see lifelinectl help\n"},
        {"asset", "lifelinectl: asset is followed by one of: import list show\n"},
        {"alarms|lst", "lifelinectl: alarms is followed by one of: (list) show ack\n"},
        {"alarms|ack", "lifelinectl: usage: lifelinectl alarms ack ID [--note TEXT]\n"},
        {"status|now", "lifelinectl: usage: lifelinectl status\n"},
        {"status|--all", "lifelinectl: status does not take --all\n"},
        {"alarms|--al", "lifelinectl: unknown option --al, did you mean --all; see lifelinectl "
                        "help\n"},
        {"alarms|--asset", "lifelinectl: --asset must be followed by ID\n"},
        {"alarms|--all=yes", "lifelinectl: --all takes no value\n"},
        {"alarms|--limit|many", "lifelinectl: --limit must be a whole number up to 1000\n"},
        {"tail|--count=-1", "lifelinectl: --count must be a whole number\n"},
        {"asset|import|/nowhere/x.csv", "lifelinectl: cannot read /nowhere/x.csv: not found\n"},
        {"--json", "lifelinectl: no command was given; see lifelinectl help\n"},
        {"a|b|c|d|e|f|g|h|i", "lifelinectl: too many words; see lifelinectl help\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect(cases[i].line, CTL_USAGE, "", cases[i].err);
    }
    char line[900] = "asset|list|";
    memset(line + strlen(line), '/', sizeof line - strlen(line) - 1);
    expect(line, CTL_USAGE, "", "lifelinectl: a name on the command line is too long\n");
}

static void help_lists_every_verb(void **state)
{
    (void)state;
    static const char *const ways[] = {"help", "--help", "status|-h"};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        assert_int_equal(run(ways[i]), CTL_OK);
        expect_part(out_text, "  alarms ack ID [--note TEXT]");
        expect_part(out_text, "  explain TOPIC PAYLOAD|@FILE");
        assert_string_equal(err_text, "");
    }
}

static void a_gateway_out_of_reach_is_told_and_exits_with_3(void **state)
{
    (void)state;
    char want[600];
    end(NULL);
    buf_init(&request, 1);
    snprintf(want, sizeof want,
             "lifelinectl: cannot reach the gateway at %s: no such file or directory. Is lifelined "
             "running? Another socket: --socket PATH\n",
             socket_path);
    expect("status", CTL_UNREACHABLE, "", want);
}

static void the_socket_comes_from_the_environment_where_no_option_names_it(void **state)
{
    (void)state;
    char *argv[] = {(char[]){"lifelinectl"}, (char[]){"--json"}, (char[]){"status"}};
    setenv("LIFELINE_SOCKET", socket_path, 1);
    const enum ctl_exit found = run_words(argv, 3);
    setenv("LIFELINE_SOCKET", "/nowhere/lifelined.sock", 1);
    const enum ctl_exit lost = run_words(argv, 3);
    unsetenv("LIFELINE_SOCKET");
    assert_int_equal(found, CTL_OK);
    assert_int_equal(lost, CTL_UNREACHABLE);
    expect_part(err_text, "/nowhere/lifelined.sock");
}

static void json_prints_the_answer_as_it_came(void **state)
{
    (void)state;
    answers[0] = "{\"b\": 1,  \"a\":[]}";
    expect("--json|status", CTL_OK, "{\"b\": 1,  \"a\":[]}\n", "");
    expect("ledger|--json", CTL_OK, "{}\n", "");
}

static void a_refusal_is_told_in_the_gateways_words_and_exits_with_1(void **state)
{
    (void)state;
    answer_status = 409;
    answers[0] = "{\"error\":\"alarm 12 is acknowledged \\u001b[2Jalready\"}";
    expect("alarms|ack|12", CTL_REFUSED, "", "lifelinectl: alarm 12 is acknowledged ?[2Jalready\n");
    answers[1] = "not json";
    expect("alarms|ack|12", CTL_REFUSED, "", "lifelinectl: the gateway answered with status 409\n");
}

static void an_answer_that_is_not_json_is_no_gateways(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "ok", "7", "{\"a\":1", "{\"a\":\"\xff\"}", "{} {}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        asked = 0;
        answers[0] = bad[i];
        assert_int_equal(run("status"), CTL_UNREACHABLE);
        expect_part(err_text, "is no gateway");
        assert_string_equal(out_text, "");
    }
}

static void answers_of_the_wrong_shape_are_shown_as_far_as_they_go(void **state)
{
    (void)state;
    static const char *const shapes[] = {
        "{}",
        "[]",
        "{\"items\":{},\"mqtt\":[],\"destinations\":[1,null],\"alarm\":7,\"transitions\":[{}]}",
        "{\"items\":[1,[],null,{}],\"total\":\"many\",\"registry\":true,\"messages\":[]}",
        "{\"destinations\":[{\"name\":7,\"last_error\":{}}]}",
        "{\"items\":[{}],\"total\":-1,\"next\":-1,\"readings\":{\"rejected\":{\"x\":\"y\"}}}",
        "{\"items\":[{\"id\":{\"a\":[]}},7],\"next\":1e300,\"lines\":3,\"refused\":[[],2,{}]}",
    };
    static const char *const lines[] = {
        "status",     "ledger",       "alarms",         "alarms|show|1", "quarantine",   "audit",
        "asset|list", "asset|show|a", "profile|show|p", "explain|t|p",   "alarms|ack|1",
    };
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
            asked = 0;
            answers[0] = shapes[s];
            const enum ctl_exit status = run(lines[i]);
            if (status != CTL_OK && !(status == CTL_REFUSED && lines[i][0] == 'e')) {
                fail_msg("%s of %s: status %d", lines[i], shapes[s], (int)status);
            }
        }
    }
}

static void status_names_the_connections(void **state)
{
    (void)state;
    answers[0] =
        "{\"gateway\":\"city-1\",\"version\":\"0.1.0\",\"started\":1000000,\"now\":12520000,"
        "\"mqtt\":{\"connected\":false,\"since\":1764000000123,\"last_error\":\"refused\","
        "\"retry_in_ms\":4000},\"intake\":{\"first_seq\":5,\"next_seq\":47,\"bytes\":16777216,"
        "\"damaged\":0},\"destinations\":[{\"name\":\"influx\",\"reachable\":false,"
        "\"last_error\":\"HTTP 503\",\"retry_in_ms\":61000,\"forwarded\":12,\"in_flight\":3}],"
        "\"registry\":{\"assets\":13,\"devices\":14,\"profiles\":15,\"series\":16},"
        "\"alarms_open\":2}";
    assert_int_equal(run("status"), CTL_OK);
    expect_part(out_text, "gateway   city-1, version 0.1.0, up 3 h 12 min\n");
    expect_part(out_text, "MQTT      not connected since 2025-11-24T16:00:00.123Z: refused; next "
                          "try in 4 s\n");
    expect_part(out_text, "intake    42 records, the next is 47, 16.0 MiB, 0 damaged\n");
    expect_part(out_text, "registry  13 assets, 14 devices, 16 series, 15 profiles\n");
    expect_part(out_text, "alarms    2 open\n");
    expect_part(out_text, "influx  no                12          3");
    expect_part(out_text, "influx: HTTP 503; next try in 1 min 1 s\n");
    answers[1] = "{\"destinations\":[{\"name\":\"influx\",\"reachable\":true,\"last_error\":\"\","
                 "\"last_success\":null}]}";
    assert_int_equal(run("status"), CTL_OK);
    expect_part(out_text, "influx  not tried");
    answers[2] = "{\"mqtt\":{\"connected\":true,\"holding\":true,\"uri\":\"tcp://b:1\"}}";
    assert_int_equal(run("status"), CTL_OK);
    expect_part(out_text, "MQTT      held back: the intake journal takes no more; messages wait at "
                          "tcp://b:1\n");
}

static void status_names_what_becomes_of_alarms_by_mqtt(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        const char *text;
    } cases[] = {
        {"{\"alarms_open\":2,\"alarms_mqtt\":null}", "alarms    2 open\n"
                                                     "          not published by MQTT\n"},
        {"{\"alarms_mqtt\":{\"connected\":true,\"up_to_date\":true,\"last_error\":\"\","
         "\"published\":5,\"cleared\":4,\"waiting\":0,\"failed\":0}}",
         "          by MQTT: up to date; 5 published, 4 cleared, 0 waiting, 0 failed\n"},
        {"{\"alarms_mqtt\":{\"connected\":true,\"up_to_date\":false,\"waiting\":7}}",
         "by MQTT: being brought up to date; 0 published, 0 cleared, 7 waiting, 0 failed\n"},
        {"{\"alarms_mqtt\":{\"connected\":true,\"last_error\":\"publish: no\",\"failed\":1}}",
         "by MQTT: publish: no; 0 published, 0 cleared, 0 waiting, 1 failed\n"},
        {"{\"alarms_mqtt\":{\"connected\":false,\"last_error\":\"refused\"}}",
         "by MQTT: not connected: refused; 0 published,"},
        {"{\"alarms_mqtt\":{\"connected\":false,\"last_error\":\"\"}}",
         "by MQTT: not connected; 0 published,"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        answers[0] = cases[i].answer;
        asked = 0;
        assert_int_equal(run("status"), CTL_OK);
        expect_part(out_text, cases[i].text);
    }
}

static void the_ledger_names_the_reasons_that_occurred(void **state)
{
    (void)state;
    answers[0] = "{\"messages\":{\"received\":13,\"decoded\":7,\"duplicate\":1,\"retained\":3,"
                 "\"rejected\":{\"malformed\":2,\"oversized\":0},\"in_flight\":0,"
                 "\"balanced\":true},"
                 "\"readings\":{\"decoded\":9,\"forwarded\":8,\"balanced\":false}}";
    assert_int_equal(run("ledger"), CTL_OK);
    expect_part(out_text, "messages received   13\n"
                          "  decoded            7\n"
                          "  duplicate          1\n"
                          "  retained           3\n"
                          "  rejected           2\n"
                          "    malformed        2  the payload does not parse");
    expect_part(out_text, "readings decoded     9\n  forwarded          8\n");
    expect_part(out_text, "  balanced          NO  the states do not add up");
    assert_null(strstr(out_text, "oversized"));
}

static void the_ledger_has_a_row_for_each_source(void **state)
{
    (void)state;
    answers[0] =
        "{\"sources\":[{\"source\":\"city/+/up\",\"messages\":{\"received\":10,\"decoded\":7,"
        "\"duplicate\":1,\"retained\":0,\"rejected\":{\"malformed\":1,\"oversized\":1}},"
        "\"readings\":"
        "{\"decoded\":20,\"accepted\":15,\"duplicate\":2,\"late\":0,\"rejected\":"
        "{\"out_of_range\":3}}},{\"source\":\"+none\"}]}";
    assert_int_equal(run("ledger"), CTL_OK);
    expect_part(
        out_text,
        "\nsource     messages  decoded  duplicate  retained  rejected  readings  accepted  "
        "duplicate  late  rejected\n"
        "city/+/up        10        7          1         0         2        20        15  "
        "        2     0         3\n"
        "+none             0");
}

static void the_ledger_of_one_source_has_no_readings_under_way(void **state)
{
    (void)state;
    answers[0] = "{\"messages\":{\"received\":10,\"rejected\":{\"malformed\":2},\"balanced\":true},"
                 "\"readings\":{\"decoded\":9,\"accepted\":8,\"late\":1,\"balanced\":true}}";
    assert_int_equal(run("ledger|--source|city/+/up"), CTL_OK);
    assert_string_equal(buf_str(&request), " source=city/+/up ");
    expect_part(out_text, "    malformed        2  the payload does not parse");
    expect_part(out_text, "readings decoded     9\n  accepted           8\n");
    assert_null(strstr(out_text, "in flight"));
    expect("ledger|--source|a|--device|b", CTL_USAGE, "",
           "lifelinectl: ledger takes --device or --source, one of them\n");
}

static void alarms_show_both_texts(void **state)
{
    (void)state;
    answers[0] = "{\"total\":5,\"items\":[{\"id\":12,\"priority\":\"critical\",\"state\":"
                 "\"unacknowledged\",\"raised_ms\":1764000000123,\"asset\":\"井-1\",\"channel\":"
                 "\"methane\",\"text_en\":\"leak\",\"text_zh\":\"泄漏\"}]}";
    expect("alarms|--asset|井-1|--limit=3", CTL_OK,
           "id  priority  state           raised                    asset  channel  text\n"
           "12  critical  unacknowledged  2025-11-24T16:00:00.123Z  井-1   methane  leak\n"
           "                                                                        泄漏\n"
           "1 of 5 shown\n",
           "");
    assert_string_equal(buf_str(&request), " open=1 limit=3 asset=井-1 ");
    answers[1] = "{\"total\":0,\"items\":[]}";
    expect("alarms|list|--all", CTL_OK, "no alarms\n", "");
    assert_string_equal(buf_str(&request), " open=0 limit=100 asset= ");
}

static void an_acknowledgement_carries_its_note(void **state)
{
    (void)state;
    answers[0] = "{\"acknowledged\":12}";
    expect("alarms|ack|12|--note|on my \"way\"", CTL_OK, "alarm 12 is acknowledged\n", "");
    assert_string_equal(buf_str(&request), "12 {\"note\":\"on my \\\"way\\\"\"}");
}

static void tail_prints_a_line_each_and_ends_at_its_count(void **state)
{
    (void)state;
    answers[0] =
        "{\"next\":1,\"items\":[{\"n\":1,\"time\":\"2025-11-24T16:00:00.123Z\",\"device\":"
        "\"d1\",\"asset\":\"a1\",\"channel\":\"pressure\",\"value\":0.352,\"unit\":\"MPa\","
        "\"flags\":[\"backfill\",\"time_moved\"]}]}";
    answers[1] = "{\"next\":1,\"items\":[]}";
    answers[2] = "{\"next\":9,\"items\":[{\"n\":4,\"value\":1,\"flags\":[]},{\"n\":5},{\"n\":6}]}";
    assert_int_equal(run("tail|--count|3"), CTL_OK);
    expect_part(out_text, "2025-11-24T16:00:00.123Z  d1                    a1                    "
                          "pressure                 0.352  MPa     backfill,time_moved\n");
    unsigned lines = 0;
    for (const char *p = out_text; *p != '\0'; p++) {
        lines += *p == '\n';
    }
    assert_int_equal(lines, 3);
    assert_string_equal(err_text, "lifelinectl: 2 readings came faster than they could be shown\n");
    assert_string_equal(buf_str(&request), " limit=2 after=1 device= ");
}

static void tail_of_an_unknown_device_ends(void **state)
{
    (void)state;
    answer_status = 404;
    answers[0] = "{\"error\":\"there is no device 'd9'\"}";
    expect("tail|--device|d9", CTL_REFUSED, "", "lifelinectl: there is no device 'd9'\n");
    assert_string_equal(buf_str(&request), "d9 ");
}

static void explain_prints_the_lines_or_the_reason(void **state)
{
    (void)state;
    answers[0] = "{\"accepted\":true,\"lines\":\"gas_pipe,asset=a p=1 5\\n\",\"refused\":["
                 "{\"channel\":\"x\",\"reason\":\"unknown_channel\",\"text\":\"no such\","
                 "\"detail\":\"\"}]}";
    expect("explain|lifeline/v1/up/d|{\"r\":1}", CTL_OK, "gas_pipe,asset=a p=1 5\n",
           "refused: x: unknown_channel: no such\n");
    assert_string_equal(buf_str(&request),
                        " {\"topic\":\"lifeline/v1/up/d\",\"payload\":\"{\\\"r\\\":1}\"}");
    answers[1] = "{\"accepted\":false,\"reason\":\"malformed\",\"text\":\"general\",\"detail\":"
                 "\"line 1: no value\",\"lines\":\"\",\"refused\":[]}";
    expect("explain|t|{", CTL_REFUSED, "", "refused: malformed: line 1: no value\n");
}

static void explain_reads_the_payload_from_a_file(void **state)
{
    (void)state;
    char path[400];
    char line[600];
    snprintf(path, sizeof path, "%s/payload.json", unit_tmpdir());
    assert_int_equal(fs_replace_file(path, "{\n}", 3), LL_OK);
    snprintf(line, sizeof line, "explain|t|@%s", path);
    answers[0] = "{\"accepted\":true,\"lines\":\"\"}";
    expect(line, CTL_OK, "", "");
    assert_string_equal(buf_str(&request), " {\"topic\":\"t\",\"payload\":\"{\\n}\"}");
    assert_int_equal(fs_replace_file(path, "\xff\xfe", 2), LL_OK);
    expect(line, CTL_USAGE, "", "lifelinectl: the payload is not UTF-8 text\n");
}

static void fields_are_listed_and_released(void **state)
{
    (void)state;
    answers[0] =
        "{\"total\":1,\"items\":[{\"measurement\":\"sewer\",\"field\":\"level_m\",\"type\":"
        "\"float\",\"profile\":\"p\",\"since_ms\":1764000000123}]}";
    expect("field|list", CTL_OK,
           "measurement  field    type   since                     profile\n"
           "sewer        level_m  float  2025-11-24T16:00:00.123Z  p\n"
           "1 of 1 fields shown\n",
           "");
    answers[1] = "{\"released\":1}";
    expect("field|release|sewer|level_m", CTL_OK, "fields released: 1\n", "");
    assert_string_equal(buf_str(&request), " {\"measurement\":\"sewer\",\"field\":\"level_m\"}");
    answers[2] = "{\"released\":3}";
    expect("field|release|sewer", CTL_OK, "fields released: 3\n", "");
    assert_string_equal(buf_str(&request), " {\"measurement\":\"sewer\"}");
}

static void an_import_sends_the_file_and_tells_each_fault(void **state)
{
    (void)state;
    char path[400];
    char line[600];
    char want[600];
    snprintf(path, sizeof path, "%s/a set.csv", unit_tmpdir());
    assert_int_equal(fs_replace_file(path, "id,kind\na,manhole\n", 18), LL_OK);
    snprintf(line, sizeof line, "asset|import|%s", path);
    answers[0] = "{\"imported\":1}";
    expect(line, CTL_OK, "assets imported: 1\n", "");
    snprintf(want, sizeof want, " name=%s id,kind\na,manhole\n", path);
    assert_string_equal(buf_str(&request), want);

    answer_status = 422;
    answers[1] = "{\"error\":\"nothing was imported\",\"faults\":[\"a.csv:2: one\",7],\"total\":3}";
    expect(line, CTL_REFUSED, "",
           "lifelinectl: a.csv:2: one\nlifelinectl: 7\nlifelinectl: and 1 more\n"
           "lifelinectl: nothing was imported\n");
}

static void lists_and_objects_are_rendered_from_what_they_hold(void **state)
{
    (void)state;
    answers[0] = "{\"total\":2,\"items\":[{\"id\":\"m-1\",\"kind\":\"manhole\",\"name\":\"东门\","
                 "\"criticality\":3},{\"id\":\"m-22\",\"kind\":\"sewer\",\"name\":null}]}";
    expect("asset|list|m-", CTL_OK,
           "id    kind     name  district  installed  material  criticality\n"
           "m-1   manhole  东门                                           3\n"
           "m-22  sewer\n"
           "2 of 2 assets shown\n",
           "");
    assert_string_equal(buf_str(&request), " filter=m- ");
    answers[1] = "{\"profile\":\"p\",\"late_limit_s\":60,\"imported_ms\":1764000000123,"
                 "\"channels\":[{\"channel\":\"a\",\"min\":0.5,\"d\":[{\"x\":1,\"y\":\"z\"},{\"x\":"
                 "2}]},{\"channel\":\"bb\",\"min\":-10}],\"cleared_ms\":null}";
    expect("profile|show|p/1", CTL_OK,
           "profile       p\n"
           "late limit s  60\n"
           "imported      2025-11-24T16:00:00.123Z\n"
           "cleared\n"
           "channels:\n"
           "  channel  min  d\n"
           "  a        0.5  x=1 y=z; x=2\n"
           "  bb       -10\n",
           "");
    assert_string_equal(buf_str(&request), "p/1 ");
}

static void a_profiles_detectors_are_a_table_of_their_own(void **state)
{
    (void)state;
    answers[0] = "{\"profile\":\"p\",\"channels\":[{\"channel\":\"a\",\"detectors\":["
                 "{\"detector\":\"limit\",\"above\":10},{\"detector\":\"silence\","
                 "\"after_s\":60}]},{\"channel\":\"bb\",\"detectors\":[]},{\"channel\":\"c\","
                 "\"detectors\":[{\"detector\":\"limit\",\"below\":-1},7]}]}";
    expect("profile|show|p", CTL_OK,
           "profile  p\n"
           "channels:\n"
           "  channel\n"
           "  a\n"
           "  bb\n"
           "  c\n"
           "detectors:\n"
           "  channel  detector  above  after s  below\n"
           "  a        limit        10\n"
           "  a        silence               60\n"
           "  c        limit                        -1\n",
           "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static const struct CMUnitTest tests[] = {
    TEST(a_wrong_command_line_is_told_and_exits_with_2),
    TEST(help_lists_every_verb),
    TEST(a_gateway_out_of_reach_is_told_and_exits_with_3),
    TEST(the_socket_comes_from_the_environment_where_no_option_names_it),
    TEST(json_prints_the_answer_as_it_came),
    TEST(a_refusal_is_told_in_the_gateways_words_and_exits_with_1),
    TEST(an_answer_that_is_not_json_is_no_gateways),
    TEST(answers_of_the_wrong_shape_are_shown_as_far_as_they_go),
    TEST(status_names_the_connections),
    TEST(status_names_what_becomes_of_alarms_by_mqtt),
    TEST(the_ledger_names_the_reasons_that_occurred),
    TEST(the_ledger_has_a_row_for_each_source),
    TEST(the_ledger_of_one_source_has_no_readings_under_way),
    TEST(alarms_show_both_texts),
    TEST(an_acknowledgement_carries_its_note),
    TEST(tail_prints_a_line_each_and_ends_at_its_count),
    TEST(tail_of_an_unknown_device_ends),
    TEST(explain_prints_the_lines_or_the_reason),
    TEST(explain_reads_the_payload_from_a_file),
    TEST(fields_are_listed_and_released),
    TEST(an_import_sends_the_file_and_tells_each_fault),
    TEST(a_profiles_detectors_are_a_table_of_their_own),
    TEST(lists_and_objects_are_rendered_from_what_they_hold),
};

int main(void)
{
    const int failed = unit_main(__FILE__, tests, sizeof tests / sizeof tests[0]);
    free(out_text);
    free(err_text);
    return failed;
}
