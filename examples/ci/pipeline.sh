#!/bin/sh
# Tests an app, builds its image and pushes it; the registry's webhook then deploys it.
set -eu

usage() {
    cat <<'END'
usage: pipeline.sh [--until STAGE] [--version VERSION] [APP] [-- DOCKER-BUILD-ARGUMENT...]

  install  what the requirements*.txt of APP name, pytest and coverage, into a virtual environment
  test     the tests with branch coverage; writes the reports, also when a test fails
  build    the image of APP/Dockerfile, with the build argument VERSION
  push     $REGISTRY/$IMAGE:VERSION, then :$TAG, whose webhook deploys it
  wait     for the outcome, if DEPLOYER_HOOK is set

  APP              a folder with Dockerfile, requirements and tests; without it examples/hello
  --until STAGE    stop after this stage
  --version V      without it `git describe --tags --always --dirty`
  -- ARGUMENT...   goes to `docker build` as it is: --build-arg, --secret, --pull, ...

environment
  REGISTRY         such as docker.io or registry.example.com:5000 (needed from build on)
  IMAGE            such as acme/shop (needed from build on)
  TAG              latest: what the app's `tags:` in config.yml name
  REPORTS          reports: the folder for html/, coverage.xml, coverage.md and junit.xml
  MIN_COVERAGE     0: less than this percentage fails the tests
  PYTHON           python3
  VENV             a virtual environment to keep; without it one that is removed at the end
  DEPLOYER_HOOK    the URL of a hook with `source: generic`
  DEPLOYER_TOKEN   the hook's token
  WAIT_LIMIT       900: seconds to wait for the outcome

Exit codes: 0 done, 1 a stage failed, 2 something that is needed is missing.
END
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
python=${PYTHON:-python3} tag=${TAG:-latest} reports=${REPORTS:-reports} limit=${WAIT_LIMIT:-900}
hook=${DEPLOYER_HOOK:-} token=${DEPLOYER_TOKEN:-}
# The tests are the app's code, which has no business with the token.
unset DEPLOYER_TOKEN

stop() {
    code=$1 && shift
    printf 'pipeline.sh: %s\n' "$*" >&2
    exit "$code"
}

finish() {
    code=$?
    rm -rf "$work"
    case $code in
        0 | 130 | 143) ;;
        *)
            printf 'pipeline.sh: the stage %s failed, nothing after it was done\n' "$stage" >&2
            exit 1
            ;;
    esac
}

need_command() { command -v "$1" >/dev/null || stop 2 "$1 is not installed. $2"; }

need_number() {
    case $2 in
        '' | *[!0-9]*) stop 2 "$1 is not a whole number: '$2'" ;;
    esac
}

need_tag() {
    case $2 in
        '' | [.-]* | *[!A-Za-z0-9_.-]*) stop 2 "$1 cannot be the tag of an image: '$2'. $3" ;;
    esac
}

check_app() {
    [ -d "$app" ] || stop 2 "there is no folder $app. Name the one of your app"
    app=$(CDPATH='' cd -- "$app" && pwd -P)
    [ -f "$app/requirements.txt" ] ||
        stop 2 "$app has no requirements.txt. Write the names of the packages that it needs there"
    need_command "$python" "Install Python 3, or set PYTHON"
    need_number MIN_COVERAGE "${MIN_COVERAGE:-0}"
}

check_image() {
    [ -f "$app/Dockerfile" ] || stop 2 "$app has no Dockerfile. Write one, or use --until test"
    [ -n "${REGISTRY:-}" ] || stop 2 "REGISTRY is not set. It is a host, such as docker.io"
    [ -n "${IMAGE:-}" ] || stop 2 "IMAGE is not set. It is a repository, such as acme/shop"
    image=$REGISTRY/$IMAGE
    need_command docker "Only --until test goes without it"
    if [ -z "$version" ]; then
        need_command git "Install it, or name the version with --version"
        version=$(git -C "$app" describe --tags --always --dirty 2>/dev/null) ||
            stop 2 "$app is in no Git repository with a commit. Name the version with --version"
    fi
    need_tag "the version" "$version" "Name another one with --version"
    need_tag TAG "$tag" "Set it to one of the tags of the app in config.yml"
}

