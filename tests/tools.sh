#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The commands around a run: views, doctor, bench, --version: what they print is what scripts read.
. "${top_srcdir:-.}/tests/lib.sh"
cd "$work" || exit 1

# value KEY: of the last line that has it in out
value() {
    tr ' ' '\n' <out | sed -n "s/^$1=//p" | tail -1
}
# number KEY TEST: the value satisfies an awk condition on v
number() {
    v=$(value "$1")
    awk -v v="$v" "BEGIN { exit !(v != \"\" && ($2)) }" || { cat out; die "$1=$v, wanted $2"; }
}

for word in simclr MPI BLIS HDF5 libpng; do
    "$simclr" --version | grep -q "$word" || die "--version does not name $word"
done
timeout 60 "$mpirun" 3 "$simclr" --version >out 2>err || die "--version: $(cat err)"
[ "$(grep -c '^simclr' out)" = 1 ] || die "--version is not said once: $(cat out)"

# No tool starts MPI, nor does a lone process: without ssh, with nowhere to put temporary files, with the traces of a launcher around it.
mkdir bin && for tool in sh env rm; do ln -s "$(command -v $tool)" bin/; done
lone() {
    env PATH="$work/bin" TMPDIR=/proc "$@" >out 2>err || die "$*: $(cat out err)"
}
for traces in NOTHING=0 "SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=0" "PMI_SIZE=4 PMI_RANK=0" PMIX_RANK=0 "OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=0"; do
    lone $traces "$simclr" --version
    lone $traces "$simclr" info data.h5
    lone $traces "$simclr" views --force --image-size=8 --augment=none --images=1 data.h5 one.png
    lone $traces "$simclr" pack --force --split=test $mnist packed.h5
done
lone "$simclr" doctor
lone "$simclr" bench loss --batch=20 --dim=8
lone PMI_RANK=0 TMPDIR=/tmp "$simclr" bench loss --batch=20 --dim=8
export SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=0
timeout 60 "$mpirun" 1 "$simclr" info data.h5 >out 2>err || die "mpirun -n 1 of a tool: $(cat err)"
timeout 60 "$mpirun" 1 "$simclr" bench loss --batch=20 --dim=8 >out 2>err || die "mpirun -n 1: $(cat err)"
PMI_RANK=0 "$simclr" doctor >out 2>err && die "doctor: four processes that see one are well"
grep -q "^this process: on " out && grep -q "srun --mpi=list.*env -u SLURM_STEP_NUM_TASKS" err || die "doctor before MPI: $(cat out err)"
unset SLURM_STEP_NUM_TASKS SLURM_PROCID
timeout 60 "$mpirun" 4 "$simclr" pack --split=test $mnist four.h5 >out 2>err || die "four packs: $(cat err)"
[ "$(grep -c '^pack ' out)" = 1 ] && [ "$(grep -c 'pack runs once, in process 0; this one, [123] of 4 by \(OMPI_COMM_WORLD_SIZE\|PMI_SIZE\), does nothing' err)" = 3 ] || die "four packs: $(cat out err)"
"$simclr" info four.h5 >out 2>err && [ -z "$(ls four.h5?* 2>/dev/null)" ] || die "four packs: $(cat err; ls)"

"$simclr" views --preset=fashion-mnist --images=7 data.h5 sheet.png >out 2>err || die "views: $(cat err)"
[ "$(value images)" = 7 ] || die "views: $(cat out)"
mkdir sheets && cp sheet.png sheets/ && "$simclr" pack sheets sheet.h5 >out 2>err || die "the sheet is no picture: $(cat err)"
grep -q "height=$((4 * 58 + 2)) width=$((2 * (3 * 58 + 8) - 8 + 2))" out || die "the sheet has another size: $(cat out)"
"$simclr" views --image-size=19 --augment=crop,blur --images=7 data.h5 small.png >out 2>err || die "views: $(cat err)"
[ "$(grep -c "'blur' changes nothing below 20" err)" = 1 ] || die "views of 19 pixels do not tell of blur once: $(cat err)"
cp sheet.png before.png
"$simclr" views --preset=fashion-mnist --images=3 data.h5 sheet.png >out 2>err && die "views replaced a file"
grep -q "sheet.png: is there already; --force" err && cmp -s sheet.png before.png || die "views: $(cat err)"
"$simclr" views --force --preset=fashion-mnist --images=3 data.h5 sheet.png >out 2>err || die "views --force: $(cat err)"
"$simclr" views --augment=crop,flop data.h5 other.png >out 2>err && die "views took 'flop'"
grep -q "did you mean 'flip'" err && [ ! -e other.png ] || die "views: $(cat err)"

