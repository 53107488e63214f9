#!/usr/bin/env python3
"""Compares what the player made of a track with what other programs make of the original: witness.py ORIGINAL WAV

Lossless originals must give every sample, bit by bit (FLAC by `flac`, WAV and ALAC by ffmpeg); Vorbis must have as
many samples as `oggdec` finds, and ffmpeg's values; MP3 and AAC are compared with ffmpeg in what both have, since
programs differ in how they cut an encoder's padding. Prints one cell of a table; exit code 1 if something differs.
"""

import array
import json
import subprocess
import sys

# Of a full scale of 1: decoders of lossy formats may round differently, and no more.
TOLERANCE = 2e-3


def output(command, stdin=None):
    return subprocess.run(command, input=stdin, stdout=subprocess.PIPE, check=True).stdout


def probe(path):
    command = ["ffprobe", "-v", "error", "-select_streams", "a:0", "-of", "json"]
    command += ["-show_entries", "stream=codec_name,channels,sample_rate", path]
    return json.loads(output(command))["streams"][0]


def samples(path, encoding, stdin=None):
    """All samples as ffmpeg reads them; s32 holds 16, 24 and 32 bits without loss."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-map", "0:a:0", "-f", encoding, "-"]
    if stdin is not None:
        command.remove("-nostdin")
    raw = output(command, stdin)
    return array.array({"s32le": "i", "f32le": "f"}[encoding], raw)


def furthest(a, b):
    """The largest distance between two samples of the same index."""
    return max(map(abs, map(float.__sub__, a, b)), default=0.0)


def lossless(codec, original, wav):
    witness = "ffmpeg"
    if codec == "flac":
        witness = "flac -d"
        theirs = samples("pipe:0", "s32le", output(["flac", "--silent", "--decode", "--stdout", original]))
    elif codec == "pcm_f32le":
        return samples(original, "f32le") == samples(wav, "f32le"), "ffmpeg: every sample"
    else:
        theirs = samples(original, "s32le")
    return theirs == samples(wav, "s32le"), f"{witness}: every sample"


def lossy(codec, original, wav):
    theirs, ours = samples(original, "f32le"), samples(wav, "f32le")
    channels = probe(wav)["channels"]
    distance = furthest(theirs, ours)
    ok = distance <= TOLERANCE
    cell = f"ffmpeg: within {distance:.0e}"
    if codec == "vorbis":
        counted = len(output(["oggdec", "--quiet", "--raw", "--bits", "16", "--output", "-", original])) // 2
        # Oggdec leaves out sound that lies in the page which ends the headers; ffmpeg finds all of it.
        ok &= counted == len(ours) or (counted < len(ours) == len(theirs))
        cell += f"; oggdec: {counted // channels:+d} of {len(ours) // channels} frames"
        if counted == len(ours):
            cell = f"{cell.split(';')[0]}; oggdec: {counted // channels} frames too"
    elif len(ours) != len(theirs):
        cell += f"; {(len(ours) - len(theirs)) // channels:+d} frames"
    return ok, cell


def main():
    original, wav = sys.argv[1:]
    theirs, ours = probe(original), probe(wav)
    for fact in ("channels", "sample_rate"):
        if theirs[fact] != ours[fact]:
            print(f"{fact}: {theirs[fact]} became {ours[fact]}")
            return 1
    codec = theirs["codec_name"]
    check = lossless if codec in ("flac", "alac") or codec.startswith("pcm_") else lossy
    ok, cell = check(codec, original, wav)
    print(cell if ok else f"DIFFERS ({cell})")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
