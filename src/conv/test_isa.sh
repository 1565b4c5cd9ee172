#!/bin/sh
# test_conv with the lesser instruction sets; it runs by itself with the best that the machine has.
test -x "$top_builddir/src/conv/test_conv" || exit 77
for isa in portable avx2; do
    echo "SIMCLR_ISA=$isa"
    SIMCLR_ISA=$isa "$top_builddir/src/conv/test_conv" || exit 1
done
