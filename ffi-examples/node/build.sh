#!/bin/sh
# Builds rmq.node, which rmq.js loads: build.sh [FOLDER], which is build/node of the repository unless given.
# Node's headers come from npm, once; after that no network is needed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$here/../../build/node}
mkdir -p "$folder"
cd "$folder"
if ! cmp -s "$here/package-lock.json" installed.json; then
    cp "$here/package.json" "$here/package-lock.json" .
    npm ci --cache ../npm-cache --prefer-offline --no-audit --no-fund --loglevel=error
    cp package-lock.json installed.json
fi
# A new file: a program may have the old one open.
${CC:-gcc} -std=gnu11 -O2 -fPIC -shared -pthread -Wall -Wextra \
    -I node_modules/node-api-headers/include -I "$here/../../include" "$here/rmq.c" -o "rmq.$$" -ldl
mv "rmq.$$" rmq.node
