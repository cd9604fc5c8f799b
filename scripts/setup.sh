#!/usr/bin/env bash
# Makes sure that every tool is here that a target of the Makefile needs: setup.sh [bench|demo]
# demo asks for nothing but what builds the library and C programs.
# What is missing is installed from Debian's packages where this may be done, else one sentence names the package.
set -euo pipefail

missing=()
may_install=
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    may_install=yes
fi

# need TOOL PACKAGE...: the tool is here, or its packages go on the list.
need() {
    command -v "$1" >/dev/null || lacks "$@"
}

lacks() {
    local what=$1
    shift
    if [ -z "$may_install" ]; then
        echo "setup: $what is missing: install the Debian package ${*: -1}" >&2
        exit 1
    fi
    missing+=("$@")
}

# The version that java or javac would run as, from its folder: asking the program itself takes too long.
jdk_of() {
    local home
    home=$(dirname "$(dirname "$(readlink -f "$(command -v "$1")")")")
    sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$home/release" 2>/dev/null || true
}

# Newer Debian releases have newer JDKs only.
choose_jdk() {
    if ! apt-cache show openjdk-17-jdk-headless >/dev/null 2>&1; then
        missing=("${missing[@]/openjdk-17-jdk-headless/default-jdk-headless}")
    fi
}

if ! command -v cargo >/dev/null; then
    echo "setup: cargo is missing: install Rust from https://rustup.rs" >&2
    exit 1
fi
need gcc gcc libc6-dev
need g++ g++
need cc gcc libc6-dev
need c++ g++
[ -e /usr/include/stdio.h ] || lacks "the C library's header stdio.h" libc6-dev
need cmake cmake

# Tools of the tests, the real brokers and the bindings.
need_the_rest() {
    need readelf binutils
    need pkg-config pkg-config
    need valgrind valgrind
    need abidiff abigail-tools
    need clang clang
    need doxygen doxygen
    for program in java javac; do
        if ! command -v $program >/dev/null; then
            lacks "$program" openjdk-17-jdk-headless
        else
            version=$(jdk_of $program)
            if [ -n "$version" ] && [ "$version" -lt 17 ]; then
                lacks "a $program of version 17 (this is $version)" openjdk-17-jdk-headless
            fi
        fi
    done
    need mvn maven
    need node nodejs
    need npm npm
    need python3 python3
    # Of the programs in ffi-examples.
    need go golang-go
    need ruby ruby-ffi ruby
    ! command -v ruby >/dev/null || ruby -rffi -e "" 2>/dev/null || lacks "the gem ffi" ruby-ffi
}
if [ "${1:-}" != demo ]; then
    need_the_rest
fi
if [ "${1:-}" = bench ]; then
    # Not installed from here: the one of Debian 12 is too old.
    go_version=$(go version 2>/dev/null | sed -n 's/.* go1\.\([0-9]*\).*/\1/p' || true)
    if [ "${go_version:-0}" -lt 21 ]; then
        echo "setup: go 1.21 or newer is missing: install golang-go of Debian 13 or bookworm-backports" >&2
        exit 1
    fi
fi

if [ ${#missing[@]} -gt 0 ]; then
    echo "setup: installing ${missing[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    if ! { apt-get update -qq && choose_jdk && apt-get install -qq -y --no-install-recommends "${missing[@]}"; } >&2 </dev/null; then
        echo "setup: could not install ${missing[*]}: install these Debian packages" >&2
        exit 1
    fi
fi
