# SPDX-License-Identifier: BSD-3-Clause
# Sourced by the job scripts: modules, the program, launching it under Slurm or on a laptop, and putting a job back into the queue.
jobs=${SIMCLR_JOBS:-$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)}
. "$jobs/settings.sh"
. "$jobs/attend.sh"
. "$jobs/build.sh"

# Environment modules: a batch script's shell seldom has the command `module` yet.
if [ -n "$MODULES" ]; then
    for init in "${MODULESHOME:-}/init/sh" "${LMOD_PKG:-}/init/sh" /etc/profile.d/modules.sh /etc/profile.d/lmod.sh \
        /usr/share/modules/init/sh /usr/share/lmod/lmod/init/sh; do
        command -v module >/dev/null 2>&1 && break
        [ ! -f "$init" ] || . "$init"
    done
    command -v module >/dev/null 2>&1 || { printf 'MODULES=%s, but there is no command module here; set MODULESHOME\n' "$MODULES" >&2; exit 1; }
    # shellcheck disable=SC2086
    module load $MODULES || { printf 'module load %s failed\n' "$MODULES" >&2; exit 1; }
fi
find_simclr || exit 1

# The job by the name that Slurm's commands take: the last element of an array has the whole array's number.
job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID:-}}
job=${job:-${SLURM_JOB_ID:-}}

# path_of PATH: the same, as no command takes it for an option
path_of() {
    case $1 in -*) printf './%s\n' "$1" ;; *) printf '%s\n' "$1" ;; esac
}

# option NAME ARGUMENTS...: the value that these give --NAME, as --NAME=VALUE, --NAME VALUE, or in a --config file; empty: none
option() {
    wanted=$1 value='' in_file='' before=''
    shift
    for word in "$@"; do
        file=''
        case $before in "--$wanted") value=$word ;; --config) file=$word ;; esac
        case $word in "--$wanted="*) value=${word#*=} ;; --config=*) file=${word#*=} ;; esac
        if [ -f "$file" ]; then
            found=$(setting_in "$file" "$wanted")
            in_file=${found:-$in_file}
        fi
        before=$word
    done
    printf '%s\n' "${value:-$in_file}"
}

# setting_in FILE NAME: the value of the last line "NAME = VALUE", without its comment and quotes
setting_in() {
    LC_ALL=C tr '\r' '\n' <"$1" | LC_ALL=C sed "1s/^$(printf '\357\273\277')//" | sed -n "s/^[[:space:]]*$2[[:space:]]*=[[:space:]]*//p" | tail -n 1 |
        sed -e '/^"/!s/[[:space:]][[:space:]]*#.*$//' -e 's/^"\(\([^"\]\|\\.\)*\)".*$/"\1/' -e '/^"/s/\\\(.\)/\1/g' -e '/^"/!s/[[:space:]]*$//' -e 's/^"//'
}

# A job that Slurm itself puts back (a node is lost, somebody's scontrol requeue) does so without a word from this script.
if [ "${SLURM_RESTART_COUNT:-0}" -gt "$MAX_RESTARTS" ]; then
    printf 'job %s was restarted %s times; it is not started again (MAX_RESTARTS in jobs/site.sh)\n' "$SLURM_JOB_ID" "$SLURM_RESTART_COUNT" >&2
    exit 1
fi

# start COMMAND ARGUMENTS...: simclr on all ranks; returns its status, or 75 where this script was told to end before.
start() {
    how=ends
    case $1 in pretrain | finetune) how=stops ;; esac
    set -- "$SIMCLR" "$@"
    if [ -n "${SLURM_JOB_ID:-}" ] && [ "$LAUNCHER" = srun ]; then
        job_end
        [ -z "${SLURM_CPUS_PER_TASK:-}" ] || set -- --cpus-per-task="$SLURM_CPUS_PER_TASK" "$@"
        # a job that was made smaller while it waited has the old number of ranks in its environment
        [ -z "${SLURM_NTASKS_PER_NODE:-}" ] || set -- --nodes="$SLURM_JOB_NUM_NODES" --ntasks=$((SLURM_JOB_NUM_NODES * SLURM_NTASKS_PER_NODE)) "$@"
        set -- srun --mpi="$SRUN_MPI" --kill-on-bad-exit=1 "$@"
    elif command -v "${MPIRUN:-mpirun}" >/dev/null 2>&1 || command -v mpiexec >/dev/null 2>&1; then
        ranks=all
        if [ -n "${SLURM_JOB_ID:-}" ]; then job_end; else ranks=$((NODES * RANKS_PER_NODE)); fi
        set -- sh "$jobs/mpirun.sh" "$ranks" "$@"
    fi
    listen attend $how "$@"
}

