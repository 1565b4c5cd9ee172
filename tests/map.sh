#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# map: features as points of the plane; the table has every image once, the number of threads changes nothing, a report shows the map,
# what neighbours left, and confusion.tsv.
. "${top_srcdir:-.}/tests/lib.sh"
cd "$work" || exit 1
command -v python3 >/dev/null 2>&1 || { echo "skipped: no python3 here reads the page"; exit 77; }

few train 0
pretrain 1 run --steps=2 || die "$(tail -5 run.out)"
"$simclr" embed --checkpoint=run --data=train.h5 --output=features.h5 >out 2>err || die "embed: $(cat err)"
"$simclr" map features.h5 --iterations=150 --threads=2 --output=run/map.html >out 2>err || die "map: $(cat err)"
grep -q "^map points=256 of=256 classes=10 .*page=run/map.html table=run/map.tsv" out || die "map: $(cat out)"
"$simclr" map features.h5 --iterations=150 --threads=1 --output=one.html >out 2>err || die "map: $(cat err)"
cmp one.tsv run/map.tsv || die "the number of threads changes the map"
"$simclr" map features.h5 --iterations=2 --points=50 --output=few.html >out 2>err || die "map: $(cat err)"
[ "$(grep -vc '^#' few.tsv)" = 50 ] || die "not 50 points: $(wc -l few.tsv)"
"$simclr" map features.h5 --output=few.html >out 2>err && die "map replaced a page"
"$simclr" map train.h5 --output=other.html >out 2>err && die "map took a dataset for features"
[ ! -e other.html ] && [ ! -e other.tsv ] || die "a map of nothing"

"$simclr" neighbours --embedded=features.h5 --data=train.h5 --queries=2 --k=2 run/neighbours.png >out 2>err || die "neighbours: $(cat err)"
printf '# class\tant\tb<ee\nant\t3\t1\nb<ee\t0\t0\n' >run/confusion.tsv
"$simclr" report run --output=page.html >out 2>err || die "report: $(cat err)"
cat >check.py <<'PY'
import re, subprocess, sys
rows = [l.rstrip("\n").split("\t") for l in open("run/map.tsv") if not l.startswith("#")]
assert open("run/map.tsv").readline() == "# id\tclass\t" + "\t".join(p + c for p in ("h_pca", "h_tsne", "z_pca", "z_tsne") for c in ("_x", "_y")) + "\n"
assert [int(r[0]) for r in rows] == list(range(256)) and len({r[1] for r in rows}) == 10
for column in range(2, 10):
    values = [float(r[column]) for r in rows]
    assert max(values) - min(values) > 1e-6 and abs(sum(values)) / 256 < 1e-3 * (max(values) - min(values)), column
for name in ("run/map.html", "page.html"):
    raw = open(name).read()
    assert "http" not in raw and raw.count("<svg") == raw.count("</svg>") and raw.count("<section>") == raw.count("</section>")
    if sys.argv[1:]:
        dots = re.findall(r'<path class="dots"[^>]* d="([^"]*)"', raw)
        assert sum(d.count("M") for d in dots) == 4 * 256, sum(d.count("M") for d in dots)
        assert raw.count("<image ") > 40, "thumbnails"
assert "75.0" in raw and "25.0" in raw and "b&lt;ee" in raw and "Nearest neighbours" in raw
PY
python3 check.py $(command -v gnuplot >/dev/null 2>&1 && echo plots) || die "the map is not what it should be"
printf 'x\ty\n1\t2\n' >run/map.tsv
"$simclr" report run --force --output=page.html >out 2>err || die "a map.tsv that is none: $(cat err)"
printf '# id\tclass\th_pca_x\th_pca_y\n1\t\tnan\tinf\n99999\tq\t1e300\t0\n-5\tq\t1\t1\nx\n' >run/map.tsv
"$simclr" report run --force --output=page.html >out 2>err || die "a map.tsv with odd numbers: $(cat err)"
