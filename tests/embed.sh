#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# embed: one set of features in three forms, read again by programs that know nothing of this one; layers of the head; ranks change nothing
# but last bits; names with commas, quotes and tabs; files that are there stay.
. "${top_srcdir:-.}/tests/lib.sh"
cd "$work" || exit 1
few mnist
pretrain 1 run --steps=2 --head-layers=3 || die "$(cat run.out)"
tab=$(printf '\t')
mkdir -p "odd/a, b" 'odd/c"d' && cat >image.py <<'PY'
import struct, sys, zlib
def png(path, seed):
    rows = b"".join(b"\0" + bytes((x * 9 + y * seed) % 256 for x in range(28)) for y in range(28))
    with open(path, "wb") as out:
        out.write(b"\x89PNG\r\n\x1a\n")
        for kind, data in (b"IHDR", struct.pack(">2I5B", 28, 28, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b""):
            out.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
for i, name in enumerate(sys.argv[1:]):
    png(name, i + 2)
PY
command -v python3 >/dev/null 2>&1 || { echo "no python3 here"; exit 77; }
python3 image.py "odd/a, b/1,2.png" "odd/a, b/say \"x\".png" "odd/c\"d/t${tab}b.png" 'odd/c"d/plain.png' && "$simclr" pack odd odd.h5 >out 2>&1 || die "$(cat out)"
# embed DATA OUTPUT OPTIONS...
embed() {
    from=$1 to=$2
    shift 2
    "$simclr" embed --checkpoint=run --data="$from" --output="$to" --threads=1 "$@" >out 2>err || die "embed $to $*: $(cat err)"
}
for data in mnist odd; do
    embed $data.h5 $data-all.h5
    grep -q "^embed images=[0-9]* h=32 z=128 step=2 " out || die "$(cat out)"
    for features in h head1 head2 z; do for form in h5 npy csv; do embed $data.h5 $data-$features.$form --features=$features; done; done
done
grep -q " z=128 step=2 .* out=odd-z.csv$" out || die "$(cat out)"
embed odd.h5 default.npy && cmp default.npy odd-h.npy || die "the default of an array is h"
"$mpirun" 3 "$simclr" embed --checkpoint=run --data=odd.h5 --output=ranks.npy --features=head2 --threads=1 >out 2>&1 || die "$(cat out)"
cat >check.py <<'PY'
import array, ast, csv, re, subprocess, sys
def npy(path):
    raw = open(path, "rb").read()
    assert raw[:8] == b"\x93NUMPY\1\0"
    n = 10 + int.from_bytes(raw[8:10], "little")
    head = ast.literal_eval(raw[10:n].decode())
    assert n % 64 == 0 and raw[n - 1:n] == b"\n" and not head["fortran_order"] and head["descr"] == ("<f4" if sys.byteorder == "little" else ">f4")
    values = array.array("f", raw[n:])
    rows, columns = head["shape"]
    assert len(values) == rows * columns
    return [values[i * columns:(i + 1) * columns] for i in range(rows)]
def h5(path, name):
    subprocess.run(["h5dump", "-d", name, "-b", "NATIVE", "-o", "dump", path], check=True, stdout=subprocess.DEVNULL)
    return array.array("f", open("dump", "rb").read())
for data, count in ("mnist", 256), ("odd", 4):
    for features, dim in ("h", 32), ("head1", 32), ("head2", 32), ("z", 128):
        rows = npy("%s-%s.npy" % (data, features))
        assert len(rows) == count and len(rows[0]) == dim
        flat = array.array("f", (v for r in rows for v in r))
        assert flat == h5("%s-%s.h5" % (data, features), "/" + features), (data, features)
        table = list(csv.reader(open("%s-%s.csv" % (data, features), newline="")))
        assert table[0] == ["name", "class"] + ["%s_%d" % (features, i) for i in range(dim)]
        assert [array.array("f", map(float, r[2:])) for r in table[1:]] == rows
        names = [l.rstrip("\n").split("\t") for l in open("%s-%s.tsv" % (data, features))][1:]
        assert [n[1] for n in names] == [re.sub("[\t\n\r]", " ", r[0]) for r in table[1:]] and [n[2] for n in names] == [r[1] for r in table[1:]]
        if features in "hz":
            assert flat == h5("%s-all.h5" % data, "/" + features)
assert {(r[0], r[1]) for r in table[1:]} == {("a, b/1,2.png", "a, b"), ('a, b/say "x".png', "a, b"), ('c"d/t\tb.png', 'c"d'), ('c"d/plain.png', 'c"d')}, table
assert min(min(r) for r in npy("mnist-head1.npy")) >= 0 and npy("mnist-head1.npy") != npy("mnist-head2.npy")
one, three = npy("odd-head2.npy"), npy("ranks.npy")
assert all(abs(a - b) <= 1e-5 * (1 + abs(a)) for r, s in zip(one, three) for a, b in zip(r, s))
PY
command -v h5dump >/dev/null 2>&1 || { echo "no h5dump here"; exit 77; }
python3 check.py || die "the forms differ"

# A gray image is one of three equal channels for a network that learned from colour.
sed 's/5B", 28, 28, 8, 0,/5B", 28, 28, 8, 2,/; s/(x \* 9 + y \* seed) % 256 for x in range(28)/v for x in range(28) for v in [(x * 9 + y * seed) % 256] * 3/' image.py >colour.py
mkdir -p gray rgb
for maker in image:gray colour:rgb; do (cd "${maker#*:}" && python3 "../${maker%:*}.py" 1.png 2.png 3.png 4.png) && "$simclr" pack "${maker#*:}" "${maker#*:}.h5" >out 2>&1 || die "$(cat out)"; done
"$simclr" pretrain --preset=fashion-mnist --data=rgb.h5 --run-dir=run3 --width=1/16 --batch=4 --steps=1 --threads=1 >out 2>&1 || die "$(tail -3 out)"
for data in gray rgb; do "$simclr" embed --checkpoint=run3 --data=$data.h5 --output=$data.npy --threads=1 >out 2>&1 || die "$data: $(cat out)"; done
cmp gray.npy rgb.npy || die "gray images have other features than the same in three channels"

# refused WORDS OPTIONS...
refused() {
    said=$1
    shift
    "$simclr" embed --checkpoint=run --data=odd.h5 "$@" >out 2>&1 && die "embed $* was taken"
    [ "$(grep -c '^simclr: ' out)" = 1 ] && grep -q -- "$said" out || die "embed $*: $(cat out)"
}
refused "is there already; --force" --output=odd-h.npy
: >new.tsv && echo x >new.tsv
refused "new.tsv: is there already; --force" --output=new.npy
[ ! -e new.npy ] && [ "$(cat new.tsv)" = x ] || die "a refused embed wrote"
refused "--features=head4: the projection head of this checkpoint has 3 layers; there are h, head1, ... and z" --output=no.npy --features=head4
refused "--features=y: must be h, z, or a layer" --output=no.npy --features=y
[ ! -e no.npy ] && [ ! -e no.tsv ] || die "a refused embed wrote"