timeout 60 "$mpirun" 3 "$simclr" doctor --preset=fashion-mnist --data=data.h5 --run-dir=none/yet >out 2>err || die "doctor: $(cat err)"
[ "$(value ranks) $(value nodes) $(value fits)" = "3 1 yes" ] || die "doctor: $(cat out)"
[ "$(grep -c '^ *[0-2]  ' out)" = 3 ] && [ ! -e none ] || die "doctor: not a line a rank: $(cat out)"
number memory_needed_gib "v > 0.01 && v < 2"
"$simclr" doctor --data=data.h5 --arch=resnet152 --width=8 --batch=8192 >out 2>err && die "doctor says that 8192 images fit ResNet-152 (8x)"
[ "$(value fits)" = no ] && grep -q "microbatch\|use fewer ranks" err || die "doctor does not say what would fit: $(cat err)"

# --plan=NODES: four runs, whose lines are the arithmetic that stands above them.
timeout 120 "$simclr" doctor --plan=16 --arch=resnet18 --width=1/16 --stem=cifar --image-size=16 --threads=1 >out 2>err || die "doctor --plan: $(cat err)"
[ "$(grep -c '^plan nodes=16 ranks=16 ' out)" = 4 ] && grep -q "ASSUMED" out || die "doctor --plan: $(cat out)"
grep '^plan nodes=' out | awk '{
    for (i = 2; i <= NF; i++) { split($i, f, "="); v[f[1]] = f[2] }
    steps = int(v["epochs"] * 1281167 / v["batch"])
    hours = v["steps"] * v["step_s"] / 3600
    if (v["steps"] != steps || (hours / v["hours"] - 1) ^ 2 > 1e-4 || v["step_s"] < 2 * v["batch"] / v["views_per_s"] * 0.99) exit 1
    if (v["network_share"] <= 0 || v["network_share"] >= 1 || v["memory_gib"] <= v["memory_recompute_gib"] * 0.5 || v["storage_gb"] < 335) exit 1
    if ((v["core_hours"] / v["hours"] / 16 - 1) ^ 2 > 1e-3) exit 1
}' || die "doctor --plan does not add up: $(cat out)"
"$simclr" doctor --plan=1 --data=data.h5 --arch=resnet18 --width=1/16 --stem=cifar --image-size=16 --threads=1 >out 2>err || die "doctor --plan: $(cat err)"
grep -q "10000 images (of --data)" out && grep -q "network  .* = 0.000 s" out || die "doctor --plan=1: $(cat out)"
"$simclr" doctor --plan=0 >out 2>err && die "doctor plans for no node"
"$simclr" doctor --plan=4x >out 2>err && die "doctor plans for 4x nodes"
grep -q -e "--plan=4x: must be a number of nodes" err || die "doctor --plan=4x: $(cat err)"

