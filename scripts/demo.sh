#!/usr/bin/env bash
# The demo: the installed library, a C program built against it, a real broker, and messages from the Java client.
set -euo pipefail
cd "$(dirname "$0")/.."

MESSAGES=1000
RATE=250
TAGS=new,paid,shipped,returned
WANTED='new || paid'
EXPECTED=500

say() { echo "demo: $*"; }

# Everything a user would do: build and install the library, then build a program that finds it by find_package.
build() {
    say "building the library, installing it into build/demo, building c-examples against it"
    say "the first build takes minutes, see build/demo.log"
    mkdir -p build
    {
        cmake -S . -B build/cmake-demo -DRMQ_CARGO_TARGET_DIR="$PWD/target"
        cmake --build build/cmake-demo
        cmake --install build/cmake-demo --prefix "$PWD/build/demo"
        cmake -S c-examples -B build/examples -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$PWD/build/demo"
        cmake --build build/examples
        cargo build --locked --package rmq-testbed
    } >build/demo.log 2>&1 </dev/null || { cat build/demo.log; exit 1; }
}

# With the broker up: Java sends over some seconds, so that the count of the C program is seen to grow.
consume() {
    say "the Java client sends $MESSAGES messages to Orders, tagged $TAGS in turn; the C program wants '$WANTED'"
    java_sends &
    build/examples/push demo Orders "$WANTED" $EXPECTED 60
    wait $!
}

java_sends() {
    exec 9<>"/dev/tcp/127.0.0.1/$RMQ_TESTBED_DRIVER"
    echo "send Orders $MESSAGES ns=$NAMESRV_ADDR key=order tags=$TAGS rate=$RATE" >&9
    answer=$(cat <&9)
    case $answer in
        *"stored=$MESSAGES failed=0"*) ;;
        *) say "the Java client could not send: $answer"; exit 1 ;;
    esac
}

if [ "${1:-}" = consume ]; then
    consume
else
    build
    say "starting RocketMQ 5.5.0"
    target/debug/rmq-testbed up --topic Orders:8 -- "$0" consume
    say "done in $SECONDS s; the program is c-examples/push.c"
fi
