#!/usr/bin/env bash
# demo.sh JULU_DEMO: what `./run demo --json` runs has to end well and to say so in its last line.
set -euo pipefail
last=$("$1" --json | tail -n 1)
printf '%s\n' "$last"
[[ $last == *'"ok":true'* ]]
