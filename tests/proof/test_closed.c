/* SPDX-License-Identifier: Apache-2.0
 * Goal: a ledger whose numbers contradict each other is refused. Method: audits make
 * real events of random rows; as they are, all of them pass. Then every number in them is
 * changed, one at a time (recomputed.h), and must be refused. */
#include "recomputed.h"

/* ---- rows as a ledger tells of them ------------------------------------------------------ */

static const char *const tasks[] = {[ONUS_TASK_BINARY] = "binary",
                                    [ONUS_TASK_CLASSES] = "classes",
                                    [ONUS_TASK_REGRESSION] = "regression",
                                    [ONUS_TASK_LABELS] = "labels"};

static void put_classes(world *w, const onus_predictions *p)
{
    const int64_t L = p->task == ONUS_TASK_LABELS ? p->n_labels : 1;
    char label[160] = "", part[64];
    if (L > 1) onus_event_texts(&w->b, p->label_names, L, "data.labels");
    for (int64_t l = 0; p->n_classes > 0 && l < L; l++) {
        if (L > 1) {
            assert_int_equal(onus_name_part(part, sizeof part, p->label_names[l], NULL), 0);
            snprintf(label, sizeof label, ".%s", part);
        }
        const int64_t listed = p->n_classes < 1000 ? p->n_classes : 1000;
        onus_event_texts(&w->b, p->class_names + l * p->n_classes, listed, "data.classes%s",
                         label);
        for (int64_t c = 0; c < listed; c++) {
            int64_t n = 0;
            for (int64_t i = 0; i < p->n; i++) n += p->label[i * L + l] == (float)c;
            onus_event_int(&w->b, n, "data.label%s.%s.test", label,
                           p->class_names[l * p->n_classes + c]);
            onus_event_int(&w->b, c == 0 ? 100 : 0, "data.label%s.%s.train", label,
                           p->class_names[l * p->n_classes + c]);
            onus_event_int(&w->b, 0, "data.label%s.%s.valid", label,
                           p->class_names[l * p->n_classes + c]);
        }
    }
}

static void put_groups(world *w, const onus_predictions *p)
{
    const char *names[4];
    for (int64_t a = 0; a < p->n_attributes; a++) {
        const onus_attribute *of = &p->attributes[a];
        names[a] = of->name;
        onus_event_texts(&w->b, of->group_names, of->n_groups, "data.groups.%s", of->name);
        for (int64_t g = 0; g < of->n_groups; g++) {
            int64_t n = 0;
            for (int64_t i = 0; i < p->n; i++) n += of->group[i] == g;
            onus_event_int(&w->b, n, "data.group.%s.%s.test", of->name, of->group_names[g]);
        }
    }
    onus_event_texts(&w->b, names, p->n_attributes, "data.attributes");
}

static void tell(world *w, const onus_predictions *p)
{
    const onus_sink sink = begin(w, "run.begin");
    onus_event_text(&w->b, "reported", "run.ends");
    onus_event_text(&w->b, "columns", "run.input");
    onus_event_text(&w->b, "off", "run.privacy");
    onus_event_int(&w->b, p->n_attributes, "run.protected");
    onus_event_int(&w->b, 0, "run.policies");
    emit(w);
    (void)begin(w, "data.split");
    onus_event_int(&w->b, p->n + 100, "data.rows");
    onus_event_int(&w->b, 100, "data.rows.train");
    onus_event_int(&w->b, 0, "data.rows.valid");
    onus_event_int(&w->b, p->n, "data.rows.test");
    emit(w);
    (void)begin(w, "data.sheet");
    onus_event_text(&w->b, tasks[p->task], "data.task");
    onus_event_int(&w->b, 1, "data.numbers");
    onus_event_int(&w->b, 0, "data.categories");
    onus_event_int(&w->b, 1, "data.features");
    put_classes(w, p);
    put_groups(w, p);
    emit(w);
    (void)begin(w, "data.test");
    onus_event_int(&w->b, p->n, "data.test.rows");
    emit(w);
    assert_int_equal(onus_audit_quality(p, &sink, NULL, NULL), ONUS_OK);
    if (p->n_attributes) assert_int_equal(onus_audit_fairness(p, &sink, NULL, NULL), ONUS_OK);
}

