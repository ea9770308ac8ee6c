/* SPDX-License-Identifier: Apache-2.0
 * energy.c - the meter of a run.
 *
 * With RAPL the joules are the processors' and, where it has a counter, the memory's: of the
 * whole machine, other programs included. Their makers publish no error, so none is given.
 *
 * Without it the joules are processor time times a power for one busy processor. Published
 * figures span a factor of 3.4: 3.5 W for a fully busy hardware thread of a cloud server (Cloud
 * Carbon Footprint, "Methodology", section Compute, from SPECpower measurements: 3.5 W
 * AWS, 3.76 W Azure, 4.26 W Google, https://www.cloudcarbonfootprint.org/docs/methodology) and
 * 12 W for a core of an unknown processor (Green Algorithms: Lannelongue, Grealey and Inouye
 * 2021, Advanced Science 8:2100707, its table of processors). Both ends are the bounds, their
 * geometric mean the estimate. Memory, disks, fans, power supply and cooling are not in it. */
#include "audit/energy.h"

#include <math.h>
#include <string.h>

#include "audit/rapl.h"
#include "base/clock.h"
#include "base/fail.h"

const double onus_watts = 6.5; /* sqrt(3.5 x 12) = 6.48 */
static const double watts_low = 3.5, watts_high = 12;
static const double read_every_s = 0.2;
static const double joules_per_kwh = 3.6e6;

enum { PHASES_MAX = 16, NAME_MAX_LEN = 32 };

typedef struct {
    char name[NAME_MAX_LEN];
    double joules, seconds;
} phase;

struct onus_meter {
    const onus_allocator *mem;
    const onus_grid *grid;
    onus_rapl rapl;
    bool has_rapl;
    double began_s, began_cpu_s;  /* at open */
    double read_s, cpu_s, joules; /* last reading; cpu_s since open */
    phase phases[PHASES_MAX];
    int n_phases, current;        /* current -1: none yet */
    double phase_s, phase_joules; /* when the current phase began */
};

static void read_now(onus_meter *m, double now_s)
{
    m->read_s = now_s;
    m->cpu_s = onus_clock_cpu_s() - m->began_cpu_s;
    if (m->has_rapl) {
        onus_rapl_read(&m->rapl);
        m->joules = m->rapl.joules;
    } else {
        m->joules = onus_watts * m->cpu_s;
    }
}

onus_status onus_meter_open_at(onus_meter **out, const char *powercap, const char *region,
                               const onus_allocator *mem, onus_err *err)
{
    const onus_grid *grid = NULL;
    onus_status st = onus_grid_find(&grid, region, err);
    if (st != ONUS_OK) return st;
    onus_meter *m = onus_alloc(mem, 1, sizeof *m);
    if (!m) return onus_fail_mem(err, "energy meter");
    m->mem = mem;
    m->grid = grid;
    m->has_rapl = onus_rapl_open(&m->rapl, powercap);
    m->began_s = m->read_s = onus_clock_s();
    m->began_cpu_s = onus_clock_cpu_s();
    m->current = -1;
    *out = m;
    return ONUS_OK;
}

onus_status onus_meter_open(onus_meter **out, const char *region, const onus_allocator *mem,
                            onus_err *err)
{
    return onus_meter_open_at(out, "/sys/class/powercap", region, mem, err);
}

void onus_meter_close(onus_meter *m)
{
    if (m) onus_free(m->mem, m);
}

double onus_meter_joules(onus_meter *m)
{
    const double now_s = onus_clock_s();
    if (now_s - m->read_s >= read_every_s) read_now(m, now_s);
    return m->joules;
}

/* ---- phases ------------------------------------------------------------------------------ */

static void end_phase(onus_meter *m)
{
    read_now(m, onus_clock_s());
    if (m->current >= 0) {
        m->phases[m->current].joules += m->joules - m->phase_joules;
        m->phases[m->current].seconds += m->read_s - m->phase_s;
    }
    m->phase_s = m->read_s;
    m->phase_joules = m->joules;
}