# listen COMMAND...: returns its status, or 255 where it ended with 0 and printed nothing on standard output. Every command of simclr prints
# a line at its end; srun (22.05) ends with 0 where a node could not start its tasks.
listen() {
    pipe=$(mktemp -d) && mkfifo "$pipe/out" || { "$@"; return $?; }
    (trap '' HUP INT QUIT TERM USR1; exec grep . <"$pipe/out") &
    listener=$!
    answer=0
    "$@" >"$pipe/out" || answer=$?
    await $listener || [ $answer != 0 ] || { echo "the launcher ended with 0, but the program was not started" >&2; answer=255; }
    rm -rf "$pipe"
    return $answer
}

# fault STATUS: not one of the program's own: it was killed, MPI gave up, the launcher failed half way, a node is about to be lost.
fault() {
    case $1 in 0 | 1 | 2 | 75 | 126 | 127) return 1 ;; esac
    [ -n "${SLURM_JOB_ID:-}" ]
}

# launch ARGUMENTS...: simclr on all ranks, within a job a second time after a fault: what a lost node left behind may stand in the way of
# the first step after it has come back. Returns the program's status.
launch() {
    status=0
    start "$@" || status=$?
    if fault "$status" && [ -z "$told" ] && [ "$(job_state)" = RUNNING ]; then
        echo "ended with status $status, which is not the program's own: once more" >&2
        status=0
        start "$@" || status=$?
    fi
    return "$status"
}

job_state() {
    squeue -h -j "$job" -o %T 2>/dev/null
}

# job_end: the program stops in time for SLURM_JOB_END_TIME, which older Slurms do not set: then it may be that of the shell that submitted.
job_end() {
    [ "${SLURM_JOB_END_TIME:-0}" -le "$(date +%s)" ] 2>/dev/null || return 0
    end=$(squeue -h -j "$job" -o %e 2>/dev/null)
    [ -n "$end" ] && end=$(date -d "$end" +%s 2>/dev/null) && export SLURM_JOB_END_TIME="$end"
    return 0
}

# go_on STATUS RUN_DIR [NAME]: puts this job back into the queue where the program stopped cleanly (75), met a fault, or was killed when
# this script was told to end (srun takes a TERM to the whole job for itself, and kills), and is getting on: a run that was restarted
# MAX_RESTARTS times, or that came no further in three starts, is left for a person to look at, and so is one that the file RUN_DIR/stop
# ended (stopped, then), or a job that somebody cancelled.
# RUN_DIR/NAME (restarts) counts. Exits.
go_on() {
    [ "$1" = 75 ] || { [ "$1" != 0 ] && [ -n "$told" ]; } || fault "$1" || exit "$1"
    [ -n "${SLURM_JOB_ID:-}" ] || exit "$1"
    if [ -z "${3:-}" ] && [ -e "$2/stopped" ]; then
        printf '%s: stopped by the file stop; not put back into the queue\n' "$2" >&2
        exit 75
    fi
    latest=''
    [ ! -f "$2/checkpoints/latest" ] || latest=$(head -n 1 "$2/checkpoints/latest")
    restarts=$2/${3:-restarts}
    state=$(job_state)
    if [ "$state" != RUNNING ]; then
        printf 'ended at %s; the job is %s: whether it goes on was decided already\n' "${latest:-the start}" "${state:-gone}"
        exit 75
    fi
    if [ -h "$restarts" ] || { [ -e "$restarts" ] && [ ! -f "$restarts" ]; }; then
        printf '%s: is no regular file, so starts cannot be counted; not put back into the queue\n' "$restarts" >&2
        exit 1
    fi
    printf '%s\n' "${latest:-none}" >>"$restarts"
    if [ "$(wc -l <"$restarts")" -ge "$MAX_RESTARTS" ]; then
        printf '%s: restarted %s times; not put back into the queue (MAX_RESTARTS in jobs/site.sh; %s counts, remove it to begin anew)\n' \
            "$2" "$MAX_RESTARTS" "$restarts" >&2
        exit 1
    fi
    if [ "$(wc -l <"$restarts")" -ge 3 ] && [ "$(tail -n 3 "$restarts" | sort -u | wc -l)" = 1 ]; then
        printf '%s: three starts in a row got no further than %s; not put back into the queue\n' "$2" "${latest:-the start}" >&2
        exit 1
    fi
    printf 'ended at %s; back into the queue\n' "${latest:-the start}"
    scontrol requeue "$job" || exit 75
    exit 0
}