static void attack_rows(const onus_predictions *p, const char *what)
{
    world w;
    open_world(&w);
    tell(&w, p);
    attack(&w, what);
    close_world(&w);
}

/* Groups at random; one in `holes` rows is in none (0: no such row). */
static void draw_groups(rows *r, const char *name, int64_t n_groups, int holes, uint32_t seed)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    static char text_of[ROWS_MAX + 1];
    draws d = {seed};
    for (int64_t i = 0; i < r->p.n; i++) {
        const bool hole = holes && draw_next(&d) * holes < 1;
        text_of[i] = hole ? '-' : (char)('a' + (int)(draw_next(&d) * (double)n_groups));
    }
    text_of[r->p.n] = '\0';
    rows_group(r, name, text_of, n_groups, names);
}

static rows shared;

static void two_classes_and_groups(void **state)
{
    (void)state;
    rows_binary(&shared, 160, 7, 0.5, 16);
    draw_groups(&shared, "sex", 2, 0, 1);
    draw_groups(&shared, "age", 3, 9, 2);
    draw_groups(&shared, "where", 2, 0, 3);
    attack_rows(&shared.p, "two classes, three attributes");
}

static void few_positives(void **state)
{
    (void)state;
    rows_binary(&shared, 90, 11, 0.1, 64);
    draw_groups(&shared, "sex", 3, 20, 4);
    attack_rows(&shared.p, "two classes, few positive");
}

static void one_class_alone(void **state)
{
    (void)state;
    rows_binary(&shared, 40, 13, 0, 8);
    draw_groups(&shared, "sex", 2, 0, 5);
    attack_rows(&shared.p, "two classes, none positive");
}

/* The curve of so many scores is thinned. */
static void many_corners(void **state)
{
    (void)state;
    rows_binary(&shared, 1500, 17, 0.5, 1 << 20);
    world w;
    open_world(&w);
    tell(&w, &shared.p);
    assert_int_equal(judge(&w, w.event, NULL), ONUS_OK);
    int scores = -1;
    for (int i = 0; i < w.n; i++)
        if (onus_event_find(&w.event[i], "roc.fpr")) scores = i;
    assert_int_equal(onus_event_find(&w.event[scores], "roc.fpr")->n, 256);
    /* an area that the kept corners do not allow */
    onus_field fields[64];
    onus_event events[EVENTS_MAX];
    memcpy(events, w.event, sizeof events);
    memcpy(fields, w.event[scores].fields, (size_t)w.event[scores].n_fields * sizeof *fields);
    events[scores].fields = fields;
    for (int64_t k = 0; k < w.event[scores].n_fields; k++)
        if (strcmp(fields[k].name, "auc") == 0) fields[k].r += 0.02;
    assert_int_equal(judge(&w, events, NULL), ONUS_TAMPER);
    close_world(&w);
}

static void more_classes(void **state)
{
    (void)state;
    rows_classes(&shared, 150, 4, 3);
    draw_groups(&shared, "sex", 2, 0, 6);
    draw_groups(&shared, "age", 4, 12, 7);
    attack_rows(&shared.p, "four classes, two attributes");
}

/* Of more than 32 classes cells that are zero are left out; of more than 1,000 not all are
 * listed, and the accuracy still follows. */
static void very_many_classes(void **state)
{
    (void)state;
    enum { N = 3000, K = 1100 };
    static char name[K][24];
    static const char *names[K];
    static float label[N];
    static int32_t decision[N];
    const int64_t some[] = {40, K};
    for (int64_t c = 0; c < K; c++) {
        snprintf(name[c], sizeof name[c], "k%lld", (long long)c);
        names[c] = name[c];
    }
    for (int s = 0; s < 2; s++) {
        draws d = {99};
        for (int i = 0; i < N; i++) {
            label[i] = (float)floor(draw_next(&d) * (double)some[s]);
            decision[i] =
                i % 3 ? (int32_t)label[i] : (int32_t)(draw_next(&d) * (double)some[s]);
        }
        const onus_predictions p = {.task = ONUS_TASK_CLASSES,
                                    .n = N,
                                    .n_classes = some[s],
                                    .class_names = names,
                                    .label = label,
                                    .decision = decision};
        world w;
        onus_err err = {.code = ONUS_OK};
        open_world(&w);
        tell(&w, &p);
        w.n--; /* no scores, which a run always has */
        if (judge(&w, w.event, &err) != ONUS_OK) fail_msg("%s", err.msg);
        onus_field *f = field_of(&w, "metric", "accuracy");
        f->r = nextafter(f->r, 1);
        assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
        close_world(&w);
    }
}

