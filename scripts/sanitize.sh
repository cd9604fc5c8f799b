#!/usr/bin/env bash
# Runs the C programs of tests/capi, the tests against the mock cluster and pure parts of src under tools that watch
# memory and threads: sanitize.sh [address|thread|valgrind|miri...]
# Each sanitizer has a build of its own below target. Nothing is fetched but the crates of Cargo.lock.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- address thread valgrind miri
for kind in "$@"; do
    case $kind in
        address | thread | valgrind | miri) ;;
        *) echo "sanitize: kind $kind is none of address, thread, valgrind, miri" >&2; exit 2 ;;
    esac
done
if [[ $PWD == *" "* ]]; then
    echo "sanitize: $PWD: linkers take a path with a space in flags for two; move the folder" >&2
    exit 2
fi
host=$(rustc -vV | sed -n 's/^host: //p')
libraries=$(rustc --print sysroot)/lib/rustlib/$host/lib
failed=

# What cannot run with a sanitizer inside, by the name of the test. The files header, exports, install, abi, docs and
# layering look at texts and symbols and are not asked at all; tests/real has brokers and time limits for a fast library.
not_at_all=(
    # The plugin is linked with -z defs and without the sanitizer, whose functions are only in the program.
    two_copies_in_one_process_do_not_meet
    a_users_library_with_the_static_one_inside_shows_nothing_of_it
    # Measures resident memory, most of which is the sanitizer's own.
    a_thousand_lives_leave_what_a_hundred_leave
    # Compares a process with one in which there is nothing; the sanitizer is there, with its signals and its thread.
    a_program_that_links_the_library_and_never_calls_it_is_as_before
    # Debian's package clang has no sanitizer; gcc builds the same program with one.
    a_program_of_clang_without_a_broker_behaves_in_every_standard
)
not_with_thread=(
    # Counts the threads of the process: the sanitizer has one too.
    the_library_can_be_closed_and_loaded_again
)

# under KIND RUSTFLAGS...: the tests, in a build with that sanitizer. Its flags are rustc's unstable ones; RUSTC_BOOTSTRAP
# lets the pinned stable compiler take them. The programs are compiled by gcc, but get rustc's own runtime, the newer one.
under() {
    local kind=$1 skip=("${not_at_all[@]}") runtime=target/$1/runtime name
    shift
    if [ "$kind" = thread ]; then skip+=("${not_with_thread[@]}"); fi
    echo "sanitize: $kind; left out, each for the reason in $0: ${skip[*]}" >&2
    mkdir -p "$runtime"
    name=lib${kind:0:1}san.a
    ln -sf "$(ls "$libraries"/librustc-*_rt."${name:3:4}.a")" "$runtime/$name"
    (
        export RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=$kind $*"
        export RMQ_SANITIZER_FLAGS="-fsanitize=$kind -static-lib${kind:0:1}san -L$PWD/$runtime -rdynamic -lm -ldl -lrt"
        # Most of the panics are the tests' own, and a backtrace takes long with a sanitizer.
        export RMQ_SLOWER=5 RUST_BACKTRACE=0
        cargo test --locked --no-fail-fast --target "$host" --target-dir "target/$kind" \
            --test capi --test mock --test processes --test cpp -- "${skip[@]/#/--skip=}"
    ) || failed="$failed $kind"
}

address() {
    ASAN_OPTIONS="detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:${ASAN_OPTIONS:-}" under address
}

# rustc's own std is not built with it: std_sync.rs tells of what std does with locks, thread.supp lists the rest.
thread() {
    local folder=$PWD/target/thread symbols name symbol pattern
    mkdir -p "$folder"
    symbols=$(readelf -sW "$libraries"/libstd-*.rlib 2>/dev/null | awk '$5 == "GLOBAL" && $7 != "UND" { print $8 }')
    cp tests/sanitize/std_sync.rs "$folder/std_sync.rs"
    # A file, because other flags would mean that all crates are built anew. Cargo does not see a change of it, nor of
    # std_sync.rs: after one, remove target/thread.
    echo "$folder/std_sync.o -Wl,--wrap=__tsan_atomic64_fetch_sub" >"$folder/link_args"
    while read -r name pattern; do
        symbol=$(grep -E "3std3sys4sync.*$pattern\$" <<<"$symbols") || {
            echo "sanitize: this compiler's std has no $pattern, see tests/sanitize/std_sync.rs" >&2
            exit 1
        }
        sed -i "s/_$name\"/_$symbol\"/" "$folder/std_sync.rs"
        echo "-Wl,--wrap=$symbol" >>"$folder/link_args"
    done <<'END'
MUTEX_LOCK_CONTENDED 5Mutex14lock_contended
RWLOCK_READ_CONTENDED 6RwLock14read_contended
RWLOCK_WRITE_CONTENDED 6RwLock15write_contended
CONDVAR_WAIT 7Condvar4wait
CONDVAR_WAIT_TIMEOUT 7Condvar12wait_timeout
ONCE_CALL 4Once4call
END
    rustc --edition 2024 --crate-type lib --crate-name std_sync --emit obj -O -o "$folder/std_sync.o" \
        "$folder/std_sync.rs"
    TSAN_OPTIONS="suppressions=$PWD/tests/sanitize/thread.supp:die_after_fork=0:${TSAN_OPTIONS:-}" \
        under thread -Cunsafe-allow-abi-mismatch=sanitizer "-Clink-arg=@$folder/link_args"
}

# Without a sanitizer: the programs of tests/capi run under valgrind there.
valgrind() {
    echo "sanitize: valgrind" >&2
    cargo test --locked --no-fail-fast --test capi || failed="$failed valgrind"
}

# Its component exists for nightly compilers only, and is not fetched from here.
miri() {
    local sysroot
    sysroot=$(RUSTUP_AUTO_INSTALL=0 rustc +nightly --print sysroot 2>/dev/null) || true
    if [ ! -x "$sysroot/bin/cargo-miri" ] || [ ! -d "$sysroot/lib/rustlib/src/rust/library" ]; then
        echo "sanitize: miri left out: no nightly toolchain with the components miri and rust-src is installed" >&2
        return
    fi
    echo "sanitize: miri" >&2
    # The pure parts, see tests/layering.rs. A random case takes seconds there, so there are few.
    PROPTEST_CASES=4 PROPTEST_DISABLE_FAILURE_PERSISTENCE=1 RUSTUP_AUTO_INSTALL=0 \
        cargo +nightly miri test --locked --target-dir target/miri --lib -- \
        protocol:: message:: process_queue rebalance:: local_file subscriptions:: || failed="$failed miri"
}

for kind in "$@"; do "$kind"; done
[ -z "$failed" ] || { echo "sanitize: failed:$failed" >&2; exit 1; }
