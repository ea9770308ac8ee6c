/* SPDX-License-Identifier: Apache-2.0
 * mem.h - memory by lifespan: the caller's allocator, and arenas on top of it.
 *
 * Every allocation of libonus goes through an onus_allocator, so that a test can fail any
 * one of them. Kernels allocate nothing; what a model, a step or a request needs lives in
 * an arena that is reset or released as a whole. */
#ifndef ONUS_BASE_MEM_H
#define ONUS_BASE_MEM_H
#include "onus.h"

/* n * size bytes, zeroed; NULL when memory ends or the product overflows. mem may be NULL. */
void *onus_alloc(const onus_allocator *mem, size_t n, size_t size);
/* Resizes to n * size bytes; new bytes are not cleared. On failure returns NULL, ptr stays. */
void *onus_resize(const onus_allocator *mem, void *ptr, size_t n, size_t size);
void onus_free(const onus_allocator *mem, void *ptr); /* NULL is fine */
char *onus_strdup(const onus_allocator *mem, const char *text);

/* a * b into *out; false on overflow. For sizes that come from files. */
bool onus_mul_size(size_t a, size_t b, size_t *out);

#define ONUS_ALIGN 64 /* bytes; a cache line and one AVX-512 register */

/* A bump allocator over a chain of blocks. Everything is 64-byte aligned and zeroed. */
typedef struct onus_arena_block onus_arena_block;
typedef struct {
    const onus_allocator *mem;
    onus_arena_block *first, *last;
    size_t used_bytes; /* handed out since the last reset, alignment included */
    size_t held_bytes; /* taken from mem */
} onus_arena;

void onus_arena_init(onus_arena *a, const onus_allocator *mem);
void onus_arena_release(onus_arena *a); /* frees all; a zeroed arena is fine */
void onus_arena_reset(onus_arena *a);   /* keeps the blocks, forgets what was in them */
void *onus_arena_alloc(onus_arena *a, size_t n, size_t size);
/* Room for exactly that many bytes (each allocation rounded up to ONUS_ALIGN) in one block, so
 * that a plan of known size wastes nothing; false when memory ends. */
bool onus_arena_reserve(onus_arena *a, size_t bytes);
char *onus_arena_strdup(onus_arena *a, const char *text);
char *onus_arena_printf(onus_arena *a, const char *fmt, ...) ONUS_PRINTF(2, 3);
/* Of the process, as the system counts: resident bytes now, and the most so far. 0: it does not
 * say. */
int64_t onus_memory_now(void);
int64_t onus_memory_most(void);
#endif
