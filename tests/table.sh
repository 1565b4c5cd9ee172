#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# One global batch however many ranks: a step against the double-precision reference of the whole batch (src/task/test_table.c).
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
command -v "${MPIRUN:-mpirun}" >/dev/null 2>&1 || { echo "no mpirun here"; exit 77; }
mpirun=${top_srcdir:-.}/jobs/mpirun.sh status=0
for ranks in 1 2 3 4 8; do
    OMP_NUM_THREADS=$((ranks == 1 ? 2 : 1)) timeout 300 "$mpirun" $ranks "${top_builddir:-.}/src/task/test_table" ||
        { echo "$ranks ranks: not as the reference"; status=1; }
done
exit $status
