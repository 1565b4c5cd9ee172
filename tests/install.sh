#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What `make install` leaves is complete: the manual page, completion in bash, job scripts that find the installed program and write where
# they are started; uninstall leaves no file. The tarball of two `make dist` has the same bytes.
. "${top_srcdir:-.}/tests/lib.sh"
prefix=$work/root/opt/simclr share=$work/root/opt/simclr/share/simclr
installed="make -s -C $build DESTDIR=$work/root prefix=/opt/simclr exec_prefix=/opt/simclr"
$installed install >"$work/out" 2>&1 || die "make install: $(tail -5 "$work/out")"
for file in bin/simclr share/man/man1/simclr.1 share/simclr/README share/bash-completion/completions/simclr; do
    [ -s "$prefix/$file" ] || die "make install leaves no $file"
done
[ "$(cat "$share/launcher")" = "$MPIRUN" ] || die "share/simclr/launcher: $(cat "$share/launcher"), not $MPIRUN"
[ -x "$prefix/bin/simclr" ] || die "bin/simclr cannot be run"
(cd "$top/jobs" && find . -type f ! -name '.*' ! -name '*~' | sort) >"$work/there"
(cd "$share/jobs" && find . -type f | sort) | cmp -s "$work/there" - || die "share/simclr/jobs is not what jobs is"

# In a folder of its own, with no other simclr: nothing is named but the script, not even the launcher.
unset MPIRUN
chmod -R a-w "$share"
(cd "$share" && find . | sort) >"$work/before"
unset SIMCLR SIMCLR_JOBS SIMCLR_SITE SLURM_JOB_ID
mkdir "$work/empty" "$work/bin"
for tool in sudo apt-get; do printf '#!/bin/sh\nexit 1\n' >"$work/bin/$tool" && chmod +x "$work/bin/$tool"; done # nothing is installed by a test
cd "$work/empty" || exit 1
few "$work/few"
settings="--preset=fashion-mnist --width=1/16 --batch=64 --steps=3 --warmup-epochs=0.02 --threads=1 --log-every=1"
NODES=1 RANKS_PER_NODE=2 DATA=$work/few.h5 timeout 200 sh "$share/jobs/pretrain.sh" $settings >out 2>&1 || die "pretrain.sh: $(tail -5 out)"
[ "$(steps runs/pretrain)" = "1 2 3 " ] || die "pretrain.sh wrote $(ls runs runs/pretrain)"
few "$work/others" 256
mkdir mnist && cp "$work/few/"* mnist && for what in images-idx3 labels-idx1; do cp "$work/others/t10k-$what-ubyte" mnist/train-$what-ubyte; done
MNIST=$PWD/mnist RANKS=1 PATH=$work/bin:$PATH timeout 200 sh "$share/jobs/quickstart.sh" $settings >quick 2>&1 || die "quickstart.sh: $(tail -5 quick)"
grep -q '^quickstart linear=' quick && [ -f runs/quickstart/views.png ] || die "quickstart.sh: $(tail -5 quick)"
# A site's settings from a file of one's own, and Slurm's command line by the name of the script alone.
echo 'PARTITION=mine' >site.sh
printf '#!/bin/sh\necho "$@"\n' >"$work/bin/sbatch" && chmod +x "$work/bin/sbatch"
SIMCLR_SITE=site.sh PATH=$work/bin:$PATH sh "$share/jobs/submit.sh" jobs/probe.sh --seed=1 >out 2>&1 || die "submit.sh: $(cat out)"
grep -q -e "--partition=mine .* $share/jobs/probe.sh --seed=1" out || die "submit.sh calls sbatch $(cat out)"
(cd "$share" && find . | sort) | cmp -s "$work/before" - || die "job scripts wrote to their own folder"
chmod -R u+w "$share"

# completes LINE WORDS: what bash offers where the cursor stands behind LINE
completes() {
    got=$(bash -c '
        . "$1" || exit 1
        COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDS=() rest=${2//=/ = }
        read -ra COMP_WORDS <<<"$rest"
        [[ $2 != *" " ]] || COMP_WORDS+=("")
        [[ $2 != *= ]] || COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _simclr 2>/dev/null
        echo "${COMPREPLY[@]}"' x "$prefix/share/bash-completion/completions/simclr" "$1")
    [ "$got" = "$2" ] || die "completion of '$1': '$got', not '$2'"
}
if command -v bash >/dev/null 2>&1; then
    bash -n "$prefix/share/bash-completion/completions/simclr" || die "the completion is no script for bash"
    completes "simclr pre" pretrain
    completes "simclr help fine" finetune
    completes "simclr bench con" conv
    completes "simclr bench conv --ker" --kernel=
    completes "simclr pretrain --arch=resnet5" resnet50
    completes "simclr pretrain --loss tri" triplet
    completes "simclr pretrain --recomp" --recompute
    completes "simclr pretrain --data=" ""
    completes "simclr pretrain pho" ""
    # every option of every command, and nothing else
    "$simclr" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\( [a-z]*\)\{0,1\}\)   *.*/\1/p' | sed 's/ *$//' >"$work/commands"
    [ "$(wc -l <"$work/commands")" -ge 15 ] || die "simclr --help lists $(cat "$work/commands")"
    while read -r command; do
        options=$("$simclr" help $command | sed -n 's/^  \(--[a-z0-9-]*\).*/\1/p' | grep -v '^--config$' | sort)
        offered=$(bash -c '. "$1"; _simclr_options "$2"' x "$prefix/share/bash-completion/completions/simclr" "$command" |
            tr ' ' '\n' | sed -n 's/=$//; /^--/p' | grep -v '^--config$\|^--help$' | sort)
        [ -n "$offered" ] && [ "$options" = "$offered" ] || die "$command: help has $options, completion $offered"
    done <"$work/commands"
else
    echo "left out: there is no bash here"
fi

$installed uninstall >"$work/out" 2>&1 || die "make uninstall: $(tail -5 "$work/out")"
[ ! -e "$share" ] && [ -z "$(find "$work/root" ! -type d)" ] || die "make uninstall leaves $(find "$work/root" ! -type d) $(ls -d "$share")"

# The tarball twice, under different umasks.
tar --version 2>/dev/null | grep -q GNU || { echo "left out: no GNU tar"; exit 0; }
for mask in 022 077; do
    (umask $mask && make -s -C "$build" dist) >"$work/out" 2>&1 || die "make dist: $(tail -5 "$work/out")"
    mv "$build"/simclr-*.tar.gz "$work/$mask.tar.gz"
done
cmp -s "$work/022.tar.gz" "$work/077.tar.gz" || die "make dist twice: different bytes"