/* Cells and groups are not left out to hide what they would tell. */
static void nothing_is_hidden(void **state)
{
    (void)state;
    static const char *const hidden[][2] = {
        {"confusion.no.no", "confusion.reason"},
        {"fairness.sex.missing", "fairness.sex.reason"},
        {"fairness.sex+age.missing", "fairness.sex+age.reason"}};
    rows_binary(&shared, 100, 7, 0.5, 16);
    draw_groups(&shared, "sex", 2, 0, 1);
    draw_groups(&shared, "age", 3, 0, 2);
    world w;
    open_world(&w);
    tell(&w, &shared.p);
    for (size_t h = 0; h < sizeof hidden / sizeof *hidden; h++) {
        onus_field *f = field_of(&w, h == 0 ? "metric" : "fairness", hidden[h][0]), was = *f;
        f->name = hidden[h][1];
        f->kind = ONUS_FIELD_TEXT;
        f->text = "too many";
        if (judge(&w, w.event, NULL) != ONUS_TAMPER) fail_msg("%s is believed", hidden[h][1]);
        *f = was;
    }
    assert_int_equal(judge(&w, w.event, NULL), ONUS_OK);
    close_world(&w);
}

static void several_labels(void **state)
{
    (void)state;
    rows_labels(&shared, 60, 5);
    draw_groups(&shared, "sex", 2, 15, 8);
    attack_rows(&shared.p, "three labels, an attribute");
}

static void several_labels_with_holes(void **state)
{
    (void)state;
    rows_labels(&shared, 60, 6);
    for (int64_t i = 0; i < 60 * 3; i += 7) shared.label[i] = -1;
    attack_rows(&shared.p, "three labels with holes");
}

static void numbers_and_groups(void **state)
{
    (void)state;
    rows_numbers(&shared, 80, 9);
    draw_groups(&shared, "sex", 2, 0, 9);
    draw_groups(&shared, "age", 3, 0, 10);
    attack_rows(&shared.p, "numbers, two attributes");
}

static void no_rows(void **state)
{
    (void)state;
    rows_numbers(&shared, 1, 9);
    attack_rows(&shared.p, "numbers, one row");
    rows_binary(&shared, 1, 9, 0.5, 4);
    world w;
    open_world(&w);
    tell(&w, &shared.p);
    onus_err err = {.code = ONUS_OK};
    if (judge(&w, w.event, &err) != ONUS_OK) fail_msg("%s", err.msg);
    close_world(&w);
}

/* ---- groups that are withheld ------------------------------------------------------------ */

/* Two groups of the attribute are told; a third one, and how many are in none, are withheld. */
static void withhold(world *w, const char *set)
{
    char begin[64], odds[96];
    snprintf(begin, sizeof begin, "fairness.%s.", set);
    snprintf(odds, sizeof odds, "%saverage_odds_difference", begin);
    onus_event *e = &w->event[w->n - 1];
    onus_field *f = onus_arena_alloc(&w->arena, (size_t)e->n_fields + 1, sizeof *f);
    int64_t n = 0;
    for (int64_t k = 0; k < e->n_fields; k++) {
        onus_field *to = &f[n];
        *to = e->fields[k];
        const char *name = to->name + strlen(begin);
        const char *bound = strstr(name, "_ratio") ? ".lower" : ".upper";
        if (strcmp(name, "missing") == 0 || strcmp(name, "empty") == 0 ||
            (strncmp(name, "group.", 6) != 0 && ends_with(name, bound)))
            to->kind = ONUS_FIELD_UNDEFINED;
        if (strncmp(to->name, odds, strlen(odds)) == 0) { /* it has a sign: no value at all */
            if (ends_with(name, ".first") || ends_with(name, ".second") ||
                ends_with(name, ".method"))
                continue;
            if (ends_with(name, ".n"))
                to->i = 0;
            else
                to->kind = ONUS_FIELD_UNDEFINED;
        }
        n++;
    }
    strcat(begin, "withheld");
    f[n++] = (onus_field){.name = copy_text(w, begin), .kind = ONUS_FIELD_TEXT, .text = "few"};
    e->fields = f;
    e->n_fields = n;
}

