#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# run.sh [NAME...]: the scenarios test_NAME.sh (all of them) on a Slurm cluster of four nodes that exists only for them. Installs what
# is missing, builds in build/tests (or takes the program of the build that calls), prints "ok NAME seconds" or "FAILED NAME why" a
# scenario and "N passed, N failed". Exit status 77 where such a cluster cannot be had.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$(pwd)
[ "$(id -u)" = 0 ] || { echo "skipped: needs root, for namespaces"; exit 77; }
unshare --net --uts --mount true 2>/dev/null || { echo "skipped: namespaces are not allowed here"; exit 77; }
. jobs/install.sh
install_packages cluster || exit 1
if [ -z "${SIMCLR:-}" ]; then
    SIMCLR=$top/build/tests/simclr
    [ -x configure ] && [ ! configure.ac -nt configure ] || autoreconf -fi >/dev/null || exit 1
    mkdir -p build/tests
    (cd build/tests && { [ -f Makefile ] || "$top/configure" --quiet; } && make -s -j"$(nproc)" simclr) || exit 1
fi

CLUSTER=$(mktemp -d /var/tmp/simclr-cluster.XXXXXX) || exit 1
child= follower=
clean() {
    trap '' HUP INT TERM
    for pid in $child $follower; do kill "$pid" 2>/dev/null; done
    sh tests/cluster/cluster.sh stop "$CLUSTER"
    rm -rf "$CLUSTER"
}
trap clean EXIT
# shellcheck disable=SC2064 # the signal's name of now
for signal in HUP INT TERM; do trap "echo 'ended by SIG$signal'; exit 1" $signal; done
sh tests/cluster/cluster.sh start "$CLUSTER" >"$CLUSTER.start" 2>&1
status=$?
reason=$(cat "$CLUSTER.start")
rm -f "$CLUSTER.start"
[ $status != 77 ] || { echo "skipped: $reason"; exit 77; }
[ $status = 0 ] || { echo "$reason"; exit 1; }

mkdir "$CLUSTER/work" && cp "$SIMCLR" "$CLUSTER/work/simclr" && cp -r jobs "$CLUSTER/work" || exit 1
"$SIMCLR" pack --split=test /usr/share/datasets/fashion-mnist "$CLUSTER/work/data.h5" >"$CLUSTER/work/pack.out" 2>&1 ||
    { cat "$CLUSTER/work/pack.out"; exit 1; }
export CLUSTER
[ $# -gt 0 ] || set -- $(ls tests/cluster/test_*.sh | sed 's/.*test_\(.*\)\.sh/\1/')
for name in "$@"; do
    : >"$CLUSTER/results.$name"
    timeout 1000 sh "tests/cluster/test_$name.sh" </dev/null >"$CLUSTER/results.$name" 2>&1 &
    child=$!
    tail -n +1 -f -s 0.3 --pid=$child "$CLUSTER/results.$name" &
    follower=$!
    wait $child
    status=$?
    wait $follower
    child= follower=
    [ $status = 0 ] || echo "FAILED $name ended with exit status $status" | tee -a "$CLUSTER/results.$name"
done
passed=$(cat "$CLUSTER"/results.* | grep -c '^ok ')
failed=$(cat "$CLUSTER"/results.* | grep -c '^FAILED ')
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
