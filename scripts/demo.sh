#!/usr/bin/env bash
# The demo: the installed library, a C program built against it, and messages that come over some seconds.
# demo.sh uses the mock cluster, in a process of C; demo.sh real a real broker and messages from the Java client.
set -euo pipefail
cd "$(dirname "$0")/.."

MESSAGES=1000
RATE=250
TAGS=new,paid,shipped,returned
WANTED='new || paid'
EXPECTED=500

# The tests have other folders and a build that is not optimised.
PROFILE=${RMQ_DEMO_PROFILE:-release}
CARGO_FOLDER=${RMQ_DEMO_CARGO:-$PWD/target}
OUT=${RMQ_DEMO_OUT:-build}

say() { echo "demo: $*"; }

# Everything a user would do: build and install the library, then build a program that finds it by find_package.
build() {
    say "building the library, installing it into $OUT/demo, building c-examples against it"
    say "the first build takes minutes, see $OUT/demo.log"
    mkdir -p "$OUT"
    {
        cmake -S . -B "$OUT/cmake-demo" -DRMQ_CARGO_PROFILE="$PROFILE" -DRMQ_CARGO_TARGET_DIR="$CARGO_FOLDER"
        cmake --build "$OUT/cmake-demo"
        cmake --install "$OUT/cmake-demo" --prefix "$(realpath "$OUT")/demo"
        cmake -S c-examples -B "$OUT/examples" -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$(realpath "$OUT")/demo"
        cmake --build "$OUT/examples"
        [ "$broker" = mock ] || cargo build --locked --package rmq-testbed
    } >"$OUT/demo.log" 2>&1 </dev/null || { cat "$OUT/demo.log"; exit 1; }
}

# The messages are stored over some seconds, so that the count of the C program is seen to grow.
on_the_mock() {
    say "a mock cluster gets $MESSAGES messages in Orders, tagged $TAGS in turn; the C program wants '$WANTED'"
    "$OUT/examples/mock_cluster" Orders 8 $MESSAGES $RATE $TAGS \
        "$OUT/examples/push" demo Orders "$WANTED" $EXPECTED 60
}

# With the broker up: Java sends.
consume() {
    say "the Java client sends $MESSAGES messages to Orders, tagged $TAGS in turn; the C program wants '$WANTED'"
    java_sends &
    "$OUT/examples/push" demo Orders "$WANTED" $EXPECTED 60
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

case ${1:-mock} in
    consume) consume ;;
    mock)
        broker=mock
        build
        on_the_mock
        say "done in $SECONDS s; the program is c-examples/push.c; make demo BROKER=real uses a real broker"
        ;;
    real)
        broker=real
        build
        say "starting RocketMQ 5.5.0"
        target/debug/rmq-testbed up --topic Orders:8 -- "$0" consume
        say "done in $SECONDS s; the program is c-examples/push.c"
        ;;
    *)
        say "BROKER is $1; it is mock or real"
        exit 2
        ;;
esac
