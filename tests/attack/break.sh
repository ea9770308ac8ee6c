#!/bin/sh
# tests/attack/break.sh NAME FOLDER: what a broken build has in the place of the library's own, into FOLDER: C files, and the
# linker's flags that go with them. How one is described: tests/attack/broken.sh.
set -eu
name=$1 out=$2
rm -rf "$out"
mkdir -p "$out"
if [ -e "tests/attack/broken/$name.c" ]; then
    cp "tests/attack/broken/$name.c" "$out/"
    sed -n '2s/^.* wraps \([^,]*\),.*/\1/p' "$out/$name.c" | tr ' ' '\n' | sed 's/.*/-Wl,--wrap=&/' > "$out/flags"
    [ -s "$out/flags" ] || { echo "$name.c: its second line does not say what it wraps" >&2; exit 1; }
    exit 0
fi
: > "$out/flags"
for file in $(sed -n '1s/^# \([^,]*\),.*/\1/p' "tests/attack/broken/$name.sed"); do
    sed -f "tests/attack/broken/$name.sed" "$file" > "$out/$(basename "$file")"
    if cmp -s "$file" "$out/$(basename "$file")"; then
        echo "tests/attack/broken/$name.sed changes nothing in $file: nothing was broken" >&2
        exit 1
    fi
done
