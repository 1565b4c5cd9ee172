#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# root.sh: README, followed by a script on a fresh Debian. As root, where debootstrap, mount and chroot are allowed: a minimal Debian with
# sudo, a user who may use it, and a clean clone; then readme.sh as that user, and the part for clusters as another user without sudo, with
# BLIS built from source, with Clang and with MPICH where Debian has them. Nothing is left behind. The mirror is the host's.
#   README_BASE=DIR    a root that debootstrap made, instead of making one       README_CCACHE=DIR   a cache of ccache, which is used then
#   README_PARTS="user cluster"    what is run                                   NO_TESTS=1   without tests/run.sh
#   README_BLIS=DIR    the sources of BLIS, or what was installed from them, where the mirror has no sources
set -u
top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
skip() {
    echo "skipped: $*"
    exit 77
}
if [ -z "${README_INSIDE:-}" ]; then
    [ "$(id -u)" = 0 ] || skip "not root"
    for tool in debootstrap chroot unshare git python3; do command -v $tool >/dev/null 2>&1 || skip "there is no $tool here"; done
    unshare --mount true 2>/dev/null || skip "namespaces are not allowed here"
    work=$(mktemp -d "${TMPDIR:-/var/tmp}/readme.XXXXXX") || exit 1
    inner=
    # unshare itself ignores INT and TERM; its end by KILL ends everything in its namespace (--kill-child)
    trap '[ -z "$inner" ] || { kill -KILL $inner && wait $inner; } 2>/dev/null; rm -rf --one-file-system "$work"' EXIT
    trap 'exit 1' HUP INT TERM
    README_INSIDE=$work unshare --mount --pid --fork --kill-child sh "$0" &
    inner=$!
    wait $inner
    status=$?
    inner=
    exit $status
fi
work=$README_INSIDE root=$README_INSIDE/root
mount --make-rprivate /
. /etc/os-release
uri=$(apt-get indextargets --format '$(REPO_URI) $(SUITE)' 'Created-By: Packages' 2>/dev/null | grep -v -e security -e updates | grep "${VERSION_CODENAME:-bookworm}\|stable" | head -n 1)
mirror=${uri%% *}
mirror=${mirror:-http://deb.debian.org/debian}
echo "a root of ${VERSION_CODENAME:=bookworm} from $mirror"
if [ -n "${README_BASE:-}" ]; then
    cp -a "$README_BASE" "$root" || exit 1
else
    debootstrap --variant=minbase --include=sudo,ca-certificates "$VERSION_CODENAME" "$root" "$mirror" >"$work/log" 2>&1 || { tail -5 "$work/log"; exit 1; }
fi
printf 'deb %s %s main\ndeb-src %s %s main\n' "$mirror" "$VERSION_CODENAME" "$mirror" "$VERSION_CODENAME" >"$root/etc/apt/sources.list"
cp /etc/resolv.conf /etc/hosts "$root/etc/"
for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/*; do
    [ ! -f "$file" ] || ! grep -qi proxy "$file" || cp "$file" "$root/etc/apt/apt.conf.d/"
done
mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" && mount -t sysfs sysfs "$root/sys" || skip "mounts are not allowed here"
# within COMMAND: as root in there
within() {
    chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive sh -c "$1"
}
# as USER COMMAND: in a clean environment of theirs, in their clone
as() {
    within "su - $1 -c 'cd simclr && export NO_TESTS=${NO_TESTS:-}; $extra $2'"
}
extra=''
if [ -n "${README_CCACHE:-}" ]; then
    within 'apt-get update -q && apt-get install -y -q --no-install-recommends ccache' >"$work/log" 2>&1 || { tail -5 "$work/log"; exit 1; }
    mkdir -p "$README_CCACHE" "$root/ccache" && chmod 777 "$README_CCACHE" && mount --bind "$README_CCACHE" "$root/ccache"
    extra='export PATH=/usr/lib/ccache:$PATH CCACHE_DIR=/ccache CCACHE_UMASK=000 CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$HOME;'
fi
for user in reader guest; do
    within "useradd -m -s /bin/sh $user" || exit 1
    git clone -q "$top" "$root/home/$user/simclr" && python3 "$top/tests/readme/photos.py" "$root/home/$user/simclr/photos" || exit 1
    within "chown -R $user: /home/$user"
done
within 'echo "reader ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/reader && chmod 440 /etc/sudoers.d/reader'
result=0
case ${README_PARTS:-user cluster} in
*user*)
    echo "== as a user with sudo, on a bare machine"
    as reader 'sh tests/readme/readme.sh user' || result=1 ;;
esac
case ${README_PARTS:-user cluster} in
*cluster*)
    echo "== as a user without, on a machine with compilers and MPI, without BLIS"
    as reader '. jobs/install.sh && install_packages tests' >"$work/log" 2>&1 || { tail -5 "$work/log"; exit 1; }
    within 'apt-get purge -y -q "libblis*" && apt-get install -y -q --no-install-recommends clang libomp-dev mpich libmpich-dev dpkg-dev' \
        >"$work/log" 2>&1 || { tail -5 "$work/log"; exit 1; }
    if [ -n "${README_BLIS:-}" ]; then
        mkdir -p "$root/opt/source" && cp -R "$README_BLIS" "$root/opt/source/blis-given"
    else
        within 'mkdir -p /opt/source && cd /opt/source && apt-get source -q blis' >"$work/log" 2>&1 || { tail -5 "$work/log"; exit 1; }
    fi
    within 'chmod -R a+rX /opt/source'
    as guest 'sh tests/readme/cluster.sh /opt/source/blis-*/' || result=1 ;;
esac
exit $result
