#!/bin/sh
# test_conv and test_winograd with the lesser instruction sets; they run by themselves with the best that the machine has.
test -x "$top_builddir/src/conv/test_conv" || exit 77
for isa in portable avx2; do
    for test in test_conv test_winograd; do
        echo "SIMCLR_ISA=$isa $test"
        SIMCLR_ISA=$isa "$top_builddir/src/conv/$test" || exit 1
    done
done
