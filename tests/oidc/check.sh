#!/usr/bin/env bash
# Holds a node to tokens of a real OpenID Connect provider that runs on this machine, over TLS.
#
#   tests/oidc/check.sh PATH-OF-THE-ISOPOLITY-BINARY
#
# Needs Node.js 20 with npm, and openssl. The packages are kept in .ci/cache. Ends with the exit code of check.mjs.
set -euo pipefail

if [ $# -ne 1 ]; then
    echo "usage: $0 PATH-OF-THE-ISOPOLITY-BINARY" >&2
    exit 2
fi
binary=$(realpath "$1")
[ -x "$binary" ] || { echo "$binary is not a program; build it with: cargo build" >&2; exit 2; }
for tool in node npm openssl; do
    command -v "$tool" >/dev/null || { echo "there is no $tool; install it" >&2; exit 2; }
done
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

# One folder for each list of packages; a half-made one is not taken for a whole one.
key=$(sha256sum "$here/package-lock.json" | cut -c1-12)
packages="$root/.ci/cache/oidc-$key"
if [ ! -e "$packages/complete" ]; then
    rm -rf "$packages"
    mkdir -p "$packages"
    cp "$here/package.json" "$here/package-lock.json" "$packages/"
    (cd "$packages" && timeout 600 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    touch "$packages/complete"
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$here"/*.mjs "$folder/"
ln -s "$packages/node_modules" "$folder/node_modules"

# A CA of its own, and a certificate for localhost: the node is told of this CA and of no other.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=a CA of the test" \
    -keyout "$folder/ca.key" -out "$folder/ca.pem" 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=localhost" \
    -keyout "$folder/key.pem" -out "$folder/request.pem" 2>/dev/null
printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n' >"$folder/extensions"
openssl x509 -req -in "$folder/request.pem" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -CAcreateserial -days 2 \
    -extfile "$folder/extensions" -out "$folder/cert.pem" 2>/dev/null

cd "$folder"
timeout 300 node --no-warnings check.mjs "$binary" "$folder"