timeout 60 "$mpirun" 3 "$simclr" bench comm --bytes=3000004 --bucket=400000 --steps=2 --compute=0.01 >out 2>err || die "bench comm: $(cat err)"
number gb_per_s "v > 0"
number exposed_s "v >= 0"
# The manual page has every option of every command, as help has.
"$simclr" --man >page || die "--man: status $?"
"$simclr" --help | sed -n '/^commands:/,/^$/s/^  \(.\{13\}\) .*/\1/p' | sed 's/ *$//' >names
[ "$(wc -l <names)" -ge 12 ] || die "only these commands: $(cat names)"
"$simclr" --version >first && "$simclr" -V >second && cmp first second || die "-V is not --version"
"$simclr" --help >first && "$simclr" help >second && cmp first second || die "help is not --help"
"$simclr" help nothing >out 2>err
[ $? = 2 ] && grep -q "there is no command 'nothing'" err || die "help nothing: $(cat err)"
while read -r name; do
    # shellcheck disable=SC2086 # "bench step" is two words
    { "$simclr" $name --help && "$simclr" help $name; } </dev/null >second || die "help of $name"
    [ "$(grep -c "^  .*simclr $name" second)" = 2 ] || die "the help of $name has no example"
    grep -q "^.SS simclr $name" page || die "the manual page lacks the command $name"
    # shellcheck disable=SC2086 # "bench step" is two words
    "$simclr" $name --help </dev/null | sed -n 's/^  --\([a-z0-9-]*\).*/\1/p' | grep -v '^config$' | while read -r option; do
        grep -q -F "$(printf '%s' ".B \\-\\-$option" | sed 's/\([a-z0-9]\)-/\1\\-/g')" page || echo "$name --$option"
    done >lacking
    [ ! -s lacking ] || die "the manual page lacks $(cat lacking)"
done <names
for pair in batch-size:batch learning-rate:lr model:arch output-dir:run-dir num-workers:threads; do
    "$simclr" pretrain "--${pair%:*}=7" >out 2>err
    [ $? = 2 ] && grep -q "did you mean '${pair#*:}'?" err || die "--${pair%:*}: $(cat err)"
done
if command -v groff >/dev/null 2>&1; then
    groff -man -ww -Tutf8 page 2>lint >/dev/null && [ ! -s lint ] || die "the manual page: $(head -3 lint)"
fi

"$simclr" bench loss --batch=200 --dim=32 --threads=2 >out 2>err || die "bench loss: $(cat err)"
one=$(value loss)
"$simclr" bench loss --batch=20 --dim=8 --output=data.h5 >out 2>err && die "bench loss replaced a dataset"
grep -q "data.h5: is there already; --force" err || die "bench loss: $(cat err)"
"$simclr" bench loss --batch=50000000 --dim=60000 >out 2>err && die "bench loss fits 48 TB"
grep -q "batch=50000000 --dim=60000: a rank needs" err || die "bench loss: $(cat err)"
"$simclr" bench conv --n=1048576 --h=256 --w=256 --solver=reference >out 2>err && die "bench conv fits a million images"
grep -q "n=1048576 .*: needs .* GB" err || die "bench conv: $(cat err)"
"$simclr" bench augment --threads=4096 --size=1024 --source-size=32 >out 2>err && die "bench augment fits 4096 threads"
grep -q "threads=4096: needs .* GB" err || die "bench augment: $(cat err)"
"$simclr" pretrian --help >out 2>err && die "pretrian --help is help"
grep -q "did you mean 'pretrain'" err || die "pretrian --help: $(cat err)"
cp data.h5 same.h5
"$simclr" views --force same.h5 same.h5 >out 2>err && die "views wrote over what it read"
grep -q "same.h5: is what is read too" err && cmp -s data.h5 same.h5 || die "views over its data: $(cat err)"
for option in --augment=crop,blurr --time-limit=soon --allow-change=tempratur; do
    "$simclr" doctor $option >out 2>err && die "doctor takes $option"
    grep -q -e "${option%%=*}" err || die "doctor $option: $(cat err)"
