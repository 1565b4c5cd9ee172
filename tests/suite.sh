#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Builds in build/tests and runs every test of `make check`; counts single test cases, not programs.
set -u
cd "$(dirname "$0")/.." || exit 1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
top=$(pwd)
[ -x configure ] && [ ! configure.ac -nt configure ] || autoreconf -fi >/dev/null || exit 1
mkdir -p build/tests && cd build/tests || exit 1
[ -f Makefile ] || "$top/configure" --quiet || exit 1
make -s -j"$(nproc)" || { echo "0 passed, 1 failed"; exit 1; }
find . -name '*.trs' -exec rm -f {} + # of tests that are no more, or not asked for
make -s -k check "$@"
status=$?
# Check's lines "85%: Checks: 7, Failures: 1, Errors: 0" and the harness' own results for scripts.
find . -name '*.trs' | sort | {
    passed=0 failed=0 skipped=0
    while read -r trs; do
        log=${trs%.trs}.log
        result=$(sed -n 's/^:test-result: *//p' "$trs" | tail -1)
        sums=$(sed -n 's/.*Checks: \([0-9]*\), Failures: \([0-9]*\), Errors: \([0-9]*\).*/\1 \2 \3/p' "$log" 2>/dev/null | tail -1)
        case $result in
        PASS*) [ -n "$sums" ] && passed=$((passed + ${sums%% *})) || passed=$((passed + 1)) ;;
        SKIP*) skipped=$((skipped + 1)); echo "skipped: $trs: $(tail -1 "$log")" ;;
        *) failed=$((failed + 1)); echo "FAILED: $trs"; tail -40 "$log" ;;
        esac
    done
    [ $failed -gt 0 ] || [ $status = 0 ] || failed=1
    if [ $skipped -gt 0 ]; then
        echo "$passed passed, $failed failed, $skipped skipped"
    else
        echo "$passed passed, $failed failed"
    fi
    [ $failed = 0 ]
}
