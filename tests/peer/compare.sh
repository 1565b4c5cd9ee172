#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# compare.sh [PROCESSES [CASE...]]: training steps and the contrastive loss beside PyTorch on the same cores, process after process in turn;
# of each process its best step, of these the median. Cases: resnet18-32 resnet50-224 resnet50-32 loss (all), resnet18-quarter. Says what it runs.
#   SIMCLR (./simclr), THREADS (2), STEPS (5), SIMCLR_DTYPES (fp32): of ours, "fp32 bf16"
#   SIMCLR_PEER_PYTHON: an interpreter with torch;  SIMCLR_PEER_DIR: the folder with step.py and loss.py
#   SIMCLR_PEER_KINDS: of PyTorch, "eager compile bf16 bf16-compile"; bf16 is eager
set -u
processes=${1:-5}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- resnet18-32 resnet50-224 resnet50-32 loss
simclr=${SIMCLR:-./simclr} threads=${THREADS:-2} steps=${STEPS:-5} python=${SIMCLR_PEER_PYTHON:-python3}
kinds=${SIMCLR_PEER_KINDS:-eager compile} dtypes=${SIMCLR_DTYPES:-fp32}
peer=${SIMCLR_PEER_DIR:-$(cd "$(dirname "$0")/../.." && pwd)/../shared/peer}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
[ -f "$peer/step.py" ] || { echo "no step.py in $peer (SIMCLR_PEER_DIR)" >&2; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# one FILE COMMAND...: its last line to FILE
one() {
    to=$1
    shift
    [ -s "$to" ] || echo "  $*"
    "$@" 2>"$work/err" | tail -n 1 >>"$to" || { tail -n 3 "$work/err"; }
}
# median FILE KEY
median() {
    tr ' ' '\n' <"$1" | sed -n "s/^$2=//p" | sort -n | awk '{ a[NR] = $1 } END { if (NR) print NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2; else print "-" }'
}
range() {
    tr ' ' '\n' <"$1" | sed -n "s/^$2=//p" | sort -n | awk '{ a[NR] = $1 } END { print a[1] " to " a[NR] }'
}
step() { # NAME ARCH STEM SIZE VIEWS [WIDTH]
    i=0
    while [ $i -lt "$processes" ]; do
        i=$((i + 1))
        for dtype in $dtypes; do
            one "$work/$1.$dtype" "$simclr" bench step --arch="$2" --stem="$3" --image-size="$4" --views="$5" --width="${6:-1}" --threads="$threads" \
                --steps="$steps" --dtype="$dtype"
        done
        for kind in $kinds; do
            case $kind in eager) more= ;; compile) more=--compile ;; bf16) more="--dtype bf16" ;; bf16-compile) more="--dtype bf16 --compile" ;; esac
            one "$work/$1.torch-$kind" "$python" "$peer/step.py" --arch "$2" --stem "$3" --size "$4" --views "$5" --width "${6:-1}" --threads "$threads" --steps "$steps" $more
        done
    done
    for kind in $dtypes $(printf 'torch-%s ' $kinds); do
        file=$work/$1.$kind
        case $kind in torch-*) ;; *) kind="simclr $kind" ;; esac
        echo "$1 $kind views_per_s=$(median "$file" views_per_s_best) ($(range "$file" views_per_s_best)) peak_rss_mb=$(median "$file" peak_rss_mb)"
    done
}
for case in "$@"; do
    echo "$case:"
    case $case in
    resnet18-32) step $case resnet18 cifar 32 128 ;;
    resnet50-224) step $case resnet50 imagenet 224 16 ;;
    resnet50-32) step $case resnet50 cifar 32 128 ;;
    resnet18-quarter) step $case resnet18 cifar 32 256 0.25 ;;
    loss)
        i=0
        while [ $i -lt "$processes" ]; do
            i=$((i + 1))
            one "$work/loss.simclr" "$simclr" bench loss --batch=8192 --dim=128 --threads="$threads"
            one "$work/loss.eager" "$python" "$peer/loss.py" --batch 8192 --dim 128 --threads "$threads"
        done
        for kind in simclr eager; do
            echo "loss $kind seconds=$(median "$work/loss.$kind" seconds) ($(range "$work/loss.$kind" seconds)) extra_mb=$(median "$work/loss.$kind" extra_mb)"
        done ;;
    *) echo "there is no case $case" >&2; exit 2 ;;
    esac
done
