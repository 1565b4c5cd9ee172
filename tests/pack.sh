#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# pack and info as a user types them: good sources, bad ones, damage. Pictures are written byte by byte.
set -u
simclr=$(cd "${top_builddir:-.}" && pwd)/simclr
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 99
failed=0
bad() { echo "FAILED: $*"; sed 's/^/    /' out err; failed=1; }
# run STATUS COMMAND...: runs it, keeps what it says in out and err
run() {
    want=$1; shift
    timeout 120 "$@" >out 2>err </dev/null
    got=$?
    [ $got = "$want" ] || bad "exit status $got, not $want: $*"
}
says() { grep -q -e "$1" "$2" || bad "'$1' is not in $2"; }
one_line() { [ "$(wc -l <err)" = 1 ] || bad "not one line on stderr"; }

# A whole gray 1 x 1 PNG, sample value 0, as octal bytes.
png() { printf '\211PNG\015\012\032\012\000\000\000\015IHDR\000\000\000\001\000\000\000\001\010\000\000\000\000:~\233U\000\000\000\012IDATx\234c`\000\000\000\002\000\001H\257\244q\000\000\000\000IEND\256B`\202'; }

mkdir -p tree/cat tree/dog/deep
for f in tree/cat/1.png tree/cat/2.png tree/dog/deep/3.png; do png >$f; done
run 0 "$simclr" pack tree tree.h5
says '^pack images=3 refused=0 classes=2 height=1 width=1 channels=1 .*out=tree.h5$' out
run 0 "$simclr" info tree.h5
says '^info kind=dataset .* damaged=0 unchecked=0 ' out
says '^  cat  *2 images' out

# What is there is not overwritten, unless it is wanted.
cp tree.h5 before.h5
run 1 "$simclr" pack tree tree.h5
says 'tree.h5: is there already; --force' err
cmp -s tree.h5 before.h5 || bad "tree.h5 has changed"
run 0 "$simclr" pack --force tree tree.h5
run 1 "$simclr" views tree.h5 tree.h5
says 'tree.h5: is there already; --force' err
run 0 "$simclr" info tree.h5
mkfifo pipe && ln -s tree.h5 link.h5
run 1 "$simclr" pack --force tree pipe
says 'pipe: is a pipe' err
[ -p pipe ] || bad "the pipe was replaced"
run 0 "$simclr" pack --force tree link.h5
[ -L link.h5 ] && cmp -s tree.h5 before.h5 || bad "the link was replaced, not what it leads to"
run 1 "$simclr" pack tree folder.h5/
says 'folder.h5/.*no name of a file' err
[ -z "$(ls -d *.tmp-* 2>/dev/null)" ] || bad "temporaries were left: $(ls)"

# Bad images of every sort: refused by name, or skipped and listed.
png | head -c 40 >tree/cat/cut.png
: >tree/cat/empty.png
echo 'not a picture' >tree/dog/renamed.png
printf '\211PNG\015\012\032\012\000\000\000\015IHDR\177\377\377\377\177\377\377\377\010\000\000\000\000\061\242T\272' >tree/dog/huge.png
run 1 "$simclr" pack tree bad.h5
says '^simclr: tree/cat/cut.png: .*--on-bad-image=skip' err
[ ! -e bad.h5 ] || bad "bad.h5 was left"
run 0 "$simclr" pack --on-bad-image=skip tree bad.h5
says '^pack images=3 refused=4 .*refused_list=bad.bad.tsv$' out
[ "$(grep -c -v '^#' bad.bad.tsv)" = 4 ] || bad "bad.bad.tsv does not list four"
for f in cat/cut.png cat/empty.png dog/renamed.png dog/huge.png; do
    grep -q "^$f	..*" bad.bad.tsv || bad "$f is not in bad.bad.tsv"
done
rm tree/cat/cut.png tree/cat/empty.png tree/dog/renamed.png tree/dog/huge.png
run 0 "$simclr" pack --force tree bad.h5
[ ! -e bad.bad.tsv ] || bad "a list of bad images that are no more was left"
mkdir hopeless && echo x >hopeless/a.png
run 1 "$simclr" pack --on-bad-image=skip hopeless none.h5
says 'none of its 1 images' err

# Results that are lost are no success.
if [ -w /dev/full ]; then
    timeout 120 "$simclr" info tree.h5 >/dev/full 2>err
    [ $? = 1 ] || bad "a lost result is success"
    says 'standard output: what was printed is lost: No space left on device' err
    one_line
    "$simclr" --version >/dev/full 2>err && bad "a lost --version is success"
fi

