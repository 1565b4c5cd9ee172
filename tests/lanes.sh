#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# lanes.sh [LANE]...: the unit tests once more, built in other ways (the first three), each in build/LANE. Installs what is missing.
#   clang      Clang and its OpenMP: what one compiler takes for granted, the other may not
#   sanitize   AddressSanitizer and UndefinedBehaviorSanitizer
#   threads    ThreadSanitizer on the programs with threads of their own: loader, saver, lock, watchdog. It knows nothing of the
#              synchronisation inside an OpenMP library that was built without it, so OpenMP has one thread here and makes no others.
#   mpich      MPICH and its launcher: tests of several ranks, runs on 1 to 4, resume, signals, the job scripts
#   gcc9       the oldest GCC that is asked for, 9.3 of Debian 11, unpacked beside the host's
#   arm64      cross-compiled for aarch64, run by qemu: the kernels by the portable vectors. It is slow, so nn and losses alone.
# A lane ends with "LANE: N passed, N failed", or with "skipped: LANE: why"; the last line is the sum.
set -u
cd "$(dirname "$0")/.." || exit 1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
top=$(pwd)
. jobs/install.sh
. tests/sysroot.sh
install_packages lanes || exit 1
[ -x configure ] && [ ! configure.ac -nt configure ] || autoreconf -fi >/dev/null || exit 1
[ $# -gt 0 ] || set -- clang sanitize threads
passed=0 failed=0 skipped=0

# build LANE CONFIGURE-ARGUMENTS...: configured and made in build/LANE, where it stays
build() {
    mkdir -p "$top/build/$1" && cd "$top/build/$1" || return 1
    shift
    [ -f Makefile ] || "$top/configure" --quiet "$@" >/dev/null || return 1
    make -s -j"$(nproc)" >build.log 2>&1 || { tail -n 20 build.log; return 1; }
}
# units LANE MAKE-ARGUMENTS...: the unit tests of the build that this shell is in
units() {
    lane=$1
    shift
    find src tests -name '*.trs' -exec rm -f {} +
    make -s -k -j"$(nproc)" check-units "$@" >units.log 2>&1
    good=$(find src tests -name '*.trs' -exec grep -l '^:test-result: PASS' {} + | wc -l)
    bad=$(find src tests -name '*.trs' -exec grep -L '^:test-result: PASS' {} + | wc -l)
    [ "$good" -gt 0 ] || { tail -n 20 units.log; bad=$((bad + 1)); }
    find src tests -name '*.trs' -exec grep -L '^:test-result: PASS' {} + | while read -r trs; do
        echo "FAILED: $lane: ${trs%.trs}"
        tail -n 40 "${trs%.trs}.log"
    done
    echo "$lane: $good passed, $bad failed"
    passed=$((passed + good)) failed=$((failed + bad))
}
# lost LANE: it could not be built
lost() {
    echo "FAILED: $1: cannot be built"
    failed=$((failed + 1))
}
# skip LANE WHY
skip() {
    echo "skipped: $1: $2"
    skipped=$((skipped + 1))
}

for lane in "$@"; do
    case $lane in
    clang)
        # -O2: the kernels compile in half the time
        if build clang CC=clang CFLAGS='-g -O2'; then units clang; else lost clang; fi
        ;;
    sanitize)
        # Leaks are valgrind's business (the suite): Open MPI and HDF5 keep memory to the end. The reports of both sanitizers end the program.
        export ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1
        if build sanitize --enable-sanitize=address,undefined CFLAGS='-g -O1 -fno-sanitize-recover=undefined'; then
            units sanitize
        else
            lost sanitize
        fi
        unset ASAN_OPTIONS UBSAN_OPTIONS
        ;;
    threads)
        export OMP_NUM_THREADS=1
        if build threads --enable-sanitize=thread CFLAGS='-g -O1'; then
            units threads UNITS='src/load/test_load src/ckpt/test_ckpt src/run/test_lock src/run/test_watch'
        else
            lost threads
        fi
        unset OMP_NUM_THREADS
        ;;
    mpich)
        if ! why=$(install_packages lane-mpich 2>&1); then
            skip mpich "$why"
        elif build mpich MPICC=mpicc.mpich CFLAGS='-g -O1'; then
            units mpich UNITS='src/comm/test_comm.mpi src/comm/test_allreduce.mpi tests/ranks.sh tests/resume.sh tests/stops.sh tests/jobs.sh tests/tools.sh'
        else
            lost mpich
        fi
        ;;
    gcc9)
        if ! why=$(unpacked "$top/build/gcc9-root" amd64 bullseye these gcc-9 cpp-9 libgcc-9-dev); then
            skip gcc9 "$why"
        elif build gcc9 CC="$top/build/gcc9-root/usr/bin/x86_64-linux-gnu-gcc-9" CFLAGS='-g -O1'; then
            units gcc9 UNITS='src/nn/test_passes src/objective/test_softmax'
        else
            lost gcc9
        fi
        ;;
    arm64)
        root=$top/build/arm64-root
        libraries=$root/usr/lib/aarch64-linux-gnu
        if ! why=$(install_packages lane-arm64 2>&1 && unpacked "$root" arm64 '' with_libraries libc6-dev libgcc-12-dev libgomp1 libopenmpi-dev \
            libblis-serial-dev libhdf5-dev libpng-dev zlib1g-dev libjpeg-dev liblbfgs-dev libjansson-dev check); then
            skip arm64 "$why"
        elif PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR=$libraries/pkgconfig build arm64 --host=aarch64-linux-gnu \
            CC="aarch64-linux-gnu-gcc --sysroot=$root" CFLAGS='-g -O1'; then
            # Without ranks: the libraries of this machine's Open MPI start none of another's.
            export CK_TIMEOUT_MULTIPLIER=30
            emulator="qemu-aarch64-static -L $root -E LD_LIBRARY_PATH=$libraries/blis-serial:$libraries/openmpi/lib"
            units arm64 UNITS='src/nn/test_passes src/objective/test_softmax src/objective/test_loss.mpi src/gemm/test_gemm src/conv/test_conv' LOG_COMPILER="$emulator" MPI_LOG_COMPILER="$emulator" AM_MPI_LOG_FLAGS=
            unset CK_TIMEOUT_MULTIPLIER
        else
            lost arm64
        fi
        ;;
    *)
        echo "lanes.sh: there is no lane '$lane': clang, sanitize, threads, mpich, gcc9, arm64" >&2
        exit 2
        ;;
    esac
done
if [ $skipped -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ $failed = 0 ]
