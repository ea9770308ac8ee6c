#!/bin/sh
# Goal: no part of `make slow` is left out by .ci/run for ever. Method: a repository of its own, in which every commit must choose the
# next part, the same one each time it is asked; without git and in a shallow clone a part all the same; each part is a target.
. tests/cli/lib.sh

parts=$(sed -n 's/^SLOW_PARTS := //p' Makefile)
for part in $parts; do
    grep -q "^slow-$part:" Makefile && ok || bad "slow-$part is no target"
done
number=$(echo "$parts" | wc -w)
choose="$root/tools/slow_part.sh $parts"
cd "$room" || exit 1
expect 0 "^$(echo "$parts" | cut -d' ' -f1)$" env GIT_CEILING_DIRECTORIES=/ GIT_DIR="$room/none" $choose
expect 2 'usage' "$root/tools/slow_part.sh"
mkdir repository && cd repository || exit 1
git init -q .
chosen=
for commit in $(seq "$number"); do
    git -c user.name=a -c user.email=a@b commit -q --allow-empty -m "$commit"
    chosen="$chosen$($choose)
"
    same "commit $commit, asked again" "$($choose)" "$(printf '%s' "$chosen" | tail -1)"
done
same "parts that $number commits choose" "$(printf '%s' "$chosen" | sort -u | wc -l)" "$number"
git clone -q --depth 1 "file://$room/repository" ../shallow && cd ../shallow || exit 1
expect 0 "^($(echo "$parts" | tr ' ' '|'))$" $choose
same "a part that is named" "$(SLOW_PART=docs $choose)" docs
finish
