#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# plot.sh RUN_DIR: RUN_DIR/metrics.tsv -> RUN_DIR/metrics.png, where gnuplot is present. Of pretraining: loss beside chance, contrastive
# accuracy; of finetune: loss, accuracy in training batches and on the test images.
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
step=$(column step) loss=$(column loss) chance=$(column chance || :)
if [ -n "$chance" ]; then
    what='NT-Xent (nats)' beside="\"metrics.tsv\" using $step:$chance with lines dashtype 2 title \"chance\""
    accuracy='contrastive accuracy' range='[0:1]' first=$(column contrast_top1) second=$(column contrast_top5) names='top 1|top 5'
else
    test_loss=$(column test_loss)
    what='cross-entropy (nats)' beside="\"metrics.tsv\" using $step:$test_loss with lines linewidth 2 title \"test\""
    accuracy='top-1 accuracy (%)' range='[0:100]' first=$(column top1) second=$(column test_top1) names='training batch|test'
fi
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
set ylabel "$what"
plot "metrics.tsv" using $step:$loss with lines title "loss", \
     $beside
set key bottom right
set xlabel "step"
set ylabel "$accuracy"
set yrange $range
plot "metrics.tsv" using $step:$first with lines title "${names%|*}", \
     "metrics.tsv" using $step:$second with lines linewidth 2 title "${names#*|}"
END
mv "$scratch/metrics.png" "$run/metrics.png"
