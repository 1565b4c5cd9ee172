#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The tests of kernels with the lesser instruction sets; they run by themselves with the best that the machine has.
test -x "$top_builddir/src/conv/test_conv" || exit 77
for isa in portable avx2 avx512; do
    for test in conv/test_conv conv/test_winograd gemm/test_gemm nn/test_passes; do
        echo "SIMCLR_ISA=$isa $test"
        SIMCLR_ISA=$isa "$top_builddir/src/$test" || exit 1
    done
done
