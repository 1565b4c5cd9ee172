# SPDX-License-Identifier: BSD-3-Clause
# Sourced by the scripts that drive the program: a folder of their own, a small dataset, and how to start runs. Ends with 77 where
# something is missing.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
build=$(cd "${top_builddir:-.}" && pwd) top=$(cd "${top_srcdir:-.}" && pwd)
simclr=$build/simclr mpirun=$top/jobs/mpirun.sh
mnist=/usr/share/datasets/fashion-mnist
command -v "${MPIRUN:-mpirun}" >/dev/null 2>&1 || { echo "no mpirun here"; exit 77; }
[ -d $mnist ] || { echo "Fashion-MNIST is not installed (dataset-fashion-mnist)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
"$simclr" pack --split=test $mnist "$work/data.h5" >/dev/null 2>"$work/err" || { cat "$work/err"; exit 1; }

# pretrain RANKS DIR OPTIONS...: a tiny network; stdout and stderr go to DIR.out
pretrain() {
    ranks=$1 dir=$2
    shift 2
    timeout 300 "$mpirun" "$ranks" "$simclr" pretrain --preset=fashion-mnist --data="$work/data.h5" \
        --run-dir="$dir" --width=1/16 --batch=64 --warmup-epochs=0.02 --threads=1 --log-every=5 "$@" >>"${dir_out:-$dir.out}" 2>&1
}
# sums DIR STEP: the checksums of everything in a checkpoint
sums() {
    "$simclr" info --all "$1/checkpoints/step-$(printf %08d "$2").h5" | grep '^  /'
}
# steps DIR: the step column of its metrics
steps() {
    grep -v '^#' "$1/metrics.tsv" | cut -f1 | tr '\n' ' '
}
# few DIR [FIRST]: DIR.h5, a dataset of 256 images, from number FIRST (0) on: four steps of 64 are an epoch
few() {
    mkdir "$1"
    { printf '\0\0\10\3\0\0\1\0\0\0\0\34\0\0\0\34'; gzip -dc $mnist/t10k-images-idx3-ubyte.gz | tail -c +$((17 + ${2:-0} * 784)) | head -c $((256 * 784)); } >"$1/t10k-images-idx3-ubyte"
    { printf '\0\0\10\1\0\0\1\0'; gzip -dc $mnist/t10k-labels-idx1-ubyte.gz | tail -c +$((9 + ${2:-0})) | head -c 256; } >"$1/t10k-labels-idx1-ubyte"
    "$simclr" pack --split=test "$1" "$1.h5" >"$work/err" 2>&1 || die "pack: $(cat "$work/err")"
}
# ranks_of COMMAND TEXT: the processes of `simclr COMMAND` with TEXT among their arguments; from /proc, as a bare image has no ps
ranks_of() {
    # shellcheck disable=SC2013
    for file in $(grep -laF -- "$2" /proc/[0-9]*/cmdline 2>/dev/null); do
        case $({ tr '\0' ' ' <"$file"; } 2>/dev/null) in
        *mpirun* | *mpiexec*) ;;
        *"simclr $1 "*) file=${file#/proc/} && echo "${file%/cmdline}" ;;
        esac
    done | sort -n
}
# until_at STEP DIR: waits until the run has got there
until_at() {
    waited=0
    until [ "$(tail -n 1 "$2/metrics.tsv" 2>/dev/null | cut -f1)" -ge "$1" ] 2>/dev/null; do
        [ $waited -lt 900 ] || die "step $1 was not reached in 90 seconds: $(tail -5 "$2.out" 2>&1)"
        sleep 0.1
        waited=$((waited + 1))
    done
}
die() {
    echo "$*"
    exit 1
}
