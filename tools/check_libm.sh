#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tools/check_libm.sh LIB.a...: what the objects of the library may ask of others (numerics contract, item 6; style
# 13, 17, 18): of libm the exact functions only, since the others change bits with the processor; memory from
# base/mem.c only; no output, no exit; no variables that live between calls. Prints one line a fault, exits 1 if
# there is one.
set -eu
[ $# -gt 0 ] || { echo "usage: tools/check_libm.sh LIB.a..." >&2; exit 2; }
nm=${NM:-nm}
libm=$(${CC:-cc} -print-file-name=libm.so.6)
case $libm in
/*) ;;
*)
    echo "check_libm: cannot find libm.so.6 through '${CC:-cc} -print-file-name'"
    exit 1
    ;;
esac
bad=0

# json.o: jansson's allocator has no context of its own (src/base/json.c says what for).
allowed='json.o:reserve'

# Exact in every C library, or correctly rounded by IEEE 754.
exact='sqrt fma fabs rint round floor ceil trunc nearbyint ldexp frexp copysign'

export libm_names exact allowed
libm_names=$($nm -D --defined-only "$libm" | awk '{sub(/@.*/, "", $3); print $3}' | sort -u)
for lib; do
    [ -f "$lib" ] || { echo "$lib: no such file"; exit 1; }
    $nm -A --undefined-only "$lib" 2>/dev/null | awk '
        BEGIN {
            n = split(ENVIRON["libm_names"], m, "\n"); for (i = 1; i <= n; i++) libm[m[i]] = 1
            n = split(ENVIRON["exact"], e, " ");  for (i = 1; i <= n; i++) { good[e[i]] = 1; good[e[i] "f"] = 1 }
            n = split("malloc calloc realloc reallocarray aligned_alloc posix_memalign memalign strdup strndup " \
                      "asprintf vasprintf getline open_memstream", a, " "); for (i = 1; i <= n; i++) memory[a[i]] = 1
            n = split("printf vprintf puts putchar perror exit _exit abort quick_exit stdout stderr", o, " ")
            for (i = 1; i <= n; i++) output[o[i]] = 1
        }
        {
            name = $NF; sub(/@.*/, "", name)
            object = $1; sub(/:$/, "", object); sub(/^.*\.a:/, "", object)
            if (name in libm && !(name in good)) { print object ": calls " name " of libm, whose bits change with the processor"; bad = 1 }
            if (name in memory && object != "mem.o") { print object ": calls " name " instead of base/mem.h"; bad = 1 }
            if (name in output) { print object ": uses " name ": a library neither prints nor ends the process"; bad = 1 }
        }
        END { exit bad }' || bad=1
    # Variables: .data and .bss; tables of constant pointers stand in .data.rel.ro.
    $nm -A -f sysv --defined-only "$lib" 2>/dev/null | awk -F'|' '
        $7 ~ /^\.(data|bss|tdata|tbss|sdata|sbss)/ && $7 !~ /^\.data\.rel\.ro/ {
            n = split($1, at, ":"); gsub(/ /, "", at[n]); gsub(/ /, "", at[n - 1])
            if (at[n] ~ /^(\$|\.L)/) next # marks of AArch64 assemblers: a variable has its own name beside them
            if (at[n - 1] ":" at[n] == ENVIRON["allowed"]) next
            print at[n - 1] ": " at[n] " lives between calls (style 18: no mutable globals)"; bad = 1
        }
        END { exit bad }' || bad=1
done
exit $bad
