/* SPDX-License-Identifier: Apache-2.0
 * energy.h - joules and carbon. RAPL (powercap) where readable, else processor time times a
 * named power model with its uncertainty. All of it is observed, never claimed: no replay can
 * find the same joules. */
#ifndef ONUS_AUDIT_ENERGY_H
#define ONUS_AUDIT_ENERGY_H
#include "audit/carbon.h"
#include "base/event.h"
typedef struct onus_meter onus_meter;
/* region: "DE", "FR", "WORLD", ... an unknown one is ONUS_BAD_INPUT that lists the known
 * ones. */
onus_status onus_meter_open(onus_meter **out, const char *region, const onus_allocator *mem,
                            onus_err *err) ONUS_CHECKED;
/* The same with the counters of another directory than /sys/class/powercap. */
onus_status onus_meter_open_at(onus_meter **out, const char *powercap, const char *region,
                               const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
void onus_meter_close(onus_meter *m);
/* Joules since open, never falling; cheap enough for a progress bar (reads at most 5 times a
 * second, between reads the last value). */
double onus_meter_joules(onus_meter *m);
/* Names the phase that begins now ("data", "train", "evaluate", ...): its joules are told apart
 * in the event. A name that was there before goes on. */
void onus_meter_phase(onus_meter *m, const char *name);
/* What a meter found, and what follows from it: joules with their bounds, method and source,
 * carbon and SCI. */
typedef struct {
    double joules;
    bool rapl, lost; /* lost: a counter was */
    const onus_grid *grid;
} onus_energy_found;
void onus_energy_put(onus_event_builder *b, const onus_energy_found *f);
extern const double onus_watts; /* of a busy processor, where there are no counters */
/* "energy" event, all observed: energy.joules, .joules.lower, .joules.upper, .method,
 * .power_model, .source, .seconds, .cpu_seconds, energy.phase.NAME.{joules,seconds},
 * carbon.grams(+.lower/.upper), carbon.intensity, carbon.region, carbon.source, carbon.year,
 * sci, sci.operational. multiply_adds: of the training, 0 where unknown. */
onus_status onus_meter_emit(onus_meter *m, double multiply_adds, const onus_sink *sink,
                            onus_err *err) ONUS_CHECKED;
#endif
