/* SPDX-License-Identifier: Apache-2.0
 * rapl.c - reading powercap zones. Directories are named intel-rapl:P (a package, or the whole
 * platform) and intel-rapl:P:S (a part of package P). A package's counter holds its cores; its
 * memory ("dram") has one of its own; the platform's ("psys") holds them all and would count
 * twice. */
#include "audit/rapl.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first line of dir/zone/file; false where it cannot be read. */
static bool read_line(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "re");
    if (!f) return false;
    const bool fine = fgets(out, (int)size, f) != NULL;
    fclose(f);
    if (fine) out[strcspn(out, "\n")] = '\0';
    return fine;
}

static bool read_count(const char *path, double *out)
{
    char line[64], *end;
    if (!read_line(path, line, sizeof line) || line[0] < '0' || line[0] > '9') return false;
    errno = 0;
    const unsigned long long v = strtoull(line, &end, 10);
    *out = (double)v;
    return errno == 0 && *end == '\0';
}

static bool is_counted(const char *dir)
{
    char path[ONUS_RAPL_PATH], name[64];
    const int n = snprintf(path, sizeof path, "%s/name", dir);
    if (n < 0 || (size_t)n >= sizeof path || !read_line(path, name, sizeof name)) return false;
    return strncmp(name, "package", 7) == 0 || strcmp(name, "dram") == 0;
}

static void add_zone(onus_rapl *r, const char *dir)
{
    char path[ONUS_RAPL_PATH];
    if (r->n_zones == ONUS_RAPL_ZONES || !is_counted(dir)) return;
    const int k = r->n_zones;
    int n = snprintf(r->zone[k].path, sizeof r->zone[k].path, "%s/energy_uj", dir);
    if (n < 0 || (size_t)n >= sizeof r->zone[k].path) return;
    if (!read_count(r->zone[k].path, &r->zone[k].last_uj)) return;
    n = snprintf(path, sizeof path, "%s/max_energy_range_uj", dir);
    if (n < 0 || (size_t)n >= sizeof path || !read_count(path, &r->zone[k].wrap_uj))
        r->zone[k].wrap_uj = 0;
    r->n_zones++;
}

bool onus_rapl_open(onus_rapl *r, const char *powercap)
{
    *r = (onus_rapl){.n_zones = 0};
    DIR *d = opendir(powercap);
    if (!d) return false;
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        char dir[ONUS_RAPL_PATH];
        if (strncmp(e->d_name, "intel-rapl:", 11) != 0) continue;
        const int n = snprintf(dir, sizeof dir, "%s/%s", powercap, e->d_name);
        if (n > 0 && (size_t)n < sizeof dir) add_zone(r, dir);
    }
    closedir(d);
    return r->n_zones > 0;
}

void onus_rapl_read(onus_rapl *r)
{
    for (int k = 0; k < r->n_zones; k++) {
        double now;
        if (!read_count(r->zone[k].path, &now)) {
            r->lost = true;
            continue;
        }
        double used = now - r->zone[k].last_uj;
        if (used < 0 && r->zone[k].wrap_uj >= r->zone[k].last_uj) used += r->zone[k].wrap_uj;
        if (used < 0) {
            r->lost = true;
            used = 0;
        }
        r->joules += used * 1e-6;
        r->zone[k].last_uj = now;
    }
}
