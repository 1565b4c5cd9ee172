#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# mpirun.sh RANKS COMMAND...: COMMAND on so many ranks, which may be more than there are cores and may run on all of them. RANKS: a number,
# or "all" that the job's allocation has. The one place that knows launchers: Open MPI counts cores and binds ranks where it is not told
# otherwise; the Hydra of MPICH and its relatives does neither.
#   MPIRUN=PROGRAM   the launcher of the MPI that the program was built with (mpirun, else mpiexec; job scripts: as build.sh finds it)
mpirun=${MPIRUN:-mpirun}
[ -n "${MPIRUN:-}" ] || command -v mpirun >/dev/null 2>&1 || mpirun=mpiexec
command -v "$mpirun" >/dev/null 2>&1 || { echo "there is no $mpirun on PATH: load the MPI's module, or name its launcher with MPIRUN=..." >&2; exit 127; }
ranks=$1
shift
[ "$ranks" = all ] || set -- -n "$ranks" "$@"
case $("$mpirun" --version 2>&1) in
*"Open MPI"* | *OpenRTE*)
    set -- --bind-to none "$@"
    [ "$ranks" = all ] || set -- --oversubscribe "$@"
    exec "$mpirun" "$@" ;;
*HYDRA*) ;;
*) exec "$mpirun" "$@" ;;
esac

# Hydra, once it has passed a signal on, ends with 0 whatever the ranks ended with. A run that was told to stop has stopped then (75); where
# it was just finished, the same command says so at once and ends with 0.
told='' child=''
hear() {
    means=$1
    case $1 in USR1) told=1 ;; TERM) means=INT ;; esac
    [ -n "$child" ] || return 0
    kill -$means "$child" 2>/dev/null || :
    [ "$1" != TERM ] || { sleep 1; kill -INT "$child" 2>/dev/null || :; }
}
for signal in INT QUIT HUP TERM USR1; do
    # shellcheck disable=SC2064
    trap "hear $signal" $signal
done
"$mpirun" "$@" <&0 &
child=$!
[ -z "$told" ] || kill -USR1 "$child"
status=0
wait $child || status=$?
while kill -0 $child 2>/dev/null; do # a signal ended the waiting, not the program
    status=0
    wait $child || status=$?
done
[ $status != 0 ] || [ -z "$told" ] || status=75
exit $status
