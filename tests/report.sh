#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# report: a page of runs that are done, running and dead, one of them with a hostile name; what it says is what the runs' files say.
. "${top_srcdir:-.}/tests/lib.sh"
cd "$work" || exit 1
command -v python3 >/dev/null 2>&1 || { echo "skipped: no python3 here reads the page"; exit 77; }

few train 0 && few test 300
mkdir runs
# one DIR OPTIONS...: a tiny run of one process
one() {
    dir=$1
    shift
    timeout 300 "$simclr" pretrain --preset=fashion-mnist --data=train.h5 --run-dir="$dir" --width=1/16 --batch=64 --warmup-epochs=0.5 \
        --threads=1 "$@" >>one.out 2>&1
}
hostile='<img src=x onerror=alert(1)> & "q" `touch pwned` $(touch pwned)'"
two"
one runs/a --epochs=3 --temperature=0.5 --online-probe || die "$(tail -5 one.out)"
one "runs/$hostile" --epochs=2 --temperature=0.1 --augment=crop:0.2-1,flip || die "$(tail -5 one.out)"
"$simclr" probe --checkpoint=runs/a --train=train.h5 --test=test.h5 --epochs=2 >probe.out 2>&1 || die "$(cat probe.out)"
one runs/c --steps=100000 --checkpoint-every=2 &
waited=0
until [ "$(grep -c '^[0-9]' runs/c/metrics.tsv 2>/dev/null)" -ge 5 ] 2>/dev/null; do
    [ $waited -lt 600 ] || die "no step: $(tail -5 one.out)"
    sleep 0.1
    waited=$((waited + 1))
done
"$simclr" report runs --output=page.html >out 2>err || die "report: $(cat err)"
grep -q "^report runs=3 done=2 running=1 died=0 .* page=page.html" out || die "report: $(cat out)"
cp -r page.html running.html
kill -9 "$(cut -d' ' -f2 runs/c/lock)"
wait
"$simclr" report runs --output=page.html 2>err >out && die "report replaced a page"
grep -q "page.html: is there already; --force" err || die "report: $(cat err)"
"$simclr" report runs --force --output=page.html >out 2>err || die "report: $(cat err)"
grep -q "^report runs=3 done=2 running=0 died=1 " out || die "a dead run: $(cat out)"
"$simclr" info runs 2>&1 | grep -q "^died .*/c$" || die "info of a dead run: $("$simclr" info runs)"
[ ! -e pwned ] || die "a name was run as a command"

cat >check.py <<'PY'
import csv, html, re, sys
from html.parser import HTMLParser

VOID = {"meta", "br", "img", "circle", "path", "rect", "use"}
class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.text, self.tags = [], [], []
    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, "%s closes %s at %s" % (tag, self.open[-1:], self.getpos())
        self.open.pop()
    def handle_data(self, data):
        self.text.append(data)

for name in ("page.html", "running.html"):
    raw = open(name, encoding="utf-8").read()
    page = Page()
    page.feed(raw)
    page.close()
    assert not page.open, page.open
    text = " ".join(page.text)
    assert "http:" not in raw and "https:" not in raw
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe", "object"), tag
        assert not any(a.startswith("on") for a in attributes), attributes
        for a in ("src", "href", "xlink:href"):
            assert attributes.get(a, "data:").startswith("data:"), attributes
    assert sum(tag == "img" for tag, _ in page.tags) >= 2, "no contact sheets"
    assert ("died" if name == "page.html" else "running") in text
    assert "onerror" in text
    if sys.argv[1:] == ["plots"]:
        assert sum(tag == "svg" for tag, _ in page.tags) == 3, "three charts"
        assert len(re.findall(r"var\(--s\d+\)", raw)) > 10 and not re.search(r"rgb\(\s*\d", raw.split("</style>")[1])

rows = list(csv.DictReader(open("page-runs.tsv"), delimiter="\t"))
assert len(rows) == 3
def metrics(run):
    lines = [l.split("\t") for l in open("runs/%s/metrics.tsv" % run).read().lstrip("# ").strip().split("\n")]
    return [dict(zip(lines[0], l)) for l in lines[1:]]
