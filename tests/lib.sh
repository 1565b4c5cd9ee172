# Sourced by the scripts that drive the program: a folder of their own, a small dataset, and how to start runs. Ends with 77 where
# something is missing.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
build=$(cd "${top_builddir:-.}" && pwd) top=$(cd "${top_srcdir:-.}" && pwd)
simclr=$build/simclr mpirun=${MPIRUN:-mpirun}
mnist=/usr/share/datasets/fashion-mnist
command -v "$mpirun" >/dev/null 2>&1 || { echo "no mpirun here"; exit 77; }
[ -d $mnist ] || { echo "Fashion-MNIST is not installed (dataset-fashion-mnist)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
"$simclr" pack --split=test $mnist "$work/data.h5" >/dev/null 2>"$work/err" || { cat "$work/err"; exit 1; }

# pretrain RANKS DIR OPTIONS...: a tiny network; stdout and stderr go to DIR.out
pretrain() {
    ranks=$1 dir=$2
    shift 2
    timeout 120 "$mpirun" --oversubscribe --bind-to none -n "$ranks" "$simclr" pretrain --preset=fashion-mnist --data="$work/data.h5" \
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
die() {
    echo "$*"
    exit 1
}