done
"$simclr" bench step --views=16000000 --image-size=64 >out 2>err && die "bench step fits 16 million views"
grep -q "views=16000000: a rank needs .*recompute" err || die "bench step: $(cat err)"
"$simclr" bench loss --batch=20 --dim=8 --output=dz.h5 >out 2>err || die "bench loss: $(cat err)"
"$simclr" bench loss --input=dz.h5 --dim=8 >out 2>err && die "bench loss took --input and --dim"
grep -q "dim has no effect here: --input=dz.h5" err || die "bench loss: $(cat err)"
timeout 60 "$mpirun" 3 "$simclr" bench loss --batch=200 --dim=32 --threads=1 >out 2>err || die "bench loss: $(cat err)"
number loss "v > 0 && (v - $one) ^ 2 < 1e-11"
timeout 60 "$mpirun" 2 "$simclr" bench step --width=1/16 --views=16 --steps=2 --threads=1 >out 2>err || die "bench step: $(cat err)"
number views_per_s "v > 0"
number peak_gflops "v > 0"
number peak_rss_mb "v > 1"
timeout 60 "$mpirun" 2 "$simclr" bench step --width=1/16 --views=16 --microbatch=3 --threads=1 >out 2>err && die "bench step took 3 images for 2 ranks"
grep -q "less than two images for each of the 2 ranks" err || die "bench step: $(cat err)"
"$simclr" bench augment --source-size=32x >out 2>err && die "bench augment took a size of '32x'"
for ranks in 1 2; do
    "$mpirun" $ranks "$simclr" bench lbfgs --rows=400 --dim=70 --strengths=5 --threads=1 >out 2>err ||
        grep -q "without libLBFGS" err || die "bench lbfgs: $(cat err)"
    sed 's/ ranks=.* l2=/ l2=/; s/\(loss=[0-9]*\.....\).*/\1/' out >lbfgs.$ranks
done
grep -q "^bench=lbfgs rows=400 .* loss=" out || grep -q "without libLBFGS" err || die "bench lbfgs: $(cat out)"
cmp lbfgs.1 lbfgs.2 || die "bench lbfgs: the number of ranks counts: $(cat lbfgs.1 lbfgs.2)"
"$simclr" bench augment --size=32 --source-size=40x30 --images=8 --steps=1 --threads=2 >out 2>err || die "bench augment: $(cat err)"
number views_per_s "v > 0"

# probe: classes are matched by name, no more neighbours vote than there are, and a run that cannot be written to is only read.
mkdir -p train/ant train/bee train/cat test/cat other/dog
for folder in train/ant train/bee train/cat test/cat other/dog; do cp sheet.png $folder/1.png; done
for set in train test other; do "$simclr" pack $set $set.h5 >out 2>err || die "pack $set: $(cat err)"; done
pretrain 1 run --steps=1 || die "$(tail -5 run.out)"
mkdir run/probe.tsv
grep -q "^pretrain .*chance=[0-9]" run.out || die "$(tail -1 run.out)"
pretrain 1 triplet --steps=1 --loss=triplet || die "$(tail -5 triplet.out)"
grep "^pretrain steps=1 " triplet.out | grep -q nan && die "$(tail -1 triplet.out)"
"$simclr" probe --checkpoint=run --train=train.h5 --test=test.h5 --epochs=2 >out 2>err || die "probe: $(cat err)"
grep -q "knn: the 3 nearest" out && grep -q "probe.tsv: cannot be [a-z]*" err || die "probe: $(cat out err)"
[ "$(value test) $(value classes)" = "1 3" ] || die "probe: $(cat out)"
"$simclr" probe --checkpoint=run --train=train.h5 --test=other.h5 >out 2>err && die "probe took a class that was not trained"
grep -q "class 'dog' of the second is not among the 3 of the first" err || die "probe: $(cat err)"

# Test images that are training images are counted; one class, and data of another kind, are refused before anything is computed.
"$simclr" probe --checkpoint=run --train=train.h5 --test=test.h5 --method=knn >out 2>err || die "probe: $(cat err)"
grep -q "test.h5: 1 of its 1 images are among the training images, those of train.h5" err && [ "$(value common)" = 1 ] &&
    grep -q '^input: gray in \[0, 1\], which is bytes / 255, no mean .* the whole image, resized to 28 x 28' out || die "probe on what was learned: $(cat out err)"
