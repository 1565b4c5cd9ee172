#!/bin/sh
# plot.sh RUN_DIR: RUN_DIR/metrics.tsv -> RUN_DIR/metrics.png (loss beside chance, contrastive accuracy), where gnuplot is present.
set -eu
run=$1
metrics=$run/metrics.tsv
grep -q '^[0-9]' "$metrics" 2>/dev/null || { echo "$metrics: nothing to plot" >&2; exit 1; }
command -v gnuplot >/dev/null 2>&1 || { echo "no gnuplot here: no picture of $metrics" >&2; exit 0; }

# column NAME: its number in the header line "# step epoch loss ..."
column() {
    sed -n '1s/^#[[:space:]]*//p' "$metrics" | tr '\t ' '\n\n' | sed '/^$/d' | grep -nx "$1" | cut -d: -f1
}
gnuplot <<END
set terminal pngcairo size 900,700 noenhanced
set output "$run/metrics.png.tmp"
set multiplot layout 2,1 title "$run"
set grid
set key top right
set ylabel "NT-Xent (nats)"
plot "$metrics" using $(column step):$(column loss) with lines title "loss", \
     "$metrics" using $(column step):$(column chance) with lines dashtype 2 title "chance"
set key bottom right
set xlabel "step"
set ylabel "contrastive accuracy"
set yrange [0:1]
plot "$metrics" using $(column step):$(column contrast_top1) with lines title "top 1", \
     "$metrics" using $(column step):$(column contrast_top5) with lines title "top 5"
END
mv "$run/metrics.png.tmp" "$run/metrics.png"
