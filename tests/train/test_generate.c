/* SPDX-License-Identifier: Apache-2.0
 * Goal: text that a model writes is drawn by its probabilities, the same whoever shares the
 * batch. Method: a net whose logits are known (an embedding of its own logits, one position at
 * a time); greedy text by hand, draws by their shares, contexts shorter than the text. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "num/kernels.h"
#include "train/train.h"

enum { V = 4, CONTEXT = 3 };

/* logits[t] = row x[t] of a table: what follows depends on the last token alone. */
static onus_net *chain(const float table[V][V])
{
    onus_net *net;
    int node, loss;
    const int input = 0;
    const onus_shape in = {1, {CONTEXT}};
    const onus_attr_value attrs[] = {{"rows", V}, {"width", V}};
    assert_int_equal(onus_net_create(&net, &in, NULL, NULL), ONUS_OK);
    assert_int_equal(onus_net_add(net, "embedding", "e", &input, 1, attrs, 2, &node, NULL), 0);
    assert_int_equal(
        onus_net_add(net, "softmax_cross_entropy", "loss", &node, 1, NULL, 0, &loss, NULL), 0);
    assert_int_equal(onus_net_seal(net, node, node, loss, NULL), ONUS_OK);
    memcpy(onus_net_params(net), table, sizeof(float) * V * V);
    return net;
}

/* 0 -> 2 -> 1 -> 3 -> 0: the likeliest. */
static void the_likeliest_by_hand(void **state)
{
    (void)state;
    static const float table[V][V] = {
        {0, 1, 2, 1}, {0, 0, 0, 5}, {1, 3, 2, 2.5f}, {4, 4, 1, 4}};
    static const int32_t want[] = {0, 2, 1, 3, 0, 2, 1, 3};
    onus_net *net = chain(table);
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    int32_t ids[8] = {0};
    const onus_generation g = {.n = 1, .given = 1, .more = 7};
    assert_int_equal(onus_generate(net, &ex, &g, ids, NULL, NULL), ONUS_OK);
    assert_memory_equal(ids, want,
                        sizeof want); /* of equals (row 3) the first; past the context */
    onus_net_destroy(net);
}

/* Every token next with probabilities 1/2, 1/4, 1/8, 1/8, whatever stood there: 4,000 draws lie
 * within four deviations; another seed draws others; half the temperature squares the odds. A
 * text alone is the text in a batch. */
static void draws_have_their_shares(void **state)
{
    (void)state;
    enum { MORE = 1000, TEXTS = 4 };
    static const float half = 0.69314718f;
    const float row[V] = {3 * half, 2 * half, half, half};
    float table[V][V];
    static int32_t ids[TEXTS][1 + MORE], other[TEXTS][1 + MORE], alone[1 + MORE];
    for (int i = 0; i < V; i++) memcpy(table[i], row, sizeof row);
    onus_net *net = chain(table);
    const onus_exec ex = {.k = onus_kernels_of(onus_isa_best())};
    onus_generation g = {.n = TEXTS, .given = 1, .more = MORE, .temperature = 1, .seed = 5};
    assert_int_equal(onus_generate(net, &ex, &g, ids[0], NULL, NULL), ONUS_OK);
    const double want[2][V] = {{0.5, 0.25, 0.125, 0.125},
                               {16.0 / 22, 4.0 / 22, 1.0 / 22, 1.0 / 22}};
    for (int cold = 0; cold < 2; cold++) {
        int64_t count[V] = {0};
        for (int t = 0; t < TEXTS; t++)
            for (int i = 1; i <= MORE; i++) count[ids[t][i]]++;
        for (int k = 0; k < V; k++) {
            const double n = TEXTS * MORE, p = want[cold][k];
            assert_float_equal((double)count[k], n * p, 4 * sqrt(n * p * (1 - p)));
        }
        g.temperature = 0.5;
        if (cold == 0) {
            memcpy(other, ids, sizeof ids);
            memset(ids, 0, sizeof ids);
            assert_int_equal(onus_generate(net, &ex, &g, ids[0], NULL, NULL), ONUS_OK);
        }
    }
    g.n = 1;
    g.temperature = 1;
    assert_int_equal(onus_generate(net, &ex, &g, alone, NULL, NULL), ONUS_OK);
    assert_memory_equal(alone, other[0], sizeof alone);
    g.seed = 6;
    memset(alone, 0, sizeof alone);
    assert_int_equal(onus_generate(net, &ex, &g, alone, NULL, NULL), ONUS_OK);
    assert_memory_not_equal(alone, other[0], sizeof alone);
    for (int high = 0; high < 2; high++) { /* no token of the model's */
        onus_err err = {.msg = ""};
        alone[0] = high ? V : -1;
        assert_int_equal(onus_generate(net, &ex, &g, alone, NULL, &err), ONUS_BAD_ARG);
        assert_non_null(strstr(err.msg, high ? "token 0 of text 0 is 4, the model has 0 to 3"
                                             : "token 0 of text 0 is -1"));
    }
    alone[0] = V - 1;
    assert_int_equal(onus_generate(net, &ex, &g, alone, NULL, NULL), ONUS_OK);
    g.given = 0;
    assert_int_equal(onus_generate(net, &ex, &g, alone, NULL, NULL), ONUS_BAD_ARG);
    onus_net_destroy(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_likeliest_by_hand),
        cmocka_unit_test(draws_have_their_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
