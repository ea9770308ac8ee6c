#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tools/slow_part.sh PART...: prints the one of them whose turn it is, so that .ci/run tries all in time and none rots.
#
# The number of commits chooses: the same commit tries the same part, the next commit the next one, whatever the hour. A shallow
# clone does not know the number, and takes the commit's hash; without git it is the first. SLOW_PART=NAME is taken as it is.
set -eu
[ $# -gt 0 ] || { echo "usage: $0 PART..." >&2; exit 2; }
if [ -n "${SLOW_PART:-}" ]; then
    echo "$SLOW_PART"
    exit
fi
number=0
case $(git rev-parse --is-shallow-repository 2>/dev/null || echo none) in
false) number=$(git rev-list --count HEAD) ;;
true) number=$((0x$(git rev-parse HEAD | cut -c1-7))) ;;
esac
shift $((number % $#))
echo "$1"
