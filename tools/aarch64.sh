#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tools/aarch64.sh BUILD [TARGET...]: the whole program, and with TARGET tests its test programs, for 64-bit ARM in the folder
# BUILD, on a machine that is none.
#
# Goal: the claim "the same bits on AArch64" is tried on every change, not believed. Method: Debian's cross compiler; the arm64
# packages of the libraries that `run` names, fetched by an apt of its own (own lists, own empty status: the system's dpkg does
# not hear of another architecture, and nobody needs to be root) and laid out in BUILD/sysroot. What was fetched stays in
# BUILD/debs, and a machine without a network builds from that. Programs then run under `qemu-aarch64-static -L BUILD/sysroot`.
#
# Ends with 77, and one line that says what is absent, where this machine cannot; a build that fails ends with 1.
set -eu
build=${1:?usage: tools/aarch64.sh BUILD [TARGET...]}
shift
[ $# -gt 0 ] || set -- all
cross=aarch64-linux-gnu-gcc

absent() {
    echo "aarch64: not proven on this machine ($*)"
    exit 77
}
command -v $cross >/dev/null || absent "no $cross: package gcc-aarch64-linux-gnu"
command -v qemu-aarch64-static >/dev/null || absent "no qemu-aarch64-static: package qemu-user-static"

# The -dev packages that building and testing need here are what is needed there.
packages=$(sed -n '/^need_build=/,/^need_ci=/p' run | grep -oE '[a-z0-9.-]+-dev:' | tr -d : | sort -u)

fetch() {
    mkdir -p "$build/apt/lists/partial" "$build/debs/partial"
    : > "$build/apt/status"
    cat > "$build/apt/apt.conf" <<CONF
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
Debug::NoLocking "1";
Dir::State "$(realpath "$build/apt")";
Dir::State::lists "$(realpath "$build/apt")/lists";
Dir::State::status "$(realpath "$build/apt")/status";
Dir::Cache "$(realpath "$build/apt")";
Dir::Cache::archives "$(realpath "$build/debs")";
CONF
    APT_CONFIG=$(realpath "$build/apt/apt.conf")
    export APT_CONFIG
    # A source that has nothing for arm64 makes update complain: what counts is whether the packages come.
    apt-get -q update || true
    # shellcheck disable=SC2086
    apt-get -q install -y --download-only --no-install-recommends $packages
}

unpack() {
    rm -rf "$build/sysroot.new" "$build/sysroot"
    mkdir -p "$build/sysroot.new"
    for deb in "$build"/debs/*.deb; do dpkg-deb -x "$deb" "$build/sysroot.new"; done
    # Links that lead from the root lead from the root of the sysroot.
    find "$build/sysroot.new" -type l -lname '/*' | while read -r link; do
        up=$(dirname "${link#"$build/sysroot.new/"}" | sed 's#[^/][^/]*#..#g')
        ln -sfn "$up$(readlink "$link")" "$link"
    done
    mv "$build/sysroot.new" "$build/sysroot"
}

mkdir -p "$build"
if [ "$(cat "$build/packages" 2>/dev/null)" != "$packages" ] || [ ! -d "$build/sysroot" ]; then
    command -v dpkg-deb >/dev/null || absent "no dpkg-deb to unpack Debian's packages with"
    if [ "$(cat "$build/debs/packages" 2>/dev/null)" != "$packages" ]; then
        command -v apt-get >/dev/null || absent "no apt-get to fetch Debian's packages with"
        fetch >"$build/fetch.log" 2>&1 || absent "Debian's arm64 packages did not come: $build/fetch.log"
        printf '%s\n' "$packages" > "$build/debs/packages"
    fi
    unpack
    printf '%s\n' "$packages" > "$build/packages"
fi

sysroot=$(realpath "$build/sysroot")
${MAKE:-make} BUILD="$build" CC=$cross CFLAGS="--sysroot=$sysroot" LDFLAGS="--sysroot=$sysroot" "$@"
