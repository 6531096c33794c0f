#!/bin/sh
# swift.sh test [words for `swift test`]   builds bindings/swift and examples/swift against this build's library, and tests them
# swift.sh bench                           what a capture costs through Swift beside one in C++
# For CMake, which sets SWIFT, JULU_SCRATCH, JULU_LIBRARY_DIR, JUHAOBAN_BIN, JULU_PLAIN_LIBRARY and JULU_CIPHER.
set -eu
JULU_SOURCE=$(cd "$(dirname "$0")/../.." && pwd)
export JULU_SOURCE PKG_CONFIG_PATH="$JULU_SCRATCH/pkgconfig"

# with COMMAND PACKAGE …: nothing is written outside of the build's folder.
with() {
  command=$1
  package=$2
  shift 2
  "$SWIFT" "$command" --package-path "$JULU_SOURCE/$package" --scratch-path "$JULU_SCRATCH/$package" \
    --cache-path "$JULU_SCRATCH/cache" --config-path "$JULU_SCRATCH/config" --security-path "$JULU_SCRATCH/security" \
    -Xswiftc -warnings-as-errors -Xlinker -rpath -Xlinker "$JULU_LIBRARY_DIR" "$@"
}

bench() {
  with build bindings/swift -c release --product capture-cost >&2
  # In memory where that goes: a disk's pauses are larger than what is measured.
  if [ -w /dev/shm ]; then data=$(mktemp -d -p /dev/shm); else data=$(mktemp -d); fi
  trap 'kill "$platform" 2>/dev/null; rm -rf "$data"' EXIT
  mkfifo "$data/told"
  "$JUHAOBAN_BIN" serve --data "$data/platform" --port 0 >"$data/told" &
  platform=$!
  read -r line <"$data/told"
  "$JUHAOBAN_BIN" add-worker --data "$data/platform" --worker W-1 --name W-1 --role worker --grid 130529104003 >/dev/null
  code=$("$JUHAOBAN_BIN" add-code --data "$data/platform" --worker W-1)
  "$JULU_SCRATCH/bindings/swift/release/capture-cost" "${line##* }" "$code" "$data" "$JULU_PLAIN_LIBRARY"
}

case $1 in
  test)
    shift
    with build examples/swift/report
    JULU_REPORT_BIN=$JULU_SCRATCH/examples/swift/report/debug/report
    export JULU_REPORT_BIN
    with test bindings/swift --disable-xctest --no-parallel "$@"
    ;;
  bench) bench ;;
esac
