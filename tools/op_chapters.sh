#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints a header that includes the given chapters of tests/op and lists them: chapters[].
set -eu
echo '/* made by tools/op_chapters.sh */'
for f in "$@"; do echo "#include \"chapters/$(basename "$f")\""; done
echo 'static const chapter *const chapters[] = {'
for f in "$@"; do sed -n 's/^static const chapter \(chapter_[a-z0-9_]*\) = .*/    \&\1,/p' "$f"; done
echo '};'