mkdir -p train/one/more && "$simclr" views --force --images=2 data.h5 train/one/2.png >out 2>err && "$simclr" pack --force train more.h5 >out 2>err || die "$(cat err)"
"$simclr" info train.h5 more.h5 >out 2>err || die "info of two: $(cat err)"
grep -q "^info kind=comparison images=3,4 common=3,3 relabelled=0 same=no files=train.h5,more.h5" out || die "info of two: $(cat out)"
"$simclr" info train.h5 >out 2>err && grep -q "^repeated: 2 images" out || die "info of repeated images: $(cat out)"
"$simclr" probe --checkpoint=run --train=other.h5 --test=other.h5 >out 2>err && die "probe took itself"
"$simclr" pack --force --store=encoded other same.h5 >out 2>err || die "$(cat err)"
"$simclr" probe --checkpoint=run --train=other.h5 --test=same.h5 >out 2>err && die "probe took one class"
grep -q "of one class, 'dog'" err && ! grep -q "^features" out || die "one class: $(cat out err)"
"$simclr" pack --force --store=encoded train same.h5 >out 2>err || die "$(cat err)"
"$simclr" probe --checkpoint=run --train=more.h5 --test=same.h5 >out 2>err && die "probe took the training images as files"
grep -q "are the training images, those of more.h5, in another" err && ! grep -q "^features" out || die "the same as files: $(cat out err)"
"$simclr" pretrain --preset=fashion-mnist --data=other.h5 --run-dir=one --online-probe >out 2>err
[ $? = 2 ] && grep -q "online-probe needs images of two classes" err || die "an online probe of one class: $(cat err)"

# Large photographs: what helps is to pack them smaller, and every command that resizes them says so.
mkdir photos && "$simclr" views --force --augment=none --images=1 --image-size=1024 data.h5 photos/1.png >out 2>err || die "views: $(cat err)"
for i in 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do cp photos/1.png photos/$i.png; done
"$simclr" pack photos photos.h5 >out 2>err || die "pack: $(cat err)"
for limit in "300 pretrain --preset=fashion-mnist --width=1/16 --batch=16 --threads=1 --run-dir=no --data=photos.h5" \
    "300 doctor --preset=fashion-mnist --width=1/16 --batch=16 --threads=1 --data=photos.h5" "100 embed --checkpoint=run --output=no.h5 --data=photos.h5"; do
    SLURM_MEM_PER_NODE=${limit%% *} timeout 60 "$simclr" ${limit#* } >out 2>err && die "$limit: not refused"
    grep '^simclr: ' err | grep -q -e '--resize-shorter=32' || die "$limit: does not name --resize-shorter: $(cat err)"
done

# kind WORDS COMMAND...: refused, with the words in its one line of complaint
kind() {
    words=$1
    shift
    timeout 60 "$simclr" "$@" >out 2>err && die "$*: not refused"
    [ "$(grep -c '^simclr: ' err)" = 1 ] && grep '^simclr: ' err | grep -q -e "$words" || die "$*: $(cat err)"
}
checkpoint=run/checkpoints/step-00000001.h5
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n' >pointer.h5
head -c 5000 /dev/zero >zeros.h5
for command in "pretrain --preset=fashion-mnist --run-dir=no --data=" "doctor --preset=fashion-mnist --data=" "probe --checkpoint=run --test=data.h5 --train=" \
    "probe --checkpoint=run --train=data.h5 --test=" "embed --checkpoint=run --output=no.h5 --data="; do
    kind "^simclr: train: is a folder, not a dataset; .simclr pack train OUT.h5" $command"train"
done
for given in "train:is a folder, not a dataset; .simclr pack train OUT.h5" "run:is a run directory, not a dataset" "sheet.png:is a PNG image, not a dataset; .simclr pack" \
    "$checkpoint:is a checkpoint, not a dataset" "pointer.h5:is a Git LFS pointer.*git lfs pull" "zeros.h5:is a file of zeros" "$mnist/t10k-images-idx3-ubyte.gz:is compressed with gzip.*simclr pack"; do
    kind "^simclr: ${given%%:*}: ${given#*:}" views "${given%%:*}" no.png
done
kind "data.h5: is a dataset, not a checkpoint" embed --checkpoint=data.h5 --data=data.h5 --output=no.h5
kind "sheet.png: is a PNG image, not a checkpoint" probe --checkpoint=sheet.png --train=data.h5 --test=more.h5
kind "train: is a folder .*simclr pack train OUT.h5" info train
