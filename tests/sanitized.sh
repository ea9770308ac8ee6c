#!/bin/sh
# Runs every test program of a build folder and the short walk through the program; stops at the first failure.
set -e
build=$1
for t in tests/*/test_*.c; do
    echo "# ${t%.c}"
    "$build/${t%.c}"
done
ONUS_SHORT=1 tests/cli/run.sh "$build"
