#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# plot.sh RUN_DIR: RUN_DIR/metrics.tsv -> RUN_DIR/metrics.png (loss beside chance, contrastive accuracy), where gnuplot is present.
set -eu
run=${1:?run directory}
case $run in -*) run=./$run ;; esac # no option
if [ ! -f "$run/metrics.tsv" ] || ! grep -q '^[0-9]' "$run/metrics.tsv"; then
    printf '%s/metrics.tsv: nothing to plot\n' "$run" >&2
    exit 1
fi
command -v gnuplot >/dev/null 2>&1 || { printf 'no gnuplot here: no picture of %s/metrics.tsv\n' "$run" >&2; exit 0; }

# column NAME: its number in the header line "# step epoch loss ..."
column() {
    sed -n '1s/^#[[:space:]]*//p' "$run/metrics.tsv" | tr -s '\t ' '\n' | sed '/^$/d' | grep -nx "$1" | cut -d: -f1
}
step=$(column step) loss=$(column loss) chance=$(column chance) top1=$(column contrast_top1) top5=$(column contrast_top5)
scratch=$(mktemp -d "$run/metrics.png.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
# gnuplot runs what stands in backquotes, and expands @names: the run's name reaches it as the value of a variable only, files by names that
# are always the same.
SIMCLR_PLOT_TITLE=$(printf '%s' "$run" | tr -c '[:print:]' ' ')
export SIMCLR_PLOT_TITLE
(cd "$run" && gnuplot) >"$scratch/metrics.png" <<END
set terminal pngcairo size 900,700 noenhanced
name = system('printf %s "\$SIMCLR_PLOT_TITLE"')
set multiplot layout 2,1 title name
set grid
set key top right
set ylabel "NT-Xent (nats)"
plot "metrics.tsv" using $step:$loss with lines title "loss", \
     "metrics.tsv" using $step:$chance with lines dashtype 2 title "chance"
set key bottom right
set xlabel "step"
set ylabel "contrastive accuracy"
set yrange [0:1]
plot "metrics.tsv" using $step:$top1 with lines title "top 1", \
     "metrics.tsv" using $step:$top5 with lines title "top 5"
END
mv "$scratch/metrics.png" "$run/metrics.png"
