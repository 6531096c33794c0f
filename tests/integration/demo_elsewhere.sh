#!/usr/bin/env bash
# demo_elsewhere.sh RUN: `run demo` takes a photo by the name that it has where it is called. A copy of the script, over
# programs that only say what they were given.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
root=$folder/project
mkdir -p "$folder/bin" "$root/build/dev/examples/desk" "$folder/photos"
cp "$1" "$root/run"
touch "$root/build/dev/build.ninja" "$folder/photos/a b.jpg"
program() { # PATH, then its lines
  { printf '#!/usr/bin/env bash\n'; cat; } >"$1"
  chmod +x "$1"
}
program "$folder/bin/ninja" <<<'echo "ninja: no work to do."'
program "$folder/bin/dpkg-query" <<<'[[ $* == *Version* ]] && echo 99 || echo installed'
program "$root/build/dev/examples/desk/julu_demo" <<'TEXT'
[ -x "${JULU_BIN%/desk/julu}/desk/julu_demo" ] && [ "${JUHAOBAN_BIN%/platform/juhaoban}" = "${JULU_BIN%/desk/julu}" ]
[ "$1" = --json ] && [ -f "$2" ] && [ -f "$3" ] && echo "found both"
TEXT
cd "$folder/photos"
[ "$(PATH=$folder/bin:$PATH ../project/run demo --json "a b.jpg" "$folder/photos/a b.jpg")" = "found both" ]
