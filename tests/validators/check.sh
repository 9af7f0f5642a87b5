#!/usr/bin/env bash
# Shows what the nodes of a demonstration export to programs that are not ours: xmllint, pyshacl, openpyxl, Python's csv.
#
#   tests/validators/check.sh PATH-OF-THE-ISOPOLITY-BINARY
#
# Needs xmllint (Debian: libxml2-utils). The virtual environment is kept in .ci/cache. Ends with the exit code of check.py.
set -euo pipefail

if [ $# -ne 1 ]; then
    echo "usage: $0 PATH-OF-THE-ISOPOLITY-BINARY" >&2
    exit 2
fi
binary=$(realpath "$1")
[ -x "$binary" ] || { echo "$binary is not a program; build it with: cargo build" >&2; exit 2; }
command -v xmllint >/dev/null || { echo "there is no xmllint; install libxml2-utils" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

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
        kill -KILL "$demo" 2>/dev/null || true
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

timeout 600 "$venv/bin/python" -B "$here/check.py" "$manifest" "$binary"
