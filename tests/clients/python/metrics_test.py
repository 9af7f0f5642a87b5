"""What a node tells Prometheus, read by the parser of Prometheus' own Python client, which is stricter than the server.

Starts a node of its own: metrics are off unless the configuration says where. Its peer is the demonstration's first city.
"""

import json
import os
import pathlib
import socket
import subprocess
import time
import urllib.error
import urllib.request

import grpc
import pytest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from isopolity.admin.v1 import peer_service_pb2, peer_service_pb2_grpc

API = os.environ["ISOPOLITY_TEST_API"]
CA = os.environ["ISOPOLITY_TEST_CA"]
TOKEN = os.environ["ISOPOLITY_TEST_TOKEN"]
PEER = os.environ["ISOPOLITY_TEST_CITY"]
BINARY = os.environ["ISOPOLITY_TEST_BINARY"]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def peer_bundle():
    with open(CA, "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    credentials = grpc.composite_channel_credentials(credentials, grpc.access_token_call_credentials(TOKEN))
    with grpc.secure_channel(API, credentials) as channel:
        peers = peer_service_pb2_grpc.PeerServiceStub(channel)
        return peers.GetOwnBundle(peer_service_pb2.GetOwnBundleRequest(), timeout=20).bundle


def read(address):
    with urllib.request.urlopen(address, timeout=20) as answer:
        return answer.headers["content-type"], answer.read().decode("utf-8")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where the metrics are of a node that runs and has a peer."""
    folder = tmp_path_factory.mktemp("watched")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ISOPOLITY_")}
    environment |= {"ISOPOLITY_DIR": str(folder / "city"), "ISOPOLITY_METRICS_LISTEN": f"127.0.0.1:{free_port()}"}

    def isopolity(*arguments):
        done = subprocess.run(
            [BINARY, *arguments], env=environment, timeout=60, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    any_ports = ["--federation-listen", f"127.0.0.1:{free_port()}", "--api-listen", f"127.0.0.1:{free_port()}"]
    made = json.loads(isopolity("--output", "json", "init", "--city", "watched.example", *any_ports))
    environment["ISOPOLITY_TOKEN"] = made["token"]
    bundle = pathlib.Path(folder / "peer.bundle")
    bundle.write_bytes(peer_bundle())
    where = f"http://{environment['ISOPOLITY_METRICS_LISTEN']}/metrics"
    with open(folder / "log", "wb") as log:
        node = subprocess.Popen([BINARY, "serve"], env=environment, stdin=subprocess.DEVNULL, stderr=log)
    try:
        for _ in range(600):
            try:
                read(where)
                break
            except (urllib.error.URLError, ConnectionError):
                assert node.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
        isopolity("peer", "add", str(bundle))
        isopolity("peer", "approve", PEER)
        yield where
    finally:
        node.terminate()
        try:
            node.wait(timeout=30)
        except subprocess.TimeoutExpired:
            node.kill()
            node.wait()
            raise


@pytest.fixture(scope="module")
def families(address):
    kind, text = read(address)
    assert kind == CONTENT_TYPE_LATEST, "as the Python client itself would send it"
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(families, family, suffix="", **labels):
    found = [sample for sample in families[family].samples if sample.labels == labels]
    assert [sample.name for sample in found] == [family + suffix]
    return found[0].value


def test_the_text_is_open_metrics_and_each_metric_is_described(families):
    assert value(families, "isopolity_build", "_info", version=families["isopolity_build"].samples[0].labels["version"]) == 1
    for family in families.values():
        assert family.documentation.endswith("."), family
        assert family.name.startswith("isopolity_"), family
        assert (family.unit == "seconds") == family.name.endswith("_seconds"), family
        assert family.type in ("gauge", "counter", "info"), family
        labels = {label for sample in family.samples for label in sample.labels}
        assert labels <= {"peer", "state", "version"}, family


def test_a_peer_for_which_nothing_waits_is_there_with_zeros(families):
    for family in ("isopolity_delivery_waiting", "isopolity_delivery_dead", "isopolity_delivery_oldest_age_seconds"):
        assert value(families, family, peer=PEER) == 0
    assert value(families, "isopolity_peer_state", peer=PEER, state="active") == 1


def test_nothing_else_is_served(address):
    with pytest.raises(urllib.error.HTTPError) as refused:
        read(address.removesuffix("metrics"))
    assert refused.value.code == 404
