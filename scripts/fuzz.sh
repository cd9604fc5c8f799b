#!/usr/bin/env bash
# Runs the fuzz targets of tests/fuzz: fuzz.sh CARGO-FUZZ LIMIT [TARGET...]
# LIMIT is libFuzzer's flag for each target: -max_total_time=SECONDS or -runs=EXECUTIONS.
# What libFuzzer finds and learns goes below build/fuzz; tests/fuzz/corpus is only read.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ $# -lt 2 ]; then
    echo "usage: fuzz.sh CARGO-FUZZ -max_total_time=SECONDS|-runs=EXECUTIONS [TARGET...]" >&2
    exit 2
fi
case $2 in
    -max_total_time=[1-9]* | -runs=[1-9]*) ;;
    *) echo "fuzz: $2: allowed is -max_total_time= or -runs= with a number from 1 on" >&2; exit 2 ;;
esac
for target in "${@:3}"; do
    if [[ $target == */* ]] || [ ! -e "tests/fuzz/fuzz_targets/$target.rs" ]; then
        echo "fuzz: $target is no target of tests/fuzz/fuzz_targets" >&2
        exit 2
    fi
done
cargo_fuzz=$(realpath "$1") limit=$2
shift 2

# libFuzzer's flags are rustc's unstable ones; this lets the pinned stable compiler take them.
export RUSTC_BOOTSTRAP=1
# Or address, which also sees what unsafe code of other crates does, at a fraction of the speed.
sanitizer=${SANITIZER:-none}
built=build/fuzz/target-$sanitizer
(cd tests/fuzz && "$cargo_fuzz" fuzz build --fuzz-dir . --sanitizer "$sanitizer" --target-dir "../../$built")
binaries=$(dirname "$(ls -t "$built"/*/release/frame | head -1)")
[ $# -gt 0 ] || set -- $(ls tests/fuzz/corpus)

# Buffers of some MiB come and go with each input; glibc would fetch them from the kernel and give them back each time.
export MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=268435456

# An input is small; whatever needs more than 160 MB at once, or 10 s, took a length at its word.
bounds=(-timeout=10 -malloc_limit_mb=160)

# fuzz TARGET FLAG...: without a sanitizer libFuzzer sees no allocation, so the process gets less room as a whole (KiB).
fuzz() {
    (
        if [ "$sanitizer" = none ]; then
            ulimit -v 327680
        fi
        exec "$binaries/$1" "${bounds[@]}" "${@:2}"
    )
}

# stat NAME: a number of libFuzzer's summary, 0 when it ended without one.
stat() {
    local number
    number=$(sed -n "s/^stat::$1: *//p" "$log")
    echo "${number:-0}"
}

failed=
printf '%-16s %14s %10s %10s\n' target executions a\ second findings
for target in "$@"; do
    corpus=build/fuzz/corpus/$target findings=build/fuzz/findings/$target log=build/fuzz/$target.log
    mkdir -p "$corpus" "$findings"
    # Those of earlier runs are kept aside: they may not be mended yet.
    if [ -n "$(ls "$findings")" ]; then
        mkdir -p "$findings.before"
        mv "$findings"/* "$findings.before"
    fi
    # A target that needs flags of its own has them beside it, in ClusterFuzz's form.
    options=$(sed -n 's/^\([a-z_]*\) *= */-\1=/p' "tests/fuzz/fuzz_targets/$target.options" 2>/dev/null || true)
    ended=0
    fuzz "$target" "$limit" -max_len=1024 $options -print_final_stats=1 -artifact_prefix="$findings/" \
        "$corpus" "tests/fuzz/corpus/$target" 2>"$log" || ended=$?
    printf '%-16s %14s %10s %10s\n' "$target" "$(stat number_of_executed_units)" "$(stat average_exec_per_sec)" \
        "$(ls "$findings" | wc -l)"
    [ "$ended" != 0 ] || continue
    failed=yes
    for input in "$findings"/*; do
        [ ! -e "$input" ] || echo "fuzz: $target fails on $input" >&2
    done
    grep -m 1 -A 1 'panicked at' "$log" >&2 || grep -m 1 -E 'memory allocation of|^==.*ERROR|^SUMMARY' "$log" >&2 || tail -3 "$log" >&2
    echo "fuzz: $target ended with status $ended, see $log" >&2
done
if [ -n "$failed" ]; then
    echo "fuzz: a mended input belongs to tests/fuzz/corpus" >&2
    exit 1
fi
