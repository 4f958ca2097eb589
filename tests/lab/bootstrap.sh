#!/bin/sh
# Makes a virtual environment that an unprivileged user can run, with the locked dependencies and
# this checkout's package in it. Its path is the last line on stdout; progress goes to stderr.
# As root: /opt/deployer-lab/venv (or $DEPLOYER_VENV), and missing Debian packages are installed.
# As an ordinary user: .venv in the checkout (or $DEPLOYER_VENV), and nothing else is touched.
set -eu
# The receiver's user must be able to read it all, whatever the caller's umask is.
umask 022
unset PYTHONHOME PYTHONPATH VIRTUAL_ENV
export PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

checkout=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)

say() { printf '%s\n' "bootstrap: $*" >&2; }

fail() {
    say "$*"
    exit 1
}

is_root() { [ "$(id -u)" -eq 0 ]; }

# A Python under /root could not be executed by the receiver's user.
suits() {
    [ -x "$1" ] || return 1
    case $(readlink -f "$1") in /root/*) is_root && return 1 ;; esac
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for candidate in /usr/bin/python3 /usr/local/bin/python3 "$(command -v python3 || true)"; do
        if suits "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    return 1
}

can_make_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

install_packages() {
    is_root || fail "install $* first (for example: apt-get install $*), or run this as root"
    command -v apt-get >/dev/null || fail "install $* first: this machine has no apt-get"
    say "installing $*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2
    apt-get install -y -qq --no-install-recommends "$@" >&2
}

choose_python() {
    find_python >/dev/null || install_packages python3 python3-venv
    python=$(find_python) || fail "Python 3.11 or newer is needed, in a place all users can read"
    can_make_venv "$python" || install_packages python3-venv
    can_make_venv "$python" || fail "$python has no venv module: install it"
}

make_venv() {
    if [ -x "$venv/bin/python" ] && "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        return
    fi
    say "making $venv with $python"
    "$python" -m venv --clear "$venv"
}

install_dependencies() {
    wanted=$(cat "$checkout/requirements.txt" "$checkout/requirements-dev.txt" | cksum)
    stamp=$venv/.installed-requirements
    [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
    say "installing the locked dependencies"
    rm -f "$stamp"
    "$venv/bin/python" -m pip install --quiet --require-hashes \
        -r "$checkout/requirements.txt" -r "$checkout/requirements-dev.txt" >&2
    printf '%s\n' "$wanted" >"$stamp"
}

# Built from a copy: the build must leave nothing in the checkout, nor take in what lies hidden
# there. Tests are left out, since someone may be writing them at this very moment.
install_package() {
    say "installing the package into $venv"
    mkdir "$work/source"
    (cd "$checkout" && tar -cf "$work/source.tar" --exclude='./.*' --exclude='./tests' \
        --exclude='./bench' --exclude='./build' --exclude='./dist' --exclude='__pycache__' .)
    tar -xf "$work/source.tar" -C "$work/source" --no-same-owner
    # A checkout made under a strict umask must not make files that only root can read.
    chmod -R u=rwX,go=rX "$work/source"
    "$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation --no-index \
        --force-reinstall "$work/source" >&2
}

if is_root; then default=/opt/deployer-lab/venv; else default=$checkout/.venv; fi
venv=${DEPLOYER_VENV:-$default}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if [ ! -d "${HOME:-}" ]; then
    # Without a home pip would look for its files in the working folder or in /.
    export HOME="$work" PIP_NO_CACHE_DIR=1
fi

choose_python
mkdir -p "$(dirname -- "$venv")"
if command -v flock >/dev/null; then
    # Two at once would install into one another's half-made environment.
    # The folder itself is locked: a lock file would stay behind in the checkout.
    exec 9<"$(dirname -- "$venv")"
    flock 9
fi
make_venv
install_dependencies
install_package
say "ready"
printf '%s\n' "$venv"
