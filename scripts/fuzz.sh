#!/usr/bin/env bash
# Runs the fuzz targets of tests/fuzz: fuzz.sh CARGO-FUZZ SECONDS [TARGET...]
# What libFuzzer finds and learns goes below build/fuzz; tests/fuzz/corpus is only read.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo_fuzz=$(realpath "$1") seconds=$2
shift 2

# libFuzzer's flags are rustc's unstable ones; this lets the pinned stable compiler take them.
export RUSTC_BOOTSTRAP=1
# Or address, which also sees what unsafe code of other crates does, at a fraction of the speed.
sanitizer=${SANITIZER:-none}
built=build/fuzz/target-$sanitizer
(cd tests/fuzz && "$cargo_fuzz" fuzz build --fuzz-dir . --sanitizer "$sanitizer" --target-dir "../../$built")
binaries=$(dirname "$(ls -t "$built"/*/release/frame | head -1)")
[ $# -gt 0 ] || set -- $(ls tests/fuzz/corpus)

failed=
printf '%-16s %14s %10s %10s\n' target executions a\ second findings
for target in "$@"; do
    corpus=build/fuzz/corpus/$target findings=build/fuzz/findings/$target log=build/fuzz/$target.log
    mkdir -p "$corpus" "$findings"
    rm -f "$findings"/*
    # An input is small; whatever needs more than 160 MB at once, or 10 s, took a length at its word.
    "$binaries/$target" -max_total_time="$seconds" -max_len="${MAX_LEN:-1024}" -timeout=10 -malloc_limit_mb=160 \
        -print_final_stats=1 -artifact_prefix="$findings/" "$corpus" "tests/fuzz/corpus/$target" 2>"$log" || failed=yes
    printf '%-16s %14s %10s %10s\n' "$target" \
        "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
        "$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")" "$(ls "$findings" | wc -l)"
    if [ -n "$(ls "$findings")" ]; then
        grep -m 3 -E 'panicked|^==.*ERROR|assertion' "$log" || true
        ls "$findings"/*
    fi
done
if [ -n "$failed" ]; then
    echo "fuzz: see build/fuzz/*.log; a mended input belongs to tests/fuzz/corpus" >&2
    exit 1
fi
