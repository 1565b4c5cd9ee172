# SPDX-License-Identifier: BSD-3-Clause
# Sourced by scripts that may find a bare machine. install_packages WHAT: build, quickstart, data, tests, lanes, lane-mpich, lane-arm64 or cluster.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

install_packages() {
    wanted="gcc make autoconf automake pkg-config libopenmpi-dev openmpi-bin libblis-serial-dev libhdf5-dev libpng-dev
        zlib1g-dev libjpeg-dev liblbfgs-dev
        libjansson-dev"
    case $1 in
    data) wanted="gnuplot-nox dataset-fashion-mnist" ;;
    quickstart) wanted="$wanted gnuplot-nox dataset-fashion-mnist" ;;
    tests) wanted="$wanted gnuplot-nox dataset-fashion-mnist check hdf5-tools python3 valgrind clang-format shellcheck cppcheck" ;;
    lanes) wanted="$wanted check valgrind clang libomp-dev hdf5-tools" ;;
    lane-mpich) wanted="mpich libmpich-dev gnuplot-nox dataset-fashion-mnist" ;;
    lane-arm64) wanted="gcc-aarch64-linux-gnu qemu-user-static" ;;
    cluster) wanted="$wanted dataset-fashion-mnist slurm-wlm munge iproute2" ;;
    esac
    command -v dpkg-query >/dev/null 2>&1 || return 0 # not Debian: configure says what is missing
    set --
    for package in $wanted; do
        case $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) in
        *"install ok installed") ;;
        *) set -- "$@" "$package" ;;
        esac
    done
    [ $# -gt 0 ] || return 0
    as_root=''
    if [ "$(id -u)" != 0 ]; then
        as_root=$(command -v sudo) || {
            echo "these packages are missing, and this is neither root nor is there sudo: $*" >&2
            return 1
        }
    fi
    echo "installing: $*"
    said=$(mktemp -d) || return 1
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >"$said/update" 2>&1 || {
        tail -5 "$said/update" >&2
        echo "apt-get update failed; trying with the lists that are there" >&2
    }
    installed=0
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >"$said/install" 2>&1 || {
        installed=1
        tail -20 "$said/install" >&2
        echo "apt-get could not install: $*" >&2
    }
    rm -rf "$said"
    return $installed
}
