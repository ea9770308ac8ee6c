#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The shape of the C files (docs: style): SPDX on line 1, functions of at most 70 lines, files of at most 1,200, file
# names unique in the tree; and the library neither prints nor ends the process. What is longer stands in
# tools/size_exceptions.txt with its reason. Prints one line a fault, exits 1 if there is one.
set -eu
cd "$(dirname "$0")/.."
function_max=70
file_max=1200
exceptions=tools/size_exceptions.txt

files=$(find include src cli examples tests bench fuzz tools -name '*.[ch]' 2>/dev/null | sort)

bad=0
# A function of this layout ends at the } of column 1 and starts at the line that its { of column 1 continues.
# shellcheck disable=SC2086
awk -v function_max=$function_max -v file_max=$file_max -v exceptions=$exceptions '
BEGIN {
    while ((getline line < exceptions) > 0) {
        if (line ~ /^#/ || line ~ /^[ \t]*$/) continue
        key = line; sub(/[ \t].*/, "", key)
        why = line; sub(/^[^ \t]+[ \t]*/, "", why)
        if (why == "") { printf "%s: \"%s\" has no reason\n", exceptions, key; bad = 1 }
        allowed[key] = 1
    }
}
function fault(text) { printf "%s\n", text; bad = 1 }
function end_file() {
    if (file != "" && lines > file_max && !(file in allowed))
        fault(file ": " lines " lines, at most " file_max)
    if (file in allowed) used[file] = 1
}
FNR == 1 {
    end_file()
    file = FILENAME; start = 0; open = 0
    if ($0 !~ /SPDX-License-Identifier: Apache-2.0/) fault(file ":1: no SPDX-License-Identifier: Apache-2.0")
    base = file; sub(/.*\//, "", base)
    if (base in seen) fault(file ": the name is taken by " seen[base])
    seen[base] = file
}
{ lines = FNR }
/^[A-Za-z_]/ && !open { if (!start) start = FNR; head = head $0 " " }
/^[#\/]/ || /^$/ || /;$/ || /^[A-Za-z_].*\{$/ { if (!open) { start = 0; head = "" } }
/^\{$/ && start { open = 1 }
/^\}/ {
    if (open) {
        name = head; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
        key = file ":" name
        if (FNR - start + 1 > function_max && !(key in allowed))
            fault(file ":" start ": " name " has " FNR - start + 1 " lines, at most " function_max)
        if (key in allowed) used[key] = 1
    }
    open = 0; start = 0; head = ""
}
END {
    end_file()
    for (key in allowed) if (!(key in used)) fault(exceptions ": " key " is not in the tree")
    exit bad
}
' $files || bad=1

# A library never prints, exits or aborts on input (style 13).
if grep -nE '(^|[^a-z_])(printf|puts|putchar|perror|exit|_exit|abort|quick_exit)[ ]*\(|fprintf\(std|\bstderr\b|\bstdout\b' \
    $(find src -name '*.[ch]' | sort); then
    echo "src/: the library prints or ends the process (lines above)"
    bad=1
fi
if grep -nE 'ffast-math|Ofast|funsafe-math|ffp-contract=(fast|on)' Makefile; then
    echo "Makefile: a flag that breaks the numerics contract"
    bad=1
fi
exit $bad