check_wait() {
    [ -n "$hook" ] || stop 2 "DEPLOYER_HOOK is not set, so there is nobody to wait for"
    [ -n "$token" ] || stop 2 "DEPLOYER_TOKEN is not set. It is the token of the hook"
    need_number WAIT_LIMIT "$limit"
    need_command curl "Without DEPLOYER_HOOK it is not needed"
}

check_needs() {
    check_app
    case $until in
        install | test) ;;
        build | push) check_image ;;
        wait)
            check_image
            check_wait
            ;;
        *) stop 2 "there is no stage '$until'. --help lists them" ;;
    esac
}

pip_install() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }

stage_install() {
    venv=${VENV:-$work/venv}
    [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
    venv=$(CDPATH='' cd -- "$venv" && pwd -P)
    for list in "$app"/requirements*.txt; do
        echo "$list"
        pip_install -r "$list"
    done
    # Not together with the lists, which may be locked by hashes. Versions that they name stay.
    pip_install pytest 'coverage>=7'
}

coverage() { "$venv/bin/python" -m coverage "$@"; }

# In a subshell, for the folder and the variables are its own.
stage_test() (
    mkdir -p "$reports"
    reports=$(CDPATH='' cd -- "$reports" && pwd -P)
    cd "$app"
    export COVERAGE_FILE="$work/coverage" PYTHONDONTWRITEBYTECODE=1
    ended=0
    coverage run --branch --source=. --omit='tests/*,.venv/*' \
        -m pytest -q -p no:cacheprovider --junitxml="$reports/junit.xml" || ended=$?
    coverage html --quiet --directory="$reports/html"
    coverage xml --quiet -o "$reports/coverage.xml"
    coverage report --format=markdown >"$reports/coverage.md"
    coverage report --fail-under="${MIN_COVERAGE:-0}" || ended=$?
    exit "$ended"
)

stage_build() {
    docker build --build-arg "VERSION=$version" \
        --label "org.opencontainers.image.version=$version" \
        --tag "$image:$version" --tag "$image:$tag" "$@" "$app"
}

# The version first: when the tag that deploys is there, so is the name to go back to.
stage_push() {
    docker push "$image:$version"
    docker push "$image:$tag" >"$work/pushed"
    cat "$work/pushed"
    digest=$(sed -n 's/.*digest: \(sha256:[0-9a-f]*\).*/\1/p' "$work/pushed")
    echo "$image:$tag is $version, $digest"
}

# The same webhook-id each time: asking again never deploys again (docs/webhooks.md).
ask() {
    printf 'Authorization: Bearer %s\n' "$token" |
        curl --silent --show-error --max-time 30 --output "$work/answer" \
            --write-out '%{http_code}' -H @- -H "webhook-id: $run" \
            -H 'Content-Type: application/json' \
            -d "{\"image\": \"$image\", \"tag\": \"$tag\", \"digest\": \"$digest\"}" \
            "$hook?wait=10"
}

stage_wait() {
    run="$version-$(date +%s)-$$"
    ends=$(($(date +%s) + limit))
    while true; do
        answered=$(ask) || answered="none"
        case $answered in
            200) cat "$work/answer" && return ;;
            202 | none | 429 | 5??) ;;
            *) cat "$work/answer" && stop 1 "the new version is not live. The reason is above" ;;
        esac
        [ "$(date +%s)" -lt "$ends" ] ||
            stop 1 "no outcome after $limit s. The last answer was $answered"
        sleep 2
    done
}

app='' version='' until=push
[ -z "$hook" ] || until="wait"
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage && exit ;;
        --until | --version) [ -n "${2:-}" ] || stop 2 "$1 needs a value" ;;
    esac
    case $1 in
        --until) until=$2 && shift ;;
        --version) version=$2 && shift ;;
        --) shift && break ;;
        -*) stop 2 "there is no option $1. --help lists them" ;;
        *) [ -z "$app" ] || stop 2 "$app is the app already, $1 would be a second one" && app=$1 ;;
    esac
    shift
done
app=${app:-$here/../hello}
check_needs
work=$(mktemp -d)
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
for stage in install test build push wait; do
    printf '\n== %s\n' "$stage"
    "stage_$stage" "$@"
    [ "$stage" != "$until" ] || break
done
