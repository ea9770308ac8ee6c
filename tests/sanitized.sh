#!/bin/sh
# tests/sanitized.sh BUILD: every test program of a build folder, and the short walk through the program.
set -e
export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp:print_suppressions=0"
tests/all.sh "$1"
ONUS_SHORT=1 tests/cli/run.sh "$1"
tests/cli/labels.sh "$1"
