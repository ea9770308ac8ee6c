#!/bin/sh
# tests/sanitized.sh BUILD: every test program of a build folder, and the short walk through the program.
set -e
tests/all.sh "$1"
ONUS_SHORT=1 tests/cli/run.sh "$1"
