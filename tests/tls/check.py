"""Shows both listeners of a node to TLS programs that are not ours: testssl, and the OpenSSL in Python.

    check.py PATH-OF-THE-ISOPOLITY-BINARY

Needs testssl (Debian: testssl.sh) and openssl. Starts a node of its own on free ports. Each check prints a line; the first that
fails ends the program with code 1.
"""

import atexit
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

# What testssl finds fault with and is so on purpose, with the reason.
MEANT = {
    "cert_trust": "a peer is known by the SPIFFE ID in its certificate, not by a host name",
    "cert_chain_of_trust": "each city has a CA of its own; web roots count for nothing",
    "cert_expirationStatus": "certificates live for seven days and are renewed at half of that",
    "cert_notAfter": "as before",
    "cert_revocation": "lists of revoked certificates travel in the signed trust bundle, not by an address in the certificate",
}
SUITES = {"TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"}
OLD = ("SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2")
# Fewer mean that testssl broke off.
LEAST_FINDINGS = 70

checks = 0


def check(holds, what):
    global checks
    if not holds:
        print(f"FAILED: {what}", file=sys.stderr)
        sys.exit(1)
    checks += 1
    print(f"ok: {what}")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(port, node):
    for _ in range(600):
        if node.poll() is not None:
            sys.exit("the node ended before it was ready")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("the node was not ready within 60 s")


def scan(name, port, folder):
    report = folder / f"{name}.json"
    command = ["testssl", "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--jsonfile", str(report)]
    # Protocols, ciphers, forward secrecy, preferences, the certificate, known attacks.
    command += ["-p", "-s", "-f", "-P", "-S", "-U", f"127.0.0.1:{port}"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    check(report.exists(), f"{name}: testssl has seen it through (exit code {done.returncode})")
    findings = json.loads(report.read_text())
    check(len(findings) >= LEAST_FINDINGS, f"{name}: testssl says {len(findings)} things")
    by_id = {one["id"]: one for one in findings}
    for protocol in OLD:
        check("not offered" in by_id[protocol]["finding"], f"{name}: {protocol} is not offered")
    check("offered" in by_id["TLS1_3"]["finding"] and by_id["TLS1_3"]["severity"] == "OK", f"{name}: TLS 1.3 is offered")
    faults = [one for one in findings if one["severity"] in ("LOW", "MEDIUM", "HIGH", "CRITICAL")]
    for one in faults:
        reason = MEANT.get(one["id"])
        check(reason is not None, f"{name}: {one['id']} ({one['finding']}): meant: {reason}")
    attacks = [one for one in findings if one.get("cve") and one["severity"] == "OK"]
    check(len(attacks) >= 10, f"{name}: {len(attacks)} known attacks do not work")


def shake_hands(port, prepare):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    prepare(context)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as tcp, context.wrap_socket(tcp) as tls:
        return tls.version(), tls.cipher()[0], tls.read(1)


def shakes(name, port, authority):
    def at_most(version):
        def prepare(context):
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.maximum_version = version

        return prepare

    try:
        shake_hands(port, at_most(ssl.TLSVersion.TLSv1_2))
        check(False, f"{name}: OpenSSL was let in with TLS 1.2")
    except ssl.SSLError as error:
        check("PROTOCOL_VERSION" in str(error), f"{name}: OpenSSL is told that TLS 1.2 is not spoken")
    if name == "federation":
        try:
            shake_hands(port, at_most(ssl.TLSVersion.TLSv1_3))
            check(False, f"{name}: OpenSSL was let in without a certificate")
        except ssl.SSLError as error:
            check("CERTIFICATE_REQUIRED" in str(error), f"{name}: OpenSSL is told that a certificate is required")
        return
    def trusting(context):
        context.load_verify_locations(authority)
        context.verify_mode = ssl.CERT_REQUIRED

    version, suite, _ = shake_hands(port, trusting)
    check(version == "TLSv1.3" and suite in SUITES, f"{name}: OpenSSL speaks {version} with {suite} and believes the city's CA")
    said = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_3", "-alpn", "h2", "-CAfile", authority],
        input=b"", capture_output=True, timeout=60,
    )
    text = said.stdout.decode(errors="replace")
    check("New Session Ticket arrived" not in text and "Early data was not sent" in text, f"{name}: no tickets, no early data")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    binary = str(pathlib.Path(sys.argv[1]).resolve())
    folder = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    ports = {"api": free_port(), "federation": free_port()}
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ISOPOLITY_")}
    city = folder / "city"
    subprocess.run(
        [binary, "--dir", str(city), "init", "--city", "feira.example", "--api-listen", f"127.0.0.1:{ports['api']}",
         "--federation-listen", f"127.0.0.1:{ports['federation']}"],
        check=True, capture_output=True, env=environment, timeout=60,
    )
    with open(folder / "log", "wb") as log:
        node = subprocess.Popen([binary, "--dir", str(city), "serve"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
    atexit.register(node.kill)
    for name, port in ports.items():
        wait_for(port, node)
        shakes(name, port, str(city / "trust" / "ca.pem"))
        scan(name, port, folder)
    check(node.poll() is None, "the node is still there")
    node.send_signal(signal.SIGTERM)
    check(node.wait(timeout=60) == 0, "and ends as it should")
    print(f"{checks} checks passed")


main()
