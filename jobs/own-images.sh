#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# From a folder of your own images to an encoder and pictures to judge it by: packs, shows views, pretrains with settings chosen from the
# images, embeds, draws nearest neighbours and, where subfolders name classes, measures. Run again, it goes on.
#   sh jobs/own-images.sh FOLDER [RUN_DIR]      RUN_DIR: runs/own-images
#   BUDGET=20m   how long the training may take      RANKS=N   MPI ranks (1)      SIMCLR=PROGRAM   instead of building one
set -eu
[ $# -ge 1 ] && [ $# -le 2 ] || { echo "usage: sh jobs/own-images.sh FOLDER [RUN_DIR]" >&2; exit 2; }
[ -d "$1" ] || { echo "own-images: $1 is no folder" >&2; exit 2; }
folder=$(cd -- "$1" && pwd)
run=${2:-}
case $run in '') ;; /*) ;; *) run=$(pwd)/$run ;; esac
jobs=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
. "$jobs/install.sh"
. "$jobs/build.sh"
if has_sources; then
    cd "$top"
    [ -n "${SIMCLR:-}" ] || install_packages build
fi
run=${run:-$(pwd)/runs/own-images}
build_simclr
. "$jobs/attend.sh"
ranks=${RANKS:-1}
mkdir -p "$run"
draw "$jobs/plot.sh" "$run"

# value KEY: from pack's last line
value() {
    tail -n 1 "$run/pack.out" | tr ' ' '\n' | sed -n "s/^$1=//p"
}
if [ ! -f "$run/all.h5" ]; then
    "$SIMCLR" pack --resize-shorter=256 --on-bad-image=skip "$folder" "$run/all.h5" >"$run/pack.out"
fi
train=$run/all.h5 test=''
if [ "$(value classes)" -gt 1 ]; then
    train=$run/train.h5 test=$run/train-test.h5
    [ -f "$train" ] || "$SIMCLR" pack --resize-shorter=256 --on-bad-image=skip --test-share=0.2 "$folder" "$train"
fi
attend stops sh "$jobs/mpirun.sh" "$ranks" "$SIMCLR" pretrain --data="$train" --run-dir="$run" \
    ${BUDGET:+--budget="$BUDGET"}
augment=$(sed -n 's/^augment = //p' "$run/config" | tr -d '"')
size=$(sed -n 's/^image-size = //p' "$run/config")
"$SIMCLR" views --force --augment="$augment" --image-size="$size" "$train" "$run/views.png"
sh "$jobs/plot.sh" "$run" || echo "no curves: gnuplot is missing" >&2
"$SIMCLR" embed --force --checkpoint="$run" --data="$run/all.h5" --output="$run/features.h5"
"$SIMCLR" neighbours --force --embedded="$run/features.h5" --data="$run/all.h5" "$run/neighbours.png" | tee "$run/neighbours.out"
: >"$run/probe.out"
[ -z "$test" ] || attend ends "$SIMCLR" probe --checkpoint="$run" --train="$train" --test="$test" >"$run/probe.out"
cat "$run/probe.out"

# The page: pictures beside it, and the sentences of the probe.
{
    echo '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>simclr: own images</title>'
    echo '<style>body{font-family:sans-serif;max-width:60em;margin:auto;padding:1em}img{max-width:100%}</style>'
    echo '<h1>What the encoder has learned</h1>'
    sed -n 's/^verdict: \(.*\)/\1/p' "$run/probe.out" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/.*/<p>&<\/p>/'
    echo '<h2>Nearest neighbours</h2><p>The first image of each row, and the images that the encoder finds most similar.</p><img src="neighbours.png" alt="neighbours">'
    [ -f "$run/metrics.png" ] && echo '<h2>Training</h2><img src="metrics.png" alt="loss">'
    echo '<h2>Views</h2><p>Each image and the two views that the network sees.</p><img src="views.png" alt="views">'
} >"$run/page.html"
echo "own-images images=$(value images) classes=$(value classes) run_dir=$run features=$run/features.h5 page=$run/page.html"
