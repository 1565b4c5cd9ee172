#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# lanes.sh [clang|sanitize|threads]...: the unit tests once more, built in other ways (all three), each in build/LANE. Installs what is missing.
#   clang      Clang and its OpenMP: what one compiler takes for granted, the other may not
#   sanitize   AddressSanitizer and UndefinedBehaviorSanitizer
#   threads    ThreadSanitizer on the programs with threads of their own: loader, saver, lock, watchdog. It knows nothing of the
#              synchronisation inside an OpenMP library that was built without it, so OpenMP has one thread here and makes no others.
# A lane ends with "LANE: N passed, N failed"; the last line is the sum.
set -u
cd "$(dirname "$0")/.." || exit 1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
top=$(pwd)
. jobs/install.sh
install_packages lanes || exit 1
[ -x configure ] && [ ! configure.ac -nt configure ] || autoreconf -fi >/dev/null || exit 1
[ $# -gt 0 ] || set -- clang sanitize threads
passed=0 failed=0

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
    find src -name '*.trs' -exec rm -f {} +
    make -s -k -j"$(nproc)" check-units "$@" >units.log 2>&1
    good=$(find src -name '*.trs' -exec grep -l '^:test-result: PASS' {} + | wc -l)
    bad=$(find src -name '*.trs' -exec grep -L '^:test-result: PASS' {} + | wc -l)
    [ "$good" -gt 0 ] || { tail -n 20 units.log; bad=$((bad + 1)); }
    find src -name '*.trs' -exec grep -L '^:test-result: PASS' {} + | while read -r trs; do
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
    *)
        echo "lanes.sh: there is no lane '$lane': clang, sanitize, threads" >&2
        exit 2
        ;;
    esac
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
