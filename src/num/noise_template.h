/* SPDX-License-Identifier: Apache-2.0
 * noise_template.h - the sampler of private training's noise, in plain loops. Included by
 * elem_template.h, whose bits and small sines it uses, for each instruction set.
 *
 * A pair of normals (Box and Muller 1958) is made of four words, a normal being sqrt(-2 log U)
 * times the cosine or sine of a uniform angle. What is proven of it (docs/PRIVACY.md) is a
 * distance, not a likeness: U's first 148 bits and the angle's first 64 are drawn, the ideal
 * pair has the same ones and goes on for ever, and each computed normal lies within
 * ONUS_NOISE_ERR deviations of the ideal one, unless U < 2^-100. So every step below keeps the
 * relative error of log U at both of its ends, near 0 and near 1, and all errors are those of
 * roundings and of series that were cut; none is only measured.
 *
 * Time does not depend on the draw: no branch, no table, no second try.
 *
 * Layout: 8 pairs a group, so that vectors load words that stand side by side: words 0 to 7 are
 * the first ones of the 8 pairs, 8 to 15 the second ones, and so on; out: 8 cosines, 8 sines.
 */

/* 32 bits as binary64, exactly: no instruction set before AVX-512 converts 64-bit lanes. */
static inline double from_u32(uint64_t v)
{
    return double_of(v | UINT64_C(0x4330000000000000)) - 0x1p52; /* 2^52 + v */
}

/* -log U. U's 148 bits, and a half of the last one's worth: w0, w1, the low 20 bits of w3.
 * From 3/4 on, U's two top bits, all bits are flipped, which is t = 1 - U, and -log(1 - t) has
 * its own relative accuracy where a U next to 1 would have none. t: three roundings of positive
 * sums, the first sum being exact in 53 bits. */
static inline double noise_log(uint64_t w0, uint64_t w1, uint64_t w3)
{
    const uint64_t low32 = UINT64_C(0xffffffff);
    const uint64_t flip = 0 - ((w0 >> 63) & (w0 >> 62));
    const uint64_t a = w0 ^ flip, b = w1 ^ flip, c = (w3 ^ flip) & 0xfffff;
    double t = (from_u32(c) + 0.5) * 0x1p-20 + from_u32(b & low32);
    t = t * 0x1p-32 + from_u32(b >> 32);
    t = t * 0x1p-32 + from_u32(a & low32);
    t = t * 0x1p-32 + from_u32(a >> 32);
    t = t * 0x1p-32;
    /* t = 2^e m, m in [sqrt(1/2), sqrt 2) */
    const uint64_t bits = bits_of(t);
    const uint64_t shifted = bits - UINT64_C(0x3fe6a09e667f3bcd);
    const uint64_t exponent = shifted & UINT64_C(0xfff0000000000000);
    const double m = double_of(bits - exponent);
    /* the exponent as a number: its 12 bits, made positive, as the low bits of 2^52 + . */
    const double power = from_u32((shifted + (UINT64_C(2048) << 52)) >> 52) - 2048.0;
    const double e = double_of(bits_of(power) & ~flip);
    const double f = double_of((bits_of(m - 1.0) & ~flip) | (bits_of(-t) & flip));
    /* log(1 + f) = 2 s (1 + s^2/3 + s^4/5 + ...), s = f / (2 + f), |s| <= 0.172, to s^21: what
     * is cut off is below 7e-19 relative */
    const double s = f / (2.0 + f);
    const double z = s * s;
    double p = 1.0 / 21.0;
    p = fma(p, z, 1.0 / 19.0);
    p = fma(p, z, 1.0 / 17.0);
    p = fma(p, z, 1.0 / 15.0);
    p = fma(p, z, 1.0 / 13.0);
    p = fma(p, z, 1.0 / 11.0);
    p = fma(p, z, 1.0 / 9.0);
    p = fma(p, z, 1.0 / 7.0);
    p = fma(p, z, 1.0 / 5.0);
    p = fma(p, z, 1.0 / 3.0);
    p = p * z;
    const double s2 = 2.0 * s;
    return -fma(e, 0x1.62e42fefa39efp-1, fma(s2, p, s2));
}

/* The angle 2 pi (w 2^-64 - 1/8): w's two top bits are its quarter, the other 62 the place in
 * it; t in [-pi/4, pi/4), by one rounding of the place, of the factor and of the product. */
static inline double noise_angle(uint64_t w)
{
    const uint64_t place = w & UINT64_C(0x3fffffffffffffff);
    const double high = double_of((place >> 32) | UINT64_C(0x4530000000000000)) -
                        (0x1p84 + 0x1p61); /* 2^32 (place >> 32) - 2^61 */
    return (high + from_u32(place & UINT64_C(0xffffffff))) * 0x1.921fb54442d18p-62;
}

/* out[i] = RN_g(normal) + (a whole number of bits `dither`) g, exactly; RN_g is what adding 1.5
 * 2^52 g leaves, in one rounding of the last product. */
static void NAME(noise)(const onus_noise_law *law, const uint64_t *restrict u, int64_t groups,
                        double *restrict out)
{
    const double std = law->std, grid = law->grid, magic = 0x1.8p52 * grid;
    const int cut = 22 - law->dither;
    const double middle = (double)((1 << law->dither) >> 1);
    for (int64_t k = 0; k < groups; k++, u += 32, out += 16) {
        LOOP for (int i = 0; i < 8; i++)
        {
            const uint64_t turn = u[16 + i], w3 = u[24 + i];
            const double radius = sqrt(2.0 * noise_log(u[i], u[8 + i], w3)) * std;
            const double t = noise_angle(turn);
            const uint64_t quarter = turn >> 62, odd = 0 - (quarter & 1);
            const uint64_t sine = bits_of(sin_small(t)), cosine = bits_of(cos_small(t));
            const uint64_t swap = (sine ^ cosine) & odd;
            const double c = double_of((cosine ^ swap) ^ (((quarter + 1) & 2) << 62));
            const double s = double_of((sine ^ swap) ^ ((quarter & 2) << 62));
            const double dc = from_u32(((w3 >> 20) & 0x3fffff) >> cut) - middle;
            const double ds = from_u32((w3 >> 42) >> cut) - middle;
            out[i] = (fma(radius, c, magic) - magic) + dc * grid;
            out[8 + i] = (fma(radius, s, magic) - magic) + ds * grid;
        }
    }
}