last = metrics("a")[-1]
a = next(r for r in rows if r["run"] == "a")
c = next(r for r in rows if r["run"] == "c")
near = lambda text, value, to: abs(float(text) - float(value)) <= to
assert near(a["loss"], last["loss"], 5e-5) and near(a["chance"], last["chance"], 5e-5)
assert near(a["contrast_top1_percent"], 100 * float(last["contrast_top1"]), 5e-3)
assert near(a["online_top1_percent"], 100 * float(last["online_top1"]), 5e-3)
assert (a["step"], a["steps_in_all"], a["state"]) == ("12", "12", "done") and c["state"] == "died"
assert a["config.temperature"] == "0.5" and "config.augment" in a and "config.width" not in a
hours = sum(64 / float(m["images_per_s"]) for m in metrics("a")) / 3600
assert near(a["core_hours"], hours, 1e-3 * hours), (a["core_hours"], hours)
speeds = sorted(float(m["images_per_s"]) for m in metrics("a"))
assert near(a["views_per_s"], 2 * speeds[6], 1e-3 * speeds[6])
for line in open("probe.out"):
    if line.startswith("probe "):
        f = dict(w.split("=", 1) for w in line.split()[1:])
        assert a["h_%s_top1" % f["method"]] == f["top1"], f
        assert f["top1"] in text
probes = list(csv.DictReader(open("page-probes.tsv"), delimiter="\t"))
assert {p["method"] for p in probes} == {"linear-sgd", "knn"} and all("epochs" in p["protocol"] or "vote" in p["protocol"] for p in probes)
assert "%.4f" % float(last["loss"]) in text and all(l in open("page.txt").read() for l in ("died", a["loss"], a["core_hours"]))
checksum = re.search(r"# dataset (\w+)", open("runs/a/config").read()).group(1)
assert checksum in text
PY
plots=$(command -v gnuplot >/dev/null 2>&1 && echo plots)
python3 check.py $plots || die "the page is not what the runs' files say"
[ "$(wc -c <page.html)" -lt 5242880 ] || die "the page is too large"

# Without gnuplot: tables and a sentence. A folder that holds no run.
mkdir bin && PATH=$work/bin "$simclr" report runs/a --output=plain.html >out 2>err || die "report without gnuplot: $(cat err)"
grep -q "plots=no" out && grep -q "there is no gnuplot here" plain.html && grep -q "no gnuplot here" err || die "report without gnuplot: $(cat out err)"
"$simclr" report bin --output=none.html >out 2>err && die "a report of nothing"
grep -q "bin: is no run directory" err && [ ! -e none.html ] || die "report of nothing: $(cat err)"
# A run whose files are damaged is shown all the same.
cp -r runs/a runs/d && printf 'x' >runs/d/metrics.tsv && printf '\377\n' >runs/d/config && mkdir runs/d/probe.tsv.d && rm runs/d/log
"$simclr" report runs/d runs/a --output=damaged.html >out 2>err || die "report of a damaged run: $(cat err)"

# Accuracies of one epoch are in the tables alone: no chart of a single column of points.
mkdir once && cp -r "runs/$hostile" once/a && cp runs/a/probe.tsv once/a/probe.tsv
"$simclr" report once/a --output=once.html >out 2>err || die "report of one evaluation: $(cat err)"
[ -z "$plots" ] || [ "$(grep -o '<svg' once.html | wc -l)" = 2 ] || die "charts of a run that was judged once: $(grep -o '<svg' once.html | wc -l)"

# A table: rows in its order whether begun or not, the paper's numbers, the varied setting; a setting's words are no commands of gnuplot's.
mkdir r
for t in 0.1 0.5 2; do
    cp -r runs/a "r/t$t"
    sed -i "s/^temperature = .*/temperature = $t/" "r/t$t/config"
