#!/bin/sh
# Ask by voice, and keep the words and the sound of the answer.
#   samples/ask.sh [FOLDER]
set -eu
here=$(dirname "$0")
folder=${1:-.}

audiocli ask --audio "$here/question.wav" --model "${AUDIOCLI_MODEL:-local}" \
    --output "$folder/answer.wav" --no-stdin | tee "$folder/answer.txt"
