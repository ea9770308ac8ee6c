#!/bin/sh
# tests/sanitized.sh BUILD: every test program of a build folder in its short form (products, convolutions and operations with three threads,
# not with one and two as well), and the short walks through the program.
set -e
export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp:print_suppressions=0"
export ONUS_SHORT=1
tests/all.sh "$1"
printf '%s\n' run labels heads | xargs -P "${JOBS:-$(nproc)}" -n 1 sh -c '"tests/cli/$2.sh" "$1" || exit 1' sh "$1"