# The other options.
run 0 "$simclr" pack --store=encoded tree encoded.h5
says 'images=3 .*store=encoded' out
run 2 "$simclr" pack --store=encoded --resize-shorter=8 tree x.h5
says 'resize-shorter' err
run 2 "$simclr" pack --resize-shortest=8 tree x.h5
says 'resize-shorter' err
run 2 "$simclr" pack tree
run 1 "$simclr" pack nothing x.h5
says 'nothing: ' err
one_line
run 1 "$simclr" pack tree no/such/folder/x.h5
says 'no/such/folder/x.h5' err

# Depth that 8 bits do not keep and EXIF orientations are told; rules for both, the same in a store of encoded files.
deep() { printf '\211PNG\015\012\032\012\000\000\000\015IHDR\000\000\000\006\000\000\000\004\020\000\000\000\000\330\377\315\334\000\000\000\032eXIfMM\000*\000\000\000\010\000\001\001\022\000\003\000\000\000\001\000\006\000\000\000\000\000\000\326gKi\000\000\000=IDATx\234c`~\301\302\313b\304\022\316R\303\262\220\201e7\313\003VVV-V\177\326\022\006\326>\326\315\2547X\377\262)\261\2713\260\045\262\265\261\255f\273\300\366\225]\012\000/\040\014\221\350Q\010\217\000\000\000\000IEND\256B`\202'; }
mkdir deep && deep >deep/1.png && deep >deep/2.png
run 0 "$simclr" pack deep deep.h5
says ' height=4 width=6 .*deep=2 oriented=2 ' out
says 'warning: .*in 2 of 2 images, for example 1.png: of 16 bits .* lie from 1000 to 1818 of 65535, .*--range=1000-1818 .*--range=image' err
says 'warning: .*in 2 of 2 images, for example 1.png: the EXIF orientation is ignored.*--orientation=apply' err
run 0 "$simclr" pack --range=1000-1818 --orientation=apply deep turned.h5
says ' height=6 width=4 .*deep=2 oriented=2 ' out
says 'turned as the EXIF orientation says' err
grep -q warning err && bad "a warning about what was asked for"
run 0 "$simclr" pack --range=1000-1400 deep cut.h5
says 'beyond --range=1000-1400 are cut' err
for rules in --range=image --orientation=apply "--range=1000-1400 --orientation=apply"; do
    run 0 "$simclr" pack --force $rules deep a.h5
    run 0 "$simclr" pack --force --store=encoded $rules deep b.h5
    for s in a b; do run 0 "$simclr" views --force --augment=none --image-size=6 $s.h5 $s.png; done
    cmp -s a.png b.png || bad "encoded files decode to other pixels with $rules"
    run 0 "$simclr" pack --force --store=encoded deep c.h5
    for s in b c; do "$simclr" info $s.h5 | grep '^identity' >$s.id; done
    cmp -s b.id c.id && bad "$rules does not belong to the identity of encoded files"
done
run 0 "$simclr" pack --range=image tree x.h5
says 'range=image: no image has 16 bits' err
rm x.h5
run 2 "$simclr" pack --range=9-3 deep x.h5
says 'range=9-3: must be full, image or MIN-MAX' err

# IDX, plain and compressed; CIFAR.
idx() { printf '\0\0\010\003\0\0\0\002\0\0\0\002\0\0\0\002ABCDEFGH' >"$1-images-idx3-ubyte"; printf '\0\0\010\001\0\0\0\002\001\0' >"$1-labels-idx1-ubyte"; }
mkdir idx && idx idx/train && idx idx/t10k && gzip idx/t10k*
run 0 "$simclr" pack idx train.h5
says 'images=2 refused=0 classes=2 height=2 width=2 channels=1' out
run 0 "$simclr" pack --split=test idx test.h5
says 'images=2 refused=0 classes=2' out
run 2 "$simclr" pack --store=encoded idx x.h5
# shellcheck disable=SC2238 # a file of that name
head -c 30 idx/t10k-images-idx3-ubyte.gz >cut && mv cut idx/t10k-images-idx3-ubyte.gz
run 1 "$simclr" pack --split=test idx x.h5
says 't10k-images-idx3-ubyte.gz' err
mkdir cifar && head -c 3073 /dev/zero >cifar/test_batch.bin
run 0 "$simclr" pack --split=test cifar cifar.h5
says 'images=1 refused=0 classes=10 height=32 width=32 channels=3' out

