#!/bin/sh
# Makes docs/report.png, the picture of the README: the top of the report that examples/german-credit.yaml gives. `make docs`
# (tools/docs.py) calls it where the picture shows another page than a run makes.
# Needs chromium (Debian: apt install chromium); nothing else of the tree does.
#     tools/report_picture.sh PAGE OUT
set -eu
page=$(realpath "${1:?usage: $0 PAGE OUT}")
out=$(realpath -m "${2:?usage: $0 PAGE OUT}")
command -v chromium >/dev/null || { echo "$0: no chromium to draw $out with" >&2; exit 1; }
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
# no profile of the person at the machine, no network: a picture of one file
chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update \
    --disable-sync --user-data-dir="$room/profile" --hide-scrollbars --force-color-profile=srgb \
    --blink-settings=preferredColorScheme=1 --window-size=1180,2190 --screenshot="$room/page.png" "file://$page" >/dev/null 2>&1
[ -s "$room/page.png" ] || { echo "$0: chromium drew nothing" >&2; exit 1; }
mv "$room/page.png" "$out"
printf '%s: %d kB\n' "$out" "$(($(stat -c %s "$out") / 1000))"
