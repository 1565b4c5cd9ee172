#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# cluster.sh BLIS: README's part for clusters, as a user without root, in a clean clone. BLIS: its sources, or its prefix. A batch system is not there:
# sbatch runs the script at once. Then the program once more with Clang and with MPICH.
set -u
mkdir -p "$HOME/bin"
cat >"$HOME/bin/sbatch" <<'END'
#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in *.sh) break ;; esac
    shift
done
exec sh "$@"
END
chmod +x "$HOME/bin/sbatch"
if [ -d "$1/include/blis" ]; then
    cp -R "$1" "$HOME/blis"
else
    cp -R "$1" "$HOME/blis-source" && cd "$HOME/blis-source" &&
        { ./configure --prefix="$HOME/blis" auto && make -j"$(nproc)" && make install; } >"$HOME/blis.out" 2>&1 || { tail -5 "$HOME/blis.out"; exit 1; }
fi
cd "$HOME/simclr" || exit 1
result=0
BLIS_CFLAGS=-I$HOME/blis/include/blis BLIS_LIBS="-L$HOME/blis/lib -lblis"
export BLIS_CFLAGS BLIS_LIBS
sh tests/readme/readme.sh cluster || result=1
# built CC...: in a folder of its own; one step of training on two ranks
built() {
    name=$1
    shift
    cp -R "$HOME/simclr" "$HOME/$name" && cd "$HOME/$name" && { make distclean || :; } >/dev/null 2>&1
    { ./configure "$@" --prefix="$HOME/$name-prefix" && make -j"$(nproc)" && make install; } >"$HOME/$name.out" 2>&1 || {
        echo "FAILED: ./configure $*"
        tail -5 "$HOME/$name.out" | sed 's/^/    /'
        result=1
        return
    }
    "$HOME/$name-prefix/bin/simclr" --version
    RANKS_PER_NODE=2 sh "$HOME/$name-prefix/share/simclr/jobs/pretrain.sh" --data=train.h5 --run-dir=runs/two --steps=1 --batch=16 \
        --arch=resnet18 --width=1/16 --image-size=32 --stem=cifar --threads=1 --warmup-epochs=0 >"$HOME/$name.out" 2>&1 || {
        echo "FAILED: $name: training on two ranks"
        tail -8 "$HOME/$name.out" | sed 's/^/    /'
        result=1
        return
    }
    echo "passed: ./configure $*"
}
! command -v clang >/dev/null 2>&1 || built clang CC=clang
! command -v mpicc.mpich >/dev/null 2>&1 || built mpich CC=mpicc.mpich MPIRUN=mpirun.mpich
exit $result