done
sed -i "s/^augment = .*/augment = x'.system('touch pwned').'/" r/t2/config
printf '# title T <b> & 5\n# paper t0.5 60.7\n# paper t0.1 64.4\nt0.5\t--temperature=0.5\nt0.1\t--temperature=0.1\nnever\t--x\nt2 --t\n' >five.tsv
"$simclr" report five.tsv --runs=r --output=five-page.html >out 2>err || die "report of a table: $(cat err)"
grep -q "^report runs=4 done=3 " out || die "report of a table: $(cat out)"
sed 's/^# title/# x augment\n&/' five.tsv >words.tsv
"$simclr" report words.tsv --runs=r --output=words-page.html >out 2>err || die "report of words: $(cat err)"
# A table with scales: the rows of one of them, from that one's folder.
printf '# scale small --epochs=1\n# scale paper --epochs=100\na\t--x=1\nbig\tonly:paper\t--x=2\ntiny\t--x=3 only:small\n' >scaled.tsv
mkdir runs/scaled runs/scaled-paper && cp -r runs/a runs/scaled/a && cp -r runs/a runs/scaled-paper/big
"$simclr" report scaled.tsv --output=scaled.html >out 2>err || die "report of a scale: $(cat err)"
[ "$(cut -f1,2 scaled-runs.tsv | tr '\t\n' '= ')" = "run=state a=done tiny=missing " ] || die "rows of the scale small: $(cat scaled-runs.tsv)"
"$simclr" report scaled.tsv --scale=paper --output=scaled-paper.html >out 2>err || die "report of a scale: $(cat err)"
[ "$(cut -f1,2 scaled-paper-runs.tsv | tr '\t\n' '= ')" = "run=state a=missing big=done " ] || die "rows of the scale paper: $(cat scaled-paper-runs.tsv)"
"$simclr" report scaled.tsv --scale=huge --output=huge.html >out 2>err && die "a scale that the table has not"
grep -q "scaled.tsv: has no scale 'huge'" err || die "a scale that the table has not: $(cat err)"
# The composition matrix: pairs in cells, single ones in the diagonal.
mkdir m
for name in ant bee ant+bee bee+ant cat+ant alone; do cp -r runs/a "m/$name"; done
awk -F '\t' -v OFS='\t' '/^#/ { print; next } { $5 = "77.77"; print }' runs/a/probe.tsv >m/bee+ant/probe.tsv
printf '# paper cat+ant 12.3\nant\nbee\nant+bee\nbee+ant\ncat+ant\nalone\n' >pairs.tsv
"$simclr" report pairs.tsv --runs=m --output=pairs-page.html >out 2>err || die "report of pairs: $(cat err)"
cat >table.py <<'PY'
import csv, re, sys
rows = list(csv.DictReader(open("five-page-runs.tsv"), delimiter="\t"))
assert [r["run"] for r in rows] == ["t0.5", "t0.1", "never", "t2"], rows
assert [r["state"] for r in rows] == ["done", "done", "missing", "done"]
assert [r["paper_top1"] for r in rows] == ["60.7", "64.4", "", ""]
assert [r["config.temperature"] for r in rows] == ["0.5", "0.1", "", "2"]
raw = open("five-page.html").read()
assert "T &lt;b&gt; &amp; 5" in raw and "Nobody has begun it." in raw
words = open("words-page.html").read()
if sys.argv[1:]:
    assert "Accuracy against temperature" in raw and raw.count("<svg") == 5, raw.count("<svg")
    assert "Accuracy against augment" in words and "x?.system(?touch" in words
pairs = open("pairs-page.html").read()
tables = re.findall(r'<table class="heat">(.*?)</table>', pairs, re.S)
assert len(tables) == 2 + pairs.count("<h3>Confusion</h3>") and "<h3>Confusion</h3>" in pairs
cells = [[re.sub("<[^>]*>", "", c) for c in re.findall(r"<t[dh].*?</t[dh]>", row)] for row in re.findall("<tr>(.*?)</tr>", tables[0], re.S)]
assert cells[0] == ["", "ant", "bee", "cat"] and [c[0] for c in cells[1:]] == ["ant", "bee", "cat"], cells
assert cells[2][1] == "77.8" and cells[1][1] == cells[1][2] != "" and cells[3][1] != "" and cells[3][2:] == ["", ""], cells
assert "12.3" in tables[1] and "77.8" not in tables[1]
PY
python3 table.py $plots || die "the page of a table is not what its runs say"
[ ! -e pwned ] || die "a setting was run as a command"
cp five.tsv five-runs.tsv
"$simclr" report five-runs.tsv --runs=r --force --output=five.html >out 2>err && die "the report replaced its table"
cmp five.tsv five-runs.tsv || die "the report replaced its table"
printf '../x --lr=1\n' >bad.tsv
"$simclr" report bad.tsv --output=bad.html >out 2>err && die "a row named '../x'"
grep -q "bad.tsv: a row begins with '../x'" err || die "a row named '../x': $(cat err)"
