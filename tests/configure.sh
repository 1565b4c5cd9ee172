#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What configure makes of libraries that are named wrongly, of BLIS in a prefix, of a machine without pkg-config, of another MPI: it finds
# what is missing before make does, says how to name it, and what it links is found at run time without LD_LIBRARY_PATH.
top=$(cd "${top_srcdir:-.}" && pwd)
[ -x "$top/configure" ] && [ ! -f "$top/config.status" ] || { echo "skipped: the build is in the folder of the sources"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1
unset LD_LIBRARY_PATH BLIS_CFLAGS BLIS_LIBS PKG_CONFIG PKG_CONFIG_PATH
CC=${CC:-gcc}
die() {
    echo "$*"
    exit 1
}
# configured ARGUMENTS...: what is said is in out
configured() {
    "$top/configure" --quiet CC="$CC" "$@" >out 2>&1
}
# made NAME: as the last configure chose it
made() {
    sed -n "s/^$1='\(.*\)'\$/\1/p" config.log | tail -n 1
}

# No pkg-config: libraries that are named are taken, and a symbol or a file that is not there is found now, with all else that is missing.
configured PKG_CONFIG=false HDF5_CFLAGS=-I"$work" HDF5_LIBS=-lz BLIS_CFLAGS="-DCLR_A" BLIS_LIBS=-lm PNG_LIBS=-L/nowhere JPEG_LIBS=-lnothing &&
    die "wrong libraries were taken: $(cat out)"
for said in "BLIS: a program cannot be linked with the BLIS_LIBS" "HDF5: a program cannot be linked with the HDF5_LIBS" \
    "libpng: a program cannot be linked with the PNG_LIBS" "png_create_read_struct" "libjpeg: a program cannot be linked with the JPEG_LIBS" \
    "cannot find -lnothing" "apt-get install pkg-config"; do
    grep -q -- "$said" out || die "configure does not say '$said': $(cat out)"
done

# BLIS in a prefix: <blis/blis.h>, and a library that asks for libm; then by blis.pc. A stand-in, as the real one takes minutes to build.
mkdir -p prefix/include/blis prefix/lib/pkgconfig
cat >prefix/include/blis/blis.h <<'C'
void bli_init(void), bli_sgemm(void), bli_thread_set_num_threads(int);
int bli_arch_query_id(void);
const char *bli_arch_string(int);
C
cat >blis.c <<'C'
#include <math.h>
#include <stdio.h>
#include "prefix/include/blis/blis.h"
void bli_init(void) { volatile double one = 1; puts(exp(one) > 2 ? "from the prefix" : ""); }
void bli_sgemm(void) {}
void bli_thread_set_num_threads(int threads) { (void)threads; }
int bli_arch_query_id(void) { return 0; }
const char *bli_arch_string(int id) { return id ? "" : "none"; }
C
cat >prefix/lib/pkgconfig/blis.pc <<PC
Name: BLIS
Description: stand-in
Version: 1.0
Libs: -L$work/prefix/lib -lblis
Cflags: -I$work/prefix/include/blis
PC
cat >main.c <<'C'
#ifdef CLR_BLIS_FOLDER
#include <blis/blis.h>
#else
#include <blis.h>
#endif
int main(void) { bli_init(); return 0; }
C
# in_prefix: a program that is built with the flags of the last configure finds the library there
in_prefix() {
    $CC $(made BLIS_CFLAGS) -o main main.c $(made BLIS_LIBS) 2>err || die "$1: $(cat err)"
    [ "$(./main)" = "from the prefix" ] || die "$1: the library in the prefix is not the one that is used: $(made BLIS_LIBS)"
}
$CC -shared -fPIC -o prefix/lib/libblis.so blis.c || { echo "skipped: no shared library can be made here"; exit 77; }
configured BLIS_CFLAGS="-I$work/prefix/include" BLIS_LIBS="-L$work/prefix/lib -lblis" || die "BLIS in a prefix: $(cat out)"
in_prefix "a shared library"
$CC -c -fPIC blis.c && rm prefix/lib/libblis.so && ar cr prefix/lib/libblis.a blis.o || die "no library can be made"
configured --enable-sanitize PKG_CONFIG_PATH="$work/prefix/lib/pkgconfig" || die "blis.pc: $(cat out)"
if grep -q "BLIS *blis$" out; then in_prefix "a static library of blis.pc"; else echo "left out: blis.pc, as there is no pkg-config here"; fi
[ "$(made CLR_SANITIZE)" = "-fsanitize=address,undefined -fno-omit-frame-pointer" ] || die "--enable-sanitize alone: $(made CLR_SANITIZE)"

# The launcher is that of the MPI which is used.
for kind in openmpi mpich; do
    command -v mpicc.$kind mpirun.$kind >/dev/null 2>&1 || { echo "left out: there is no mpicc.$kind here"; continue; }
    configured CC=cc MPICC=mpicc.$kind MPIRUN= || die "mpicc.$kind: $(cat out)"
    case $kind-$("$(made MPIRUN)" --version 2>&1) in
    openmpi-*"Open MPI"* | openmpi-*OpenRTE* | mpich-*HYDRA*) ;;
    *) die "with mpicc.$kind ranks would be started by $(made MPIRUN)" ;;
    esac
done
if command -v mpicc.mpich mpirun.openmpi >/dev/null 2>&1; then
    configured CC=cc MPICC=mpicc.mpich MPIRUN=mpirun.openmpi || die "MPICH beside Open MPI: $(cat out)"
    grep -q "launcher mpirun.openmpi is not its own" out || die "a launcher of another MPI is not warned about: $(cat out)"
fi
echo "libraries are tried, and found again"
