#!/usr/bin/env bash
# demo.sh JULU_DEMO [PHOTOS TIMES]: what `./run demo --json` runs has to end well and to say so, with every number, in its
# last line. With TIMES it is given the first of the folder PHOTOS so many times. What it cannot take is refused in words.
set -euo pipefail
demo=$1 times=${3:-0} photos=()
for ((i = 0; i < times; ++i)); do
  photos+=("$(find "$2" -name '*.jpg' | sort | head -n 1)")
done
refused() {  # STATUS WORDS, and what it is given
  local status=0 wanted=$1 words=$2 said
  shift 2
  said=$("$demo" "$@" 2>&1 >/dev/null) || status=$?
  [[ $status == "$wanted" && $said == *"$words"* && $said != *"{"* ]] || { printf '%s: %s\n' "$status" "$said"; exit 1; }
}
refused 64 "没有这个选项 --nope" --nope
refused 66 "没有照片文件 nosuch.jpg" nosuch.jpg
refused 65 "只接受 JPEG 照片" "$0"
last=$("$demo" --json "${photos[@]}" | tail -n 1)
printf '%s\n' "$last"
count=$((times > 0 ? times : 20))
told="^\{\"captured\":53,\"delivered\":53,\"photos\":$count,\"photos_delivered\":$count,\"lost\":0,\"duplicated\":0,"
told+='"photo_bytes":[1-9][0-9]*,"photo_bytes_sent":[1-9][0-9]*,"results_back":12,"ok":true\}$'
[[ $last =~ $told ]]
