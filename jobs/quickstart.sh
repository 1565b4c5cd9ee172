#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# From nothing to a number: installs, builds, packs Fashion-MNIST, pretrains over MPI on all cores, evaluates, draws.
# Run again, it goes on from the last checkpoint. Settings: the preset fashion-mnist (src/cmd/presets.h).
#   sh jobs/quickstart.sh OPTIONS...   go to simclr pretrain
#   RUN_DIR=DIR   where the run goes (runs/quickstart)     RANKS=N   MPI ranks (2 where there are 2 cores or more)
#   SIMCLR=PROGRAM   instead of building one    MNIST=DIR   where the dataset is, if not in Debian's package
# In a source tree everything goes there; installed, into the current folder.
set -eu
jobs=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
began=$(date +%s)
. "$jobs/install.sh"
. "$jobs/build.sh"
if has_sources; then
    cd "$top"
    install_packages quickstart
else
    install_packages data || echo "going on without" >&2
fi

run=${RUN_DIR:-runs/quickstart}
case $run in -*) run=./$run ;; esac # no option
cores=$(nproc)
ranks=${RANKS:-$((cores > 1 ? 2 : 1))}
threads=$((cores / ranks > 0 ? cores / ranks : 1))

build_simclr
mkdir -p data "$run"

mnist=${MNIST:-/usr/share/datasets/fashion-mnist}
for split in train test; do
    [ -f data/fashion-mnist-$split.h5 ] || [ -d "$mnist" ] || {
        printf '%s: no such folder; set MNIST to one with the four files of Fashion-MNIST (train-images-idx3-ubyte.gz, ...)\n' "$mnist" >&2
        exit 1
    }
    [ -f data/fashion-mnist-$split.h5 ] || "$SIMCLR" pack --split=$split "$mnist" data/fashion-mnist-$split.h5
done
[ -f "$run/views.png" ] || "$SIMCLR" views --preset=fashion-mnist data/fashion-mnist-train.h5 "$run/views.png"

. "$jobs/attend.sh"
draw "$jobs/plot.sh" "$run"
attend stops sh "$jobs/mpirun.sh" "$ranks" "$SIMCLR" pretrain --preset=fashion-mnist --threads="$threads" \
    --data=data/fashion-mnist-train.h5 "$@" --run-dir="$run"
sh "$jobs/plot.sh" "$run"
echo "evaluating"
status=0
rm -f "$run/probe.out" # a file of this script's, whatever had its name
attend ends sh "$jobs/mpirun.sh" 1 "$SIMCLR" probe --checkpoint="$run" --train=data/fashion-mnist-train.h5 \
    --test=data/fashion-mnist-test.h5 --threads="$cores" >"$run/probe.out" || status=$?
cat "$run/probe.out"
[ $status = 0 ] || { echo "quickstart: probe failed with status $status; what it printed is in $run/probe.out" >&2; exit $status; }

# value METHOD KEY: from the line of that method
value() {
    sed -n "s/^probe .*method=$1 .*/& /p" "$run/probe.out" | tail -1 | tr ' ' '\n' | sed -n "s/^$2=//p"
}
for method in linear-sgd knn; do
    for key in top1 untrained_top1 raw_top1; do
        [ -n "$(value $method $key)" ] || { echo "quickstart: $run/probe.out has no $key of $method" >&2; exit 1; }
    done
done
pictures=$run/views.png
[ -f "$run/metrics.png" ] && pictures=$pictures,$run/metrics.png
echo "quickstart linear=$(value linear-sgd top1) knn=$(value knn top1)" \
    "untrained_linear=$(value linear-sgd untrained_top1) untrained_knn=$(value knn untrained_top1)" \
    "raw_linear=$(value linear-sgd raw_top1) raw_knn=$(value knn raw_top1)" \
    "seconds=$(($(date +%s) - began)) run_dir=$run pictures=$pictures"
