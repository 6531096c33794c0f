#!/usr/bin/env bash
# check.sh PREFIX: programs of somebody else's build against the install tree, by CMake and by pkg-config, and with the
# library as a folder of theirs.
set -euo pipefail
prefix=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run_both() { "$1/from_c" && "$1/from_cpp"; }
configure() { cmake -G Ninja -S "$here/consumer" -B "$1" "${@:2}" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }; }

echo "find_package(julu)"
configure "$work/found" -DCMAKE_PREFIX_PATH="$prefix"
ninja -C "$work/found" >/dev/null
run_both "$work/found"

echo "pkg-config julu"
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
# shellcheck disable=SC2046
cc "$here/consumer/from_c.c" -o "$work/from_c" $(pkg-config --cflags --libs julu) -Wl,-rpath,"$prefix/lib"
"$work/from_c"

echo "pkg-config --static julu"
mkdir -p "$work/static"
cp -r "$prefix/include" "$work/static"
cp -r "$prefix/lib" "$work/static/lib"
rm "$work"/static/lib/*.so*
export PKG_CONFIG_PATH=$work/static/lib/pkgconfig
# shellcheck disable=SC2046
cc "$here/consumer/from_c.c" -o "$work/from_c_static" $(pkg-config --static --cflags --libs julu)
"$work/from_c_static"

echo "add_subdirectory(julu)"
configure "$work/inside" -DBUILD_SHARED_LIBS=ON -DJULU_SOURCE="$here/../.." -DCMAKE_CXX_COMPILER_LAUNCHER=ccache
ninja -C "$work/inside" from_c from_cpp >/dev/null
run_both "$work/inside"

echo "what goes with it"
python3 "$here/contents.py" "$prefix" "$here/../../bindings"
echo "ok"
