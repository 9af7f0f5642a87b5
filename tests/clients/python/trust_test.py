"""The trust bundle in plain SPIFFE form, read by code that knows nothing of Isopolity.

jwcrypto reads the JWK set (RFC 7517), cryptography the certificates in it; the rules are those of the SPIFFE Trust Domain and
Bundle specification, section 4. Then a certificate that the node shows in a handshake is checked against what was read.
"""

import base64
import json
import os

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from jwcrypto import jwk

from isopolity.admin.v1 import trust_service_pb2, trust_service_pb2_grpc

API = os.environ["ISOPOLITY_TEST_API"]
CA = os.environ["ISOPOLITY_TEST_CA"]
TOKEN = os.environ["ISOPOLITY_TEST_TOKEN"]
CITY = os.environ["ISOPOLITY_TEST_CITY"]
# What the specification allows in a bundle, and in a key of one.
BUNDLE_MEMBERS = {"keys", "spiffe_sequence", "spiffe_refresh_hint"}
KEY_MEMBERS = {"kty", "crv", "x", "y", "n", "e", "use", "x5c"}


@pytest.fixture(scope="module")
def trust():
    with open(CA, "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    credentials = grpc.composite_channel_credentials(credentials, grpc.access_token_call_credentials(TOKEN))
    with grpc.secure_channel(API, credentials) as channel:
        yield trust_service_pb2_grpc.TrustServiceStub(channel)


def export(trust, city=""):
    return trust.ExportBundle(trust_service_pb2.ExportBundleRequest(city=city), timeout=20)


def authorities(text):
    """The CA certificates of a bundle, read by the rules of the specification."""
    keys = jwk.JWKSet.from_json(text)["keys"]
    assert keys, "a JWK set with keys, by jwcrypto"
    document = json.loads(text)
    assert set(document) == BUNDLE_MEMBERS
    assert isinstance(document["spiffe_sequence"], int) and document["spiffe_refresh_hint"] > 0
    found = []
    for entry in document["keys"]:
        assert set(entry) <= KEY_MEMBERS and entry["use"] == "x509-svid" and len(entry["x5c"]) == 1
        certificate = x509.load_der_x509_certificate(base64.b64decode(entry["x5c"][0], validate=True))
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        named = jwk.JWK(**entry).export_to_pem()
        assert certificate.public_key().public_bytes(serialization.Encoding.PEM, spki) == named
        assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        found.append(certificate)
    return found


def test_the_own_bundle_is_a_spiffe_bundle(trust):
    exported = export(trust)
    assert exported.trust_domain == CITY
    for certificate in authorities(exported.jwks):
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.UniformResourceIdentifier) == [f"spiffe://{CITY}"]


def test_a_bundle_of_two_cas_and_a_peers_bundle_are_too(trust):
    kind = 2  # KEY_KIND_AUTHORITY
    trust.PrepareKey(trust_service_pb2.PrepareKeyRequest(kind=kind), timeout=20)
    assert len(authorities(export(trust).jwks)) == 2
    behind = trust.GetTrust(trust_service_pb2.GetTrustRequest(), timeout=20)
    assert {key.state for key in behind.keys if key.kind == kind} == {1, 2}
    with pytest.raises(grpc.RpcError) as refused:
        export(trust, "nobody.example")
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND


def test_the_ca_in_the_bundle_is_the_one_that_clients_trust(trust):
    with open(CA, "rb") as file:
        trusted = x509.load_pem_x509_certificates(file.read())
    assert trusted[0] in authorities(export(trust).jwks)
