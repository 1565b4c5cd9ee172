#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# `make fuzz`: builds the harnesses with Clang, writes their seeds, and runs each FUZZ_RUNS times (1000000), or builds
# only (0). In ./fuzz: the programs, corpus-READER, findings-READER, READER.log. FUZZ_READERS="png jpeg" chooses.
set -u
cc=${FUZZ_CC:-clang} runs=${FUZZ_RUNS:-1000000} top=$(cd "$top_srcdir" && pwd)
sanitize=-fsanitize=address,undefined,fuzzer
command -v ${cc%% *} >/dev/null || { echo "no $cc here (FUZZ_CC)"; exit 1; }
mkdir -p fuzz && sed '/CLR_HAVE_X86/d' config.h >fuzz/config.h || exit 1
flags="-g -O1 -Wall -Wno-unknown-pragmas -pthread -I$top/include -I$top/tests/fuzz/omp -include fuzz/config.h"
checked="$sanitize-no-link -fno-sanitize-recover=all -fno-omit-frame-pointer"

# compile FLAGS SOURCES...: each becomes fuzz/DIR+NAME.o
compile() {
    more=$1
    shift
    printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} \
        sh -c 'o=fuzz/$(echo "$1" | tr / +).o; shift; "$@" -o "$o" || exit 255' sh {} \
        $cc $flags $FUZZ_CPPFLAGS $more -c "$top/{}"
}
rm -f fuzz/*.o fuzz/libclr.a
compile "$checked" $FUZZ_SOURCES $FUZZ_HARNESSES tests/fuzz/fuzz.c || exit 1
compile -DCLR_ISA=portable $FUZZ_KERNELS || exit 1 # they read no files
ar cr fuzz/libclr.a fuzz/src+*.o || exit 1
for program in $FUZZ_PROGRAMS; do
    $cc $sanitize -pthread $FUZZ_WRAP -o "fuzz/${program##*/}" "fuzz/$(echo "$program" | tr / +).c.o" \
        fuzz/tests+fuzz+fuzz.c.o fuzz/libclr.a $FUZZ_LIBS || exit 1
done
[ "$runs" -gt 0 ] || exit 0

# HDF5 itself falls over some files that it is given: those readers run in processes of their own and go on, and what they found is parted
# by the library in which the fault is.
# ours READER: lists the findings whose fault is not in HDF5; *.hdf5 keeps the others, *.alone those that do nothing in a process of their own:
# an earlier input had spoiled the library's memory
ours() {
    for finding in "fuzz/findings-$1"/*; do
        case $finding in *'*' | *.hdf5 | *.alone | *.txt) continue ;; esac
        if FUZZ_FOLDER=$scratch "fuzz/fuzz_$1" "$finding" >"$finding.txt" 2>&1; then
            mv "$finding" "$finding.alone"
            rm "$finding.txt"
            continue
        fi
        # The first frame that is neither the sanitizer's nor the C library's.
        where=$(sed -n 's/^ *#[0-9]* 0x[0-9a-f]* //p' "$finding.txt" | grep -v -E 'fuzz_'"$1"'\+0x|compiler-rt|sysdeps/|/libc\.so|libc_start|sanitizer' | head -n 1)
        where=${where:-$(sed -n 's/^ *#[0-9]* 0x[0-9a-f]* *//p' "$finding.txt" | grep -m 1 -E 'libhdf5')}
        case $where in
        *libhdf5*) mv "$finding" "$finding.hdf5" && mv "$finding.txt" "$finding.hdf5.txt" ;;
        *) echo "$finding" ;;
        esac
    done
}
scratch=$(mktemp -d /dev/shm/simclr-fuzz-XXXXXX || mktemp -d) failed=0
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
for program in $FUZZ_PROGRAMS; do
    reader=${program##*/fuzz_}
    case " ${FUZZ_READERS-$reader} " in *" $reader "*) ;; *) continue ;; esac
    mkdir -p "fuzz/corpus-$reader" "fuzz/findings-$reader"
    FUZZ_SEEDS="fuzz/corpus-$reader" "fuzz/fuzz_$reader" || exit 1
    case $reader in
    dataset | checkpoint | hostile)
        export ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=0
        apart='-fork=1 -ignore_crashes=1 -ignore_ooms=1 -ignore_timeouts=1 -detect_leaks=0'
        ;;
    *) apart= ;;
    esac
    # shellcheck disable=SC2086 # several words
    FUZZ_FOLDER=$scratch nice "fuzz/fuzz_$reader" $apart -runs="$runs" -max_len=65536 -timeout=300 -rss_limit_mb=2048 -malloc_limit_mb=512 \
        -artifact_prefix="fuzz/findings-$reader/" "fuzz/corpus-$reader" >"fuzz/$reader.log" 2>&1
    status=$?
    if [ -n "$apart" ]; then
        mine=$(ours "$reader")
        echo "$reader: $(sed -n 's/^#\([0-9]*\): cov.*/\1/p' "fuzz/$reader.log" | tail -n 1) runs, $(find "fuzz/findings-$reader" -name '*.hdf5' | wc -l) faults of HDF5 itself" \
            "(fuzz/findings-$reader/*.hdf5), $(find "fuzz/findings-$reader" -name '*.alone' | wc -l) that do not repeat alone, others: ${mine:-none}"
        [ -z "$mine" ] || failed=1
        unset ASAN_OPTIONS
        continue
    fi
    echo "$reader: status $status: $(grep -E '^Done|^SUMMARY|does not hold|asked for' "fuzz/$reader.log" | tail -n 1)"
    [ $status = 0 ] || failed=1
done
exit $failed
