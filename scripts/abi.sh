#!/usr/bin/env bash
# Compares the C interface with that of an earlier revision: abi.sh [REVISION], the newest tag unless given.
# abi.sh --folders OLD NEW compares include/rmq.h and build.rs of two folders.
#
# rustc tells debuggers no types of C, and abidiff would see names only. So each header is made into a library of its
# own by the C compiler, with every function that it declares; the tests prove that librmq.so exports exactly these.
set -euo pipefail
cd "$(dirname "$0")/.."

out=build/abi

# stub FOLDER NAME: the library that a folder's header declares, called as its build.rs says.
stub() {
    local soname
    soname=$(grep -o 'librmq\.so\.[0-9]*' "$1/build.rs" | head -1)
    # A declaration ends with the first semicolon behind the macro; here a body stands in its place.
    awk '/^RMQ_EXPORT/ { inside = 1 } inside && /;[ \t]*$/ { sub(/;[ \t]*$/, " { __builtin_trap(); }"); inside = 0 } { print }' \
        "$1/include/rmq.h" >"$out/$2.c"
    gcc -std=c11 -g -O0 -fPIC -shared -Wno-unused-parameter "-Wl,-soname,$soname" "$out/$2.c" -o "$out/$2.so"
}

# constants FOLDER: the numbers, but for those of the version, which is allowed to change.
constants() {
    sed -n 's/^#define \(RMQ_[A-Z0-9_]*\) \(.*\)$/\1 \2/p' "$1/include/rmq.h" | grep -v '^RMQ_VERSION_' | sort
}

compare() {
    local old=$1 new=$2 changed status=0
    mkdir -p "$out"
    stub "$old" old
    stub "$new" new
    # What is only in the new header is an addition; a number that is gone or another one is not.
    changed=$(comm -23 <(constants "$old") <(constants "$new"))
    abidiff --suppressions scripts/abi.suppr --no-added-syms "$out/old.so" "$out/new.so" || status=$?
    if [ -n "$changed" ]; then
        echo "these constants are gone or changed:"
        echo "$changed"
        status=1
    fi
    [ $status = 0 ] || return 1
    abidiff --suppressions scripts/abi.suppr "$out/old.so" "$out/new.so" | grep -E "^ *\[A\]" || true
    comm -13 <(constants "$old") <(constants "$new") | sed 's/^/  [A] /'
}

if [ "${1:-}" = --folders ]; then
    out=$(mktemp -d)
    trap 'rm -rf "$out"' EXIT
    compare "$2" "$3"
    exit
fi

base=${1:-$(git describe --tags --abbrev=0 2>/dev/null || true)}
if [ -z "$base" ]; then
    echo "abi: there is no tag yet: say which revision to compare with, make abi BASE=REVISION" >&2
    exit 1
fi
rm -rf "$out/base"
mkdir -p "$out/base/include"
git show "$base:include/rmq.h" >"$out/base/include/rmq.h"
git show "$base:build.rs" >"$out/base/build.rs"
if compare "$out/base" .; then
    echo "abi: every program that was built with $base works with this; what is new is listed above"
else
    echo "abi: programs that were built with $base may not work with this: see docs/ABI.md" >&2
    exit 1
fi