void onus_meter_phase(onus_meter *m, const char *name)
{
    end_phase(m);
    int k = 0;
    while (k < m->n_phases && strcmp(m->phases[k].name, name) != 0) k++;
    if (k == PHASES_MAX || strlen(name) >= NAME_MAX_LEN) {
        m->current = -1; /* more phases than anyone names: counted in the whole only */
        return;
    }
    if (k == m->n_phases) strcpy(m->phases[m->n_phases++].name, name);
    m->current = k;
}

/* ---- the event --------------------------------------------------------------------------- */

static void put_bounds(onus_event_builder *b, const char *name, double value, double lower,
                       double upper)
{
    onus_event_real(b, value, "%s", name);
    onus_event_real(b, lower, "%s.lower", name);
    onus_event_real(b, upper, "%s.upper", name);
}

static void put_joules(const onus_energy_found *f, onus_event_builder *b, double lower,
                       double upper)
{
    put_bounds(b, "energy.joules", f->joules, lower, upper);
    if (f->rapl) {
        onus_event_text(b, "rapl", "energy.method");
        onus_event_text(b,
                        "none: measured by the processors' own counters, of the whole machine",
                        "energy.power_model");
        onus_event_text(b, "Linux powercap, intel-rapl: packages and memory", "energy.source");
        onus_event_text(b,
                        f->lost ? "a counter was lost on the way: too low"
                                : "the counters' makers publish no error",
                        "energy.joules.reason");
    } else {
        onus_event_text(b, "processor time times a power model", "energy.method");
        onus_event_text(b, "6.5 W for a busy processor, 3.5 to 12 W", "energy.power_model");
        onus_event_text(
            b,
            "lower: Cloud Carbon Footprint, https://www.cloudcarbonfootprint.org/"
            "docs/methodology; upper: Green Algorithms, doi:10.1002/advs.202100707; "
            "estimate: their geometric mean; the processor alone",
            "energy.source");
    }
}

static void put_carbon(const onus_energy_found *f, onus_event_builder *b, double lower,
                       double upper)
{
    const double grams = f->grid->grams_per_kwh / joules_per_kwh;
    put_bounds(b, "carbon.grams", f->joules * grams, lower * grams, upper * grams);
    onus_event_real(b, f->grid->grams_per_kwh, "carbon.intensity");
    onus_event_text(b, f->grid->region, "carbon.region");
    onus_event_text(b, onus_grid_source, "carbon.source");
    onus_event_int(b, ONUS_GRID_YEAR, "carbon.year");
    /* Software Carbon Intensity, (E I + M) / R, ISO/IEC 21031: R is this run */
    onus_event_text(b, "this run", "sci.per");
    onus_event_real(b, f->joules * grams, "sci.operational");
    onus_event_undefined(b, "sci");
    onus_event_text(b, "embodied emissions (M) of this machine are not known", "sci.reason");
}

void onus_energy_put(onus_event_builder *b, const onus_energy_found *f)
{
    const double lower = f->rapl ? NAN : f->joules / onus_watts * watts_low,
                 upper = f->rapl ? NAN : f->joules / onus_watts * watts_high;
    put_joules(f, b, lower, upper);
    put_carbon(f, b, lower, upper);
}

onus_status onus_meter_emit(onus_meter *m, double multiply_adds, const onus_sink *sink,
                            onus_err *err)
{
    onus_event_builder b;
    onus_event_init(&b, m->mem);
    end_phase(m);
    const onus_energy_found found = {
        .joules = m->joules, .rapl = m->has_rapl, .lost = m->rapl.lost, .grid = m->grid};
    onus_event_begin(&b, "energy");
    onus_event_observed(&b, true);
    onus_energy_put(&b, &found);
    onus_event_real(&b, m->read_s - m->began_s, "energy.seconds");
    onus_event_real(&b, m->cpu_s, "energy.cpu_seconds");
    for (int k = 0; k < m->n_phases; k++) {
        onus_event_real(&b, m->phases[k].joules, "energy.phase.%s.joules", m->phases[k].name);
        onus_event_real(&b, m->phases[k].seconds, "energy.phase.%s.seconds", m->phases[k].name);
    }
    if (multiply_adds > 0) onus_event_real(&b, multiply_adds, "energy.multiply_adds");
    const onus_status st = onus_event_emit(&b, sink, err);
    onus_event_release(&b);
    return st;
}
