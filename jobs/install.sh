# Sourced by scripts that may find a bare machine. install_packages WHAT: build, quickstart, tests or cluster.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

install_packages() {
    wanted="gcc make autoconf automake pkg-config libopenmpi-dev openmpi-bin libblis-serial-dev libhdf5-dev libpng-dev
        zlib1g-dev libjpeg-dev"
    case $1 in
    quickstart) wanted="$wanted gnuplot-nox dataset-fashion-mnist" ;;
    tests) wanted="$wanted gnuplot-nox dataset-fashion-mnist check hdf5-tools python3 valgrind" ;;
    cluster) wanted="$wanted dataset-fashion-mnist slurm-wlm munge iproute2" ;;
    esac
    command -v dpkg-query >/dev/null 2>&1 || return 0 # not Debian: configure says what is missing
    missing=
    for package in $wanted; do
        case $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) in
        *"install ok installed") ;;
        *) missing="$missing $package" ;;
        esac
    done
    [ -z "$missing" ] && return 0
    as_root=
    if [ "$(id -u)" != 0 ]; then
        as_root=$(command -v sudo) || {
            echo "these packages are missing, and this is neither root nor is there sudo:$missing" >&2
            return 1
        }
    fi
    echo "installing:$missing"
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >/tmp/simclr-install.$$ 2>&1 || {
        tail -5 /tmp/simclr-install.$$ >&2
        echo "apt-get update failed; trying with the lists that are there" >&2
    }
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >/tmp/simclr-install.$$ 2>&1 || {
        tail -20 /tmp/simclr-install.$$ >&2
        echo "apt-get could not install:$missing" >&2
        return 1
    }
    rm -f /tmp/simclr-install.$$
}
