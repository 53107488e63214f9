#!/usr/bin/env bash
# Makes a folder of real music in every format that the player knows: scripts/real-music.sh DIR
#
# The music is what Debian's games come with. As root, missing packages are installed.
set -euo pipefail

dir=${1:?usage: scripts/real-music.sh DIR}
games=/usr/share/games

packages=(neverball-data asc-music lincity-ng-data flac lame vorbis-tools ffmpeg)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if ((${#missing[@]})); then
  if [[ $(id -u) != 0 ]]; then
    echo "missing Debian packages: ${missing[*]}; install them, or run this as root" >&2
    exit 1
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

mkdir -p "$dir"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# As the games have them. Their names repeat from game to game, so the game's name goes in front.
take() { # GAME FILE...
  local game=$1 file
  shift
  for file in "$@"; do
    cp -L "$file" "$dir/$game - $(basename "$file")"
  done
}
take neverball "$games"/neverball/bgm/*.ogg
take lincity-ng "$games"/lincity-ng/music/default/*.ogg
take asc "$games"/asc/music/*.mp3

# From a game's music: TRACK NAME and what ffmpeg is to make of it.
make() {
  local from=$1 to=$2
  shift 2
  ffmpeg -nostdin -v error -y -i "$games/neverball/bgm/$from.ogg" -map 0:a -metadata "title=$to" "$@" "$dir/made - $to"
}
pcm() { # TRACK: the path of a WAV file of it
  oggdec --quiet -o "$scratch/$1.wav" "$games/neverball/bgm/$1.ogg"
  echo "$scratch/$1.wav"
}

flac --silent --force --best -o "$dir/made - title 16 bit.flac" "$(pcm title)"
flac --silent --force --fast --blocksize=1152 --no-padding -o "$dir/made - inter small blocks.flac" "$(pcm inter)"
make track1 "track1 24 bit.flac" -c:a flac -sample_fmt s32 -bits_per_raw_sample 24
make track2 "track2 48 kHz.flac" -c:a flac -sample_fmt s16 -ar 48000
make track3 "track3 mono.flac" -c:a flac -sample_fmt s16 -ac 1

lame --quiet --cbr -b 192 "$(pcm track4)" "$dir/made - track4 constant.mp3"
lame --quiet -V 2 "$(pcm track5)" "$dir/made - track5 variable.mp3"
lame --quiet -V 4 -t "$(pcm track6)" "$dir/made - track6 without Xing.mp3"

make inter "inter 16 bit.wav" -c:a pcm_s16le
make title "title 24 bit.wav" -c:a pcm_s24le
make track1 "track1 float.wav" -c:a pcm_f32le

make track2 "track2 AAC index first.m4a" -c:a aac -b:a 160k -movflags +faststart
make track3 "track3 AAC index last.m4a" -c:a aac -b:a 96k
make track4 "track4 ALAC index first.m4a" -c:a alac -sample_fmt s16p -movflags +faststart
make track6 "track6 ALAC index last.m4a" -c:a alac -sample_fmt s16p
make title "title ALAC 24 bit.m4a" -c:a alac -sample_fmt s32p

find "$dir" -maxdepth 1 -type f -printf '%f\n' | sed 's/.*\.//' | sort | uniq -c
echo "$(find "$dir" -maxdepth 1 -type f | wc -l) files, $(du -sh "$dir" | cut -f1), in $dir"
