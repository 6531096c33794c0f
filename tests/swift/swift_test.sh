#!/bin/sh
# Builds bindings/swift and examples/swift against this build's library and runs their tests. For ctest, which sets SWIFT,
# JULU_SCRATCH, JULU_LIBRARY_DIR, JUHAOBAN_BIN and JULU_CIPHER; words given go to `swift test`.
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

with build examples/swift/report
JULU_REPORT_BIN=$JULU_SCRATCH/examples/swift/report/debug/report
export JULU_REPORT_BIN
with test bindings/swift --disable-xctest --no-parallel "$@"
