#!/bin/sh
# Makes docs/report.png, the picture of the README: the top of the report that examples/german-credit.yaml gives.
# Needs chromium (Debian: apt install chromium); nothing else of the tree does.
#     tools/report_picture.sh BUILD [OUT]
set -eu
build=${1:?usage: $0 BUILD [OUT]}
out=$(realpath -m "${2:-docs/report.png}")
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"$build/onus" run examples/german-credit.yaml --out "$room/run" --quiet >/dev/null
# no profile of the person at the machine, no network: a picture of one file
chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update \
    --disable-sync --user-data-dir="$room/profile" --hide-scrollbars --force-color-profile=srgb \
    --blink-settings=preferredColorScheme=1 --window-size=1180,2190 --screenshot="$out" "file://$room/run/report.html" 2>/dev/null
[ -s "$out" ] && printf '%s: %d kB\n' "$out" "$(($(stat -c %s "$out") / 1000))"