static void tell_withheld(world *w, const char *set)
{
    rows_binary(&shared, 120, 21, 0.5, 16);
    draw_groups(&shared, set, 3, 0, 11);
    for (int64_t i = 0; i < shared.p.n; i++)
        if (shared.group[0][i] == 2) shared.group[0][i] = -1;
    shared.attribute[0].n_groups = 2;
    open_world(w);
    tell(w, &shared.p);
    withhold(w, set);
}

/* What a gap's name says is no matter of the attribute's: debt_ratio is as good as sex. */
static void attributes_have_any_name(void **state)
{
    (void)state;
    static const char *const names[] = {"sex", "debt_ratio", "average_odds_difference"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        world w;
        char bound[128];
        onus_err err = {.code = ONUS_OK};
        tell_withheld(&w, names[i]);
        if (judge(&w, w.event, &err) != ONUS_OK) fail_msg("%s: %s", names[i], err.msg);
        snprintf(bound, sizeof bound, "fairness.%s.demographic_parity_difference.lower",
                 names[i]);
        field_of(&w, "fairness", bound)->r += 1e-3;
        assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
        close_world(&w);
    }
}

/* What the groups that are told determine is still held. */
static void withheld_groups_take_no_part(void **state)
{
    (void)state;
    world w;
    tell_withheld(&w, "sex");
    static const char *const held[] = {
        "fairness.sex.group.a.n",
        "fairness.sex.group.a.selected",
        "fairness.sex.group.b.tpr",
        "fairness.sex.group.b.fpr.upper",
        "fairness.sex.demographic_parity_difference",
        "fairness.sex.demographic_parity_difference.lower",
        "fairness.sex.demographic_parity_ratio",
        "fairness.sex.equalized_odds_ratio.upper",
    };
    for (size_t h = 0; h < sizeof held / sizeof *held; h++) {
        onus_field *f = field_of(&w, "fairness", held[h]);
        const onus_field was = *f;
        double room[1];
        change(f, &was, 0, 1, true, room);
        if (judge(&w, w.event, NULL) != ONUS_TAMPER) fail_msg("'%s' may be changed", held[h]);
        *f = was;
    }
    close_world(&w);
}

static onus_status judge_with(const onus_allocator *mem, void *ctx, onus_err *err)
{
    const world *w = ctx;
    return judge_from(w, w->event, 0, mem, err);
}

static void memory_ends(void **state)
{
    (void)state;
    world w;
    for (int k = 0; k < 3; k++) {
        if (k == 0)
            rows_binary(&shared, 30, 21, 0.5, 16);
        else if (k == 1)
            rows_labels(&shared, 30, 21);
        else
            rows_numbers(&shared, 30, 21);
        draw_groups(&shared, "sex", 2, 0, 11);
        open_world(&w);
        tell(&w, &shared.p);
        failing_mem_walk("ledger", judge_with, &w);
        close_world(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_classes_and_groups),
        cmocka_unit_test(few_positives),
        cmocka_unit_test(one_class_alone),
        cmocka_unit_test(many_corners),
        cmocka_unit_test(more_classes),
        cmocka_unit_test(very_many_classes),
        cmocka_unit_test(nothing_is_hidden),
        cmocka_unit_test(several_labels),
        cmocka_unit_test(several_labels_with_holes),
        cmocka_unit_test(numbers_and_groups),
        cmocka_unit_test(no_rows),
        cmocka_unit_test(withheld_groups_take_no_part),
        cmocka_unit_test(attributes_have_any_name),
        cmocka_unit_test(memory_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
