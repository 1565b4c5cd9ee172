#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# mpirun.sh RANKS COMMAND...: COMMAND on so many ranks, which may be more than there are cores and may run on all of them. RANKS: a number,
# or "all" that the job's allocation has. The one place that knows launchers: Open MPI counts cores and binds ranks where it is not told
# otherwise; the Hydra of MPICH and its relatives does neither.
#   MPIRUN=PROGRAM   the launcher of the MPI that the program was built with (mpirun, else mpiexec)
mpirun=${MPIRUN:-mpirun}
[ -n "${MPIRUN:-}" ] || command -v mpirun >/dev/null 2>&1 || mpirun=mpiexec
command -v "$mpirun" >/dev/null 2>&1 || { echo "there is no $mpirun on PATH: load the MPI's module, or name its launcher with MPIRUN=..." >&2; exit 127; }
ranks=$1
shift
[ "$ranks" = all ] || set -- -n "$ranks" "$@"
case $("$mpirun" --version 2>&1) in
*"Open MPI"* | *OpenRTE*)
    set -- --bind-to none "$@"
    [ "$ranks" = all ] || set -- --oversubscribe "$@" ;;
esac
exec "$mpirun" "$@"
