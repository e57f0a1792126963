/*
 * SIGHUP: reads the settings again, takes what may change while running, and brings the profiles
 * and the registry into use.
 *
 * The latter on a thread of its own: it waits for the console's imports and for the pipeline, and
 * the main thread must go on meanwhile. Threads: all functions by the main one. What fails is
 * logged here; nothing of it stops the gateway.
 */
#ifndef LL_RELOADER_H
#define LL_RELOADER_H

#include "gateway/api.h"

struct reloader;

/* All borrowed; the settings are changed. */
ll_err reloader_new(struct conf *conf, const char *conf_path, struct api *api,
                    struct reloader **out);
/* Waits for a reload under way. NULL is fine. */
void reloader_free(struct reloader *r);

/* Begins a reload, or, while one is under way, makes a note of it. */
void reloader_run(struct reloader *r);
/* To be called about once a second: begins what was noted. */
void reloader_timer(struct reloader *r);

/* For the start, too: what the settings say of the log; and a folder of profiles. */
void reloader_apply_log(const struct conf *conf);
void reloader_import_profiles(struct registry_db *db, const char *dir);

#endif