run 2 "$simclr" pack --split=val cifar x.h5
says 'cifar has only train and test' err
head -c 4000 /dev/zero >cut.bin
run 1 "$simclr" pack cut.bin x.h5
says 'cut.bin: its 4000 bytes are not whole rows of 3073 (CIFAR-10) or 3074' err
mkdir parts && cp -r tree parts/train && cp -r tree parts/val
run 2 "$simclr" pack parts x.h5
says 'parts: holds the parts of a dataset, not its classes; --split=train' err
run 0 "$simclr" pack --split=val parts val.h5
says 'images=3 .*classes=2' out
run 0 "$simclr" pack --split=Validation --force parts val.h5
says 'parts: 3 images, 2 classes (folder): cat 2, dog 1' err
run 0 "$simclr" pack --labels=none parts all.h5
says 'images=6 .*classes=0' out
run 0 "$simclr" pack --split=. --force parts all.h5
says 'images=6 .*classes=2' out

# What a NAS leaves is no image, and a link adds none a second time.
mkdir -p tree/cat/@eaDir/1.png && png >tree/cat/@eaDir/1.png/THUMB_M.png && ln -s .. tree/dog/up && ln tree/cat/1.png tree/dog/9.png
run 0 "$simclr" pack tree again.h5
says 'images=3 refused=0 classes=2' out
says 'cat/@eaDir' err
says 'dog/9.png' err
rm -r tree/cat/@eaDir tree/dog/up tree/dog/9.png

# A link that leads nowhere is a bad image; what cannot be read is none, and ends the packing.
ln -s ../.git/annex/objects/xyz tree/dog/7.png
run 1 "$simclr" pack tree lost.h5
says 'tree/dog/7.png: is a link to ../.git/annex/objects/xyz, which is not there' err
run 0 "$simclr" pack --on-bad-image=skip tree lost.h5
says 'images=3 refused=1' out
rm tree/dog/7.png
ln -s 8.png tree/dog/8.png
run 1 "$simclr" pack --on-bad-image=skip --force tree lost.h5
says 'tree/dog/8.png: Too many levels of symbolic links' err
rm tree/dog/8.png

# Damage: the byte after the pixels' marker, a cut file, files of other kinds.
at=$(grep -abo ABCDEFGH train.h5 | head -1 | cut -d: -f1)
printf 'Z' | dd of=train.h5 bs=1 seek=$((at + 3)) conv=notrunc 2>/dev/null
run 1 "$simclr" info train.h5
says 'train.h5: /images is damaged' err
one_line
head -c 1000 test.h5 >cut.h5
run 1 "$simclr" info cut.h5
says 'cut.h5: ' err
run 1 "$simclr" info tree
says 'tree: ' err
run 1 "$simclr" info no.h5
says 'no.h5: ' err

# Others read it.
if command -v h5dump >/dev/null; then
    run 0 h5dump -d /images tree.h5
    says '( 3, 1, 1, 1 )' out
fi
if command -v h5import >/dev/null; then # what another program wrote has no checksums
    echo 1 2 3 >three.txt
    run 0 h5import three.txt -dims 3 -path /three -type TEXTFP -size 32 -o foreign.h5
    run 0 "$simclr" info foreign.h5
    says '^info kind=hdf5 datasets=1 damaged=0 unchecked=1' out
fi
python=${PEER_PYTHON:-python3}
if "$python" -c 'import h5py' 2>/dev/null; then
    run 0 "$python" -c 'import h5py
f = h5py.File("tree.h5")
assert f["images"].shape == (3, 1, 1, 1) and f["images"].dtype == "uint8" and f["labels"][2] == 1
assert f["names"][2] == b"dog/deep/3.png" and f["classes"][1] == b"dog"'
fi

# A disk too small, where one can be made.
mkdir small
if mount -t tmpfs -o size=256k tmpfs small 2>/dev/null; then
    mkdir big && head -c 3073000 /dev/zero >big/test_batch.bin
    run 1 "$simclr" pack --split=test big small/x.h5
    says 'small/x.h5: no space: 3.1 MB are needed, and 0.3 MB are free; --resize-shorter' err # before anything is written
    mkdir sheets && "$simclr" views --augment=none --images=1 --image-size=1024 tree.h5 sheets/1.png >/dev/null 2>err || bad "no sheet"
    run 1 "$simclr" pack sheets small/x.h5
    says 'warning: small/x.h5: the disk may get full' err
    says 'small/x.h5: cannot be written: No space left' err
    [ -z "$(ls small)" ] || bad "something was left on the full disk: $(ls small)"
    mount -o remount,size=18m small # for 12.3 MB of images: less than twice
    head -c 12292000 /dev/zero >big/test_batch.bin
    run 0 "$simclr" pack --split=test big small/x.h5
    umount small
fi

# Real pictures of every kind, where Debian's openclipart-png is installed.
clip=/usr/share/openclipart/png/food
if [ -d $clip ]; then
    run 0 "$simclr" pack --on-bad-image=skip --resize-shorter=64 $clip clip.h5
    says '^pack images=[1-9]' out
    run 0 "$simclr" info clip.h5
fi
[ $failed = 0 ] && echo "pack and info: good"
exit $failed
