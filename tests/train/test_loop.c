/* SPDX-License-Identifier: Apache-2.0
 * Goal: the loop learns, and ends in the same bits whatever runs it. Method: a small net on the
 * German credit table; what must hold is a property (loss falls, equal hashes), an optimum
 * found by another program, or plain arithmetic done again here. */
#include "training.h"

static onus_dataset *credit;

static int open_credit(void **state)
{
    (void)state;
    credit = open_data(&credit_spec);
    return 0;
}

static int close_credit(void **state)
{
    (void)state;
    onus_dataset_close(credit);
    remove_room(make_room());
    return 0;
}

static void loss_falls(void **state)
{
    (void)state;
    setting s = usual(credit);
    s.spec.epochs = 20;
    outcome o;
    train_well(&s, &o);
    assert_true(said_number(&o.said, "train.epoch", "train.loss", 19) <
                0.8 * said_number(&o.said, "train.epoch", "train.loss", 0));
    assert_int_equal(o.result.epochs_run, 20);
    assert_int_equal(o.result.steps, 20 * 11); /* 700 rows in batches of 64: 10 and a part */
    release(&o);
}

/* Every instruction set, 1 to 3 threads: one hash, and everything said is the same. */
static void bits_do_not_depend_on_the_machine(void **state)
{
    (void)state;
    setting s = usual(credit);
    s.model.dropout = 0.2;
    outcome first;
    train_well(&s, &first);
    char *claims = said_claims(&first.said);
    for (int isa = 0; isa < ONUS_ISA_COUNT; isa++) {
        for (int threads = 1; threads <= 3; threads++) {
            if (!onus_kernels_of((onus_isa)isa)) continue;
            outcome o;
            s.isa = (onus_isa)isa;
            s.threads = threads;
            train_well(&s, &o);
            char *mine = said_claims(&o.said);
            assert_memory_equal(o.sha, first.sha, 32);
            assert_string_equal(mine, claims);
            free(mine);
            release(&o);
        }
    }
    free(claims);
    release(&first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_falls),
        cmocka_unit_test(bits_do_not_depend_on_the_machine),
    };
    if (!onus_crypto_start()) return 1;
    return cmocka_run_group_tests(tests, open_credit, close_credit);
}
