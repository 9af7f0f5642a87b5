#!/usr/bin/env bash
# Runs the Python client against a demonstration of six cities.
#
#   tests/clients/python/run.sh PATH-OF-THE-ISOPOLITY-BINARY [pytest arguments]
#
# The virtual environment is kept in .ci/cache. Ends with pytest's exit code.
set -euo pipefail

if [ $# -lt 1 ]; then
    echo "usage: $0 PATH-OF-THE-ISOPOLITY-BINARY [pytest arguments]" >&2
    exit 2
fi
binary=$(realpath "$1")
shift
[ -x "$binary" ] || { echo "$binary is not a program; build it with: cargo build" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)

# One environment for each list of requirements and Python; a half-made one is not taken for a whole one.
key=$( (cat "$here/requirements.txt"; python3 --version) | sha256sum | cut -c1-12)
venv="$root/.ci/cache/python-$key"
if [ ! -e "$venv/complete" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    timeout 600 "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
    touch "$venv/complete"
fi

folder=$(mktemp -d)
demo=
stop() {
    code=$?
    trap - EXIT
    if [ -n "$demo" ]; then
        kill -TERM "$demo" 2>/dev/null || true
        for _ in $(seq 100); do
            kill -0 "$demo" 2>/dev/null || break
            sleep 0.1
        done
        if kill -0 "$demo" 2>/dev/null; then
            echo "the demonstration did not end within 10 s of SIGTERM" >&2
            kill -KILL "$demo" 2>/dev/null || true
            [ "$code" -ne 0 ] || code=1
        fi
        wait "$demo" 2>/dev/null || true
    fi
    [ "$code" -eq 0 ] || sed 's/^/demo: /' "$folder/log" >&2 || true
    rm -rf "$folder"
    exit "$code"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

ISOPOLITY_LOG_LEVEL=warn "$binary" demo --dir "$folder/demo" </dev/null >"$folder/log" 2>&1 &
demo=$!

manifest="$folder/demo/demo.json"
for _ in $(seq 1200); do
    # Read as a whole only: the file may be half-written.
    if [ -s "$manifest" ] && "$venv/bin/python" -m json.tool "$manifest" >/dev/null 2>&1; then
        break
    fi
    if ! kill -0 "$demo" 2>/dev/null; then
        echo "the demonstration ended before it was ready" >&2
        exit 1
    fi
    sleep 0.1
done
if [ ! -s "$manifest" ]; then
    echo "the demonstration was not ready within 120 s" >&2
    exit 1
fi

read -r ISOPOLITY_TEST_CITY ISOPOLITY_TEST_API ISOPOLITY_TEST_CA ISOPOLITY_TEST_TOKEN < <("$venv/bin/python" - "$manifest" <<'PYTHON'
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    city = json.load(file)["cities"][0]
print(city["city"], city["api"], city["ca"], city["token"])
PYTHON
)
export ISOPOLITY_TEST_CITY ISOPOLITY_TEST_API ISOPOLITY_TEST_CA ISOPOLITY_TEST_TOKEN ISOPOLITY_TEST_BINARY=$binary

timeout 600 "$venv/bin/python" -B -m pytest -p no:cacheprovider "$here" "$@"
