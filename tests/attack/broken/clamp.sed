# src/op/terms.c, refuted by ghost_*: norms of pairs as binary32 finds them, also below 0, and gradients made in binary32 as if exact
s/pairs_norm2(k, t, example, at) + off \* reach \* reach + under/pairs_norm2(k, t, example, at) + 0 * (off + under)/
s/\* UP + chain_error(t->rows) \* reach +/+ 0 */
s/b->norm2 + SLACK \* b->reach2/fmax(b->norm2, 0)/
s/const double off = chain_error(n) + (double)(T \* S) \* 0x1p-52;/const double off = 0;/
s/+ 0x1p-51 \* reach;/;/
s/if (w \* reach > ONUS_REACH \* clip).*//
