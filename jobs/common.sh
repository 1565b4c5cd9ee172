# Sourced by the job scripts: modules, the program, launching it under Slurm or on a laptop, and putting a job back into the queue.
jobs=${SIMCLR_JOBS:-$(cd "$(dirname "$0")" && pwd)}
. "$jobs/site.sh"
top=$(dirname "$jobs")

if [ -n "$MODULES" ] && command -v module >/dev/null 2>&1; then
    module load $MODULES || exit 1
fi
if [ -z "$SIMCLR" ]; then
    for candidate in "$top/build/simclr" "$top/simclr" "$top/build/quickstart/simclr" "$(command -v simclr)"; do
        [ -x "$candidate" ] && SIMCLR=$candidate && break
    done
fi
[ -x "$SIMCLR" ] || { echo "no simclr found: build it (./configure && make), or set SIMCLR in jobs/site.sh" >&2; exit 1; }

# launch ARGUMENTS...: simclr on all ranks. Signals that Slurm sends ahead of a time limit or a preemption reach the ranks: through
# srun as they are; mpirun hands on USR1 only, so there every signal becomes USR1.
launch() {
    if [ -n "${SLURM_JOB_ID:-}" ] && [ "$LAUNCHER" = srun ]; then
        srun --mpi="$SRUN_MPI" ${SLURM_CPUS_PER_TASK:+--cpus-per-task="$SLURM_CPUS_PER_TASK"} --kill-on-bad-exit=1 "$SIMCLR" "$@" &
    elif command -v mpirun >/dev/null 2>&1; then
        if [ -n "${SLURM_JOB_ID:-}" ]; then count=; else count="--oversubscribe -n $((NODES * RANKS_PER_NODE))"; fi
        mpirun --bind-to none $count "$SIMCLR" "$@" &
        trap 'kill -USR1 $launched 2>/dev/null' USR1 TERM
    else
        "$SIMCLR" "$@" &
    fi
    launched=$!
    trap 'kill -INT $launched 2>/dev/null' INT
    wait $launched
    status=$?
    while kill -0 $launched 2>/dev/null; do # a signal ended the waiting, not the program
        wait $launched
        status=$?
    done
    trap - USR1 TERM INT
    return $status
}

# go_on STATUS RUN_DIR: puts this job back into the queue where the program stopped cleanly (75) and is getting on: a run that was
# restarted MAX_RESTARTS times, or that came no further in three starts, is left for a person to look at. Exits.
go_on() {
    [ "$1" = 75 ] && [ -n "${SLURM_JOB_ID:-}" ] || exit "$1"
    latest=$(cat "$2/checkpoints/latest" 2>/dev/null)
    echo "${latest:-none}" >>"$2/restarts"
    if [ "$(wc -l <"$2/restarts")" -ge "$MAX_RESTARTS" ]; then
        echo "$2: restarted $MAX_RESTARTS times; not put back into the queue (MAX_RESTARTS in jobs/site.sh)" >&2
        exit 1
    fi
    if [ "$(wc -l <"$2/restarts")" -ge 3 ] && [ "$(tail -n 3 "$2/restarts" | sort -u | wc -l)" = 1 ]; then
        echo "$2: three starts in a row got no further than $latest; not put back into the queue" >&2
        exit 1
    fi
    echo "stopped cleanly at $latest; back into the queue"
    scontrol requeue "$SLURM_JOB_ID" || exit 75
    exit 0
}
