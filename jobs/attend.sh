# SPDX-License-Identifier: BSD-3-Clause
# Sourced by what launches the program. It runs in a session of its own, so that the Ctrl-C, Ctrl-\ and hang-up of a terminal reach this
# script alone: mpirun kills the ranks a second after an interrupt, whatever they still have to save. It is told with USR1, which mpirun and
# srun hand on to the ranks, and little else.
told='' launched='' gently='' pressed=''

# hear SIGNAL: before the program is there, it is remembered. The first Ctrl-C or Ctrl-\ stops what can stop after a step, the next ends it.
hear() {
    told=1
    [ -n "$launched" ] || return 0
    means=USR1
    case $1 in
    INT | QUIT)
        if [ -n "$gently" ] && [ -z "$pressed" ]; then
            echo "stopping after this step, with a checkpoint; once more ends it at once" >&2 || :
        else
            means=TERM
            echo "ending at once" >&2 || :
        fi
        pressed=1 ;;
    esac
    kill -$means "$launched" 2>/dev/null || :
}
trap 'hear USR1' USR1 # ahead of a time limit or a preemption, as is TERM
trap 'hear TERM' TERM
trap 'hear HUP' HUP   # the terminal is gone

# draw SCRIPT RUN_DIR: from now on attend draws the curves of this run by SCRIPT (plot.sh), every PLOT_SECONDS (180) while the program works
plotter='' plotted=''
draw() {
    plotter=$1 plotted=$2
}
# paint PID: ends by itself a second after the program
paint() {
    waited=0
    while kill -0 "$1" && sleep 1; do
        waited=$((waited + 1))
        [ $waited -lt "${PLOT_SECONDS:-180}" ] || { sh "$plotter" "$plotted"; waited=0; }
    done
}

# await PID: returns its status; a signal to this script does not end the waiting
await() {
    ended=0
    wait "$1" || ended=$?
    while kill -0 "$1" 2>/dev/null; do
        ended=0
        wait "$1" || ended=$?
    done
    return $ended
}

# attend HOW COMMAND...: HOW: stops, where a USR1 makes the program stop after its step; ends, where it ends it. Returns its status, or 75
# where this script was told to end before.
attend() {
    [ -z "$told" ] || return 75
    gently='' pressed=''
    [ "$1" = ends ] || gently=1
    shift
    SIMCLR_TERMINAL='' # its width: launchers pass standard error through a pipe
    [ ! -t 2 ] || SIMCLR_TERMINAL=$(stty size <&2 2>/dev/null | cut -d' ' -f2)
    export SIMCLR_TERMINAL
    trap 'hear INT' INT
    trap 'hear QUIT' QUIT
    if command -v setsid >/dev/null 2>&1; then
        setsid "$@" &
    else
        "$@" &
    fi
    launched=$!
    painter=''
    if [ -n "$plotter" ]; then
        paint $launched </dev/null >/dev/null 2>&1 &
        painter=$!
    fi
    [ -z "$told" ] || kill -USR1 $launched 2>/dev/null || :
    status=0
    await $launched || status=$?
    launched=''
    [ -z "$painter" ] || wait "$painter" || : # it may be drawing
    trap - INT QUIT
    case $status in 138 | 140 | 143) told=1 ;; esac # ended by USR1, USR2 or TERM, which came before the program was ready for it
    return $status
}
