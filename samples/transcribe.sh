#!/bin/sh
# Give every recording in a folder subtitles, and go on where an earlier run was stopped.
#   samples/transcribe.sh [FOLDER] [SUBTITLES]
set -eu
recordings=${1:-$(dirname "$0")}
subtitles=${2:-subtitles}

audiocli transcribe --recursive "$recordings" --output "$subtitles" --format srt \
    --model "${AUDIOCLI_MODEL:-local}" --jobs 4 --resume
