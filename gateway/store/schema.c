#include "gateway/store/schema.h"

/* Version 1. `num` keeps the order in which assets and devices came, so that an import that adds
 * some does not renumber the others. Absent values are NULL. Days count from 1970-01-01. */
static const char registry_and_alarms[] =
    "CREATE TABLE profile ("
    " name TEXT PRIMARY KEY, kind TEXT NOT NULL, title_en TEXT NOT NULL, title_zh TEXT NOT NULL,"
    " json TEXT NOT NULL, imported_ms INTEGER NOT NULL) WITHOUT ROWID;"
    /* What can be asked of a profile without parsing it. */
    "CREATE TABLE profile_channel ("
    " profile TEXT NOT NULL REFERENCES profile(name), channel TEXT NOT NULL, field TEXT NOT NULL,"
    " type TEXT NOT NULL, PRIMARY KEY (profile, channel)) WITHOUT ROWID;"
    "CREATE INDEX profile_channel_by_field ON profile_channel(field, type);"

    "CREATE TABLE asset ("
    " num INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, name TEXT,"
    " district TEXT, material TEXT, installed_day INTEGER, latitude REAL, longitude REAL,"
    " length_m REAL, diameter_mm REAL, criticality INTEGER NOT NULL);"
    "CREATE TABLE device ("
    " num INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
    " asset TEXT NOT NULL REFERENCES asset(id), profile TEXT NOT NULL REFERENCES profile(name));"
    "CREATE INDEX device_by_profile ON device(profile);"
    /* Channels that were given an asset of their own. */
    "CREATE TABLE channel_binding ("
    " device TEXT NOT NULL REFERENCES device(id), channel TEXT NOT NULL,"
    " asset TEXT NOT NULL REFERENCES asset(id), PRIMARY KEY (device, channel)) WITHOUT ROWID;"

    /* Ids grow in the order of raising, so the key is also the order in time. */
    "CREATE TABLE alarm ("
    " id INTEGER PRIMARY KEY, state TEXT NOT NULL, priority TEXT NOT NULL, at_ms INTEGER NOT NULL,"
    " raised_ms INTEGER NOT NULL, acked_ms INTEGER, cleared_ms INTEGER, value REAL,"
    " asset TEXT, kind TEXT, district TEXT, device TEXT, channel TEXT, condition TEXT,"
    " acked_by TEXT, note TEXT, text_en TEXT, text_zh TEXT);"
    "CREATE INDEX alarm_by_asset ON alarm(asset, id);"
    "CREATE INDEX alarm_open ON alarm(id) WHERE state <> 'normal';"
    "CREATE TABLE alarm_transition ("
    " source_seq INTEGER NOT NULL, source_nth INTEGER NOT NULL,"
    " alarm INTEGER NOT NULL, at_ms INTEGER NOT NULL, from_state TEXT NOT NULL,"
    " to_state TEXT NOT NULL, acked_by TEXT, note TEXT,"
    " PRIMARY KEY (source_seq, source_nth)) WITHOUT ROWID;"
    "CREATE INDEX alarm_transition_by_alarm ON alarm_transition(alarm);"

    "CREATE TABLE audit ("
    " id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL,"
    " object TEXT, before TEXT, after TEXT);";

/* Version 2. The type that each field of a measurement has in the databases, for ever: those that
 * were in use already, and from now on those of each snapshot of the registry (registry/pins.c). */
static const char field_pins[] =
    "CREATE TABLE field_pin ("
    " measurement TEXT NOT NULL, field TEXT NOT NULL, type TEXT NOT NULL, profile TEXT NOT NULL,"
    " since_ms INTEGER NOT NULL, PRIMARY KEY (measurement, field)) WITHOUT ROWID;"
    "CREATE INDEX field_pin_by_field ON field_pin(field, type);"
    "INSERT OR IGNORE INTO field_pin"
    " SELECT u.kind, c.field, c.type, u.profile, strftime('%s', 'now') * 1000"
    " FROM (SELECT DISTINCT a.kind, d.profile FROM device d JOIN asset a ON a.id = d.asset) u"
    " JOIN profile_channel c ON c.profile = u.profile;";

/* Version 3. Transitions at a time when nobody knew the time. */
static const char estimated_times[] =
    "ALTER TABLE alarm_transition ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX alarm_transition_estimated ON alarm_transition(alarm) WHERE estimated = 1;";

const char *const store_schema_migrations[] = {registry_and_alarms, field_pins, estimated_times};
const size_t store_schema_count =
    sizeof store_schema_migrations / sizeof store_schema_migrations[0];
