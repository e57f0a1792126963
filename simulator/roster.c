#include "simulator/roster.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/fs.h"

struct roster {
    FILE *assets;
    FILE *devices;
};

static ll_err open_file(const char *dir, const char *name, FILE **out)
{
    char path[LL_MAX_PATH];
    const int n = snprintf(path, sizeof path, "%s/%s", dir, name);
    if (n < 0 || (size_t)n >= sizeof path) {
        return LL_EINVAL;
    }
    *out = fopen(path, "we");
    return *out != NULL ? LL_OK : ll_err_from_errno(errno);
}

ll_err roster_open(const char *dir, struct roster **out)
{
    struct roster *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return LL_ENOMEM;
    }
    ll_err err = fs_make_dirs(dir);
    if (err == LL_OK) {
        err = open_file(dir, "assets.csv", &r->assets);
    }
    if (err == LL_OK) {
        err = open_file(dir, "devices.csv", &r->devices);
    }
    if (err != LL_OK) {
        roster_close(r);
        return err;
    }
    fputs("id,kind,name,district,material,installed,latitude,longitude,length_m,diameter_mm,"
          "criticality\n",
          r->assets);
    fputs("id,asset,profile\n", r->devices);
    *out = r;
    return LL_OK;
}

/* RFC 4180: quoted where the text has a separator, a quote or a line end. */
static void put_cell(FILE *f, const char *text, char behind)
{
    const int quoted = strpbrk(text, ",\"\r\n") != NULL;
    if (quoted) {
        fputc('"', f);
    }
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"') {
            fputc('"', f);
        }
        fputc(*p, f);
    }
    if (quoted) {
        fputc('"', f);
    }
    fputc(behind, f);
}

/* A cell, empty where the number is not known. */
static void put_number(FILE *f, double value, int decimals)
{
    if (isnan(value)) {
        fputc(',', f);
    } else {
        fprintf(f, "%.*f,", decimals, value);
    }
}

void roster_add_asset(struct roster *r, const struct roster_asset *a)
{
    put_cell(r->assets, a->id, ',');
    put_cell(r->assets, a->kind, ',');
    put_cell(r->assets, a->name, ',');
    put_cell(r->assets, a->district, ',');
    put_cell(r->assets, a->material, ',');
    put_cell(r->assets, a->installed, ',');
    put_number(r->assets, a->latitude, 6);
    put_number(r->assets, a->longitude, 6);
    put_number(r->assets, a->length_m, 1);
    put_number(r->assets, a->diameter_mm, 0);
    fprintf(r->assets, "%lld\n", (long long)a->criticality);
}

void roster_add_device(struct roster *r, const char *id, const char *asset, const char *profile)
{
    put_cell(r->devices, id, ',');
    put_cell(r->devices, asset, ',');
    put_cell(r->devices, profile, '\n');
}

static ll_err close_file(FILE *f)
{
    if (f == NULL) {
        return LL_OK;
    }
    const int failed = ferror(f);
    return fclose(f) == 0 && !failed ? LL_OK : LL_EIO;
}

ll_err roster_close(struct roster *r)
{
    const ll_err assets = close_file(r->assets);
    const ll_err devices = close_file(r->devices);
    free(r);
    return assets != LL_OK ? assets : devices;
}
