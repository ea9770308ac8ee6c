/* SPDX-License-Identifier: Apache-2.0
 * sha_blocks.h - SHA-256's compression by the processor's own instructions. Only hash.c and its
 * test include this. */
#ifndef ONUS_BASE_SHA_BLOCKS_H
#define ONUS_BASE_SHA_BLOCKS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
bool onus_sha_blocks_can(void);
/* n blocks of 64 bytes into the state (FIPS 180-4, 6.2.2); only where onus_sha_blocks_can. */
void onus_sha_blocks(uint32_t state[8], const uint8_t *data, size_t n);
#endif
