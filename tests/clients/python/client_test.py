"""What an integrator does with a node, in another language and with nothing of ours but the proto files.

Needs a running node: ISOPOLITY_TEST_API (host:port), ISOPOLITY_TEST_CA (path of ca.pem), ISOPOLITY_TEST_TOKEN (of an
administrator) and ISOPOLITY_TEST_CITY. run.sh starts one.
"""

import base64
import hashlib
import json
import os
import uuid

import grpc
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf import field_mask_pb2
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

from isopolity.admin.v1 import peer_service_pb2, peer_service_pb2_grpc
from isopolity.catalog.v1 import catalog_service_pb2, catalog_service_pb2_grpc, outcome_pb2
from isopolity.cooperation.v1 import (
    cooperation_service_pb2,
    cooperation_service_pb2_grpc,
    event_pb2,
)
from isopolity.federation.v1 import envelope_pb2, peer_state_pb2, question_pb2
from isopolity.options.v1 import options_pb2
from isopolity.registry.v1 import (
    city_service_pb2,
    city_service_pb2_grpc,
    partnership_pb2,
    partnership_service_pb2,
    partnership_service_pb2_grpc,
)
from isopolity.type.v1 import localized_text_pb2, sector_pb2

API = os.environ["ISOPOLITY_TEST_API"]
CA = os.environ["ISOPOLITY_TEST_CA"]
TOKEN = os.environ["ISOPOLITY_TEST_TOKEN"]
CITY = os.environ["ISOPOLITY_TEST_CITY"]
PARENT = f"cities/{CITY}"
RECORD = "application/vnd.isopolity.record.v1+protobuf"
EVENT = "application/vnd.isopolity.cooperation-event.v1+protobuf"
BUNDLE = "application/vnd.isopolity.bundle.v1+json"
DEADLINE = 20


class Node:
    """The services of a node, with a token or without."""

    def __init__(self, token):
        with open(CA, "rb") as file:
            credentials = grpc.ssl_channel_credentials(file.read())
        if token is not None:
            credentials = grpc.composite_channel_credentials(credentials, grpc.access_token_call_credentials(token))
        self.channel = grpc.secure_channel(API, credentials)
        self.cities = city_service_pb2_grpc.CityServiceStub(self.channel)
        self.partnerships = partnership_service_pb2_grpc.PartnershipServiceStub(self.channel)
        self.catalog = catalog_service_pb2_grpc.CatalogServiceStub(self.channel)
        self.cooperations = cooperation_service_pb2_grpc.CooperationServiceStub(self.channel)
        self.peers = peer_service_pb2_grpc.PeerServiceStub(self.channel)
        self.health = health_pb2_grpc.HealthStub(self.channel)

    def create(self, partnership, partnership_id=""):
        request = partnership_service_pb2.CreatePartnershipRequest(
            parent=PARENT, partnership_id=partnership_id, partnership=partnership
        )
        return self.partnerships.CreatePartnership(request, timeout=DEADLINE).partnership

    def get(self, name):
        request = partnership_service_pb2.GetPartnershipRequest(name=name)
        return self.partnerships.GetPartnership(request, timeout=DEADLINE).partnership

    def update(self, partnership, *fields):
        request = partnership_service_pb2.UpdatePartnershipRequest(
            partnership=partnership, update_mask=field_mask_pb2.FieldMask(paths=fields)
        )
        return self.partnerships.UpdatePartnership(request, timeout=DEADLINE).partnership

    def delete(self, name):
        self.partnerships.DeletePartnership(
            partnership_service_pb2.DeletePartnershipRequest(name=name), timeout=DEADLINE
        )

    def pages(self, page_size):
        token = ""
        while True:
            request = partnership_service_pb2.ListPartnershipsRequest(
                parent=PARENT, page_size=page_size, page_token=token
            )
            answer = self.partnerships.ListPartnerships(request, timeout=DEADLINE)
            yield answer.partnerships
            token = answer.next_page_token
            if not token:
                return

    def search(self, **question):
        request = catalog_service_pb2.SearchRequest(
            question=question_pb2.Question(**question), purpose="test of the Python client"
        )
        return self.catalog.Search(request, timeout=DEADLINE)

    def own_bundle(self):
        return self.peers.GetOwnBundle(peer_service_pb2.GetOwnBundleRequest(), timeout=DEADLINE).bundle


@pytest.fixture(scope="module")
def node():
    node = Node(TOKEN)
    yield node
    node.channel.close()


@pytest.fixture(scope="module")
def stranger():
    node = Node(None)
    yield node
    node.channel.close()


@pytest.fixture
def word():
    """A word that stands in no other record."""
    return "padaria" + uuid.uuid4().hex


@pytest.fixture
def created(node, word):
    """A partnership of this test alone, gone afterwards."""
    partnership = node.create(example(word))
    yield partnership
    node.delete(partnership.name)


def text(words, language="pt"):
    return localized_text_pb2.LocalizedText(text=words, language=language)


def example(word, code="10.71"):
    participants = [
        partnership_pb2.Participant(
            display_names=[text("Padaria Exemplo, Lda")],
            roles=[partnership_pb2.PARTICIPANT_ROLE_LEAD_ENTERPRISE],
            side=partnership_pb2.SIDE_DESTINATION,
        ),
        partnership_pb2.Participant(
            display_names=[text("Boulangerie Exemple SARL", "fr")],
            roles=[partnership_pb2.PARTICIPANT_ROLE_ENTERPRISE],
            side=partnership_pb2.SIDE_ORIGIN,
        ),
    ]
    sector = sector_pb2.Sector(scheme=sector_pb2.SECTOR_SCHEME_NACE, version="2.1", code=code, main=True)
    partnership = partnership_pb2.Partnership(
        audience=options_pb2.AUDIENCE_PUBLIC,
        titles=[text(f"Parceria {word}")],
        origin_countries=["MA"],
        stage=partnership_pb2.PARTNERSHIP_STAGE_OPPORTUNITY,
        participants=participants,
        sectors=[sector],
        internal_notes="not for others",
    )
    partnership.provenance.illustrative = True
    return partnership


def details(error, kind):
    """The `google.rpc` details of this kind that an error carries."""
    found = []
    for detail in rpc_status.from_call(error).details:
        if detail.Is(kind.DESCRIPTOR):
            message = kind()
            detail.Unpack(message)
            found.append(message)
    return found


def refusal(call):
    """The status code and the reason with which a call is refused."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    (info,) = details(caught.value, error_details_pb2.ErrorInfo)
    assert info.domain == "isopolity"
    return caught.value, info.reason


def keys_of(bundle):
    """The record keys in a bundle file, by their kid."""
    jwks = json.loads(base64.b64decode(json.loads(bundle)["payload"]))
    return {
        key["kid"]: Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "="))
        for key in jwks["keys"]
        if key["use"] == "isopolity-record"
    }


def verify(envelope, payload_type, keys):
    """Checks a DSSE envelope. Raises InvalidSignature, or KeyError for a key that is not the city's."""
    assert envelope.payload_type == payload_type
    (signature,) = envelope.signatures
    kind = envelope.payload_type.encode()
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(envelope.payload), envelope.payload)
    keys[signature.keyid].verify(signature.sig, signed)


def test_the_node_says_that_it_is_healthy(node, stranger):
    for caller in (node, stranger):
        answer = caller.health.Check(health_pb2.HealthCheckRequest(), timeout=DEADLINE)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_reflection_lists_the_services(node):
    services = set(ProtoReflectionDescriptorDatabase(node.channel).get_services())
    assert {"isopolity.registry.v1.PartnershipService", "isopolity.catalog.v1.CatalogService"} <= services


def test_a_client_reads_its_city(node):
    city = node.cities.GetCity(city_service_pb2.GetCityRequest(name=PARENT), timeout=DEADLINE).city
    assert city.name == PARENT
    assert city.display_names and all(name.language for name in city.display_names)


def test_what_was_created_is_read_again(node, created):
    assert created.name.startswith(f"{PARENT}/partnerships/")
    assert created.etag and created.create_time.seconds > 0
    assert node.get(created.name) == created


def test_an_update_with_the_right_etag_changes_only_what_the_mask_names(node, created, word):
    change = partnership_pb2.Partnership(name=created.name, etag=created.etag, internal_notes="asked for accounts")
    updated = node.update(change, "internal_notes")
    assert updated.internal_notes == "asked for accounts"
    assert updated.titles[0].text == f"Parceria {word}"
    assert updated.etag != created.etag
    assert node.get(created.name) == updated


def test_a_stage_is_not_written_over(node, created):
    change = partnership_pb2.Partnership(name=created.name, stage=partnership_pb2.PARTNERSHIP_STAGE_LAUNCH)
    error, reason = refusal(lambda: node.update(change, "stage"))
    assert (error.code(), reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    (bad,) = details(error, error_details_pb2.BadRequest)
    assert [violation.field for violation in bad.field_violations] == ["partnership.stage"]


def test_an_update_with_an_old_etag_is_refused(node, created):
    change = partnership_pb2.Partnership(name=created.name, etag=created.etag, internal_notes="asked for accounts")
    updated = node.update(change, "internal_notes")
    change.internal_notes = "asked twice"
    error, reason = refusal(lambda: node.update(change, "internal_notes"))
    assert (error.code(), reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    (resource,) = details(error, error_details_pb2.ResourceInfo)
    assert resource.resource_name == created.name
    assert node.get(created.name) == updated


def test_the_same_id_twice_is_refused(node, word):
    made = node.create(example(word), partnership_id=word[:40])
    try:
        error, reason = refusal(lambda: node.create(example(word), partnership_id=word[:40]))
        assert (error.code(), reason) == (grpc.StatusCode.ALREADY_EXISTS, "RESOURCE_EXISTS")
    finally:
        node.delete(made.name)
    # Staff can still read it, and restore it.
    assert node.get(made.name).HasField("delete_time")


def test_pages_hold_everything_once_and_in_order(node, word):
    made = [node.create(example(word)).name for _ in range(5)]
    try:
        pages = list(node.pages(page_size=2))
        names = [partnership.name for page in pages for partnership in page]
        assert all(len(page) == 2 for page in pages[:-1])
        assert len(names) == len(set(names)) and set(made) <= set(names)
        assert names == sorted(names)
        (everything,) = node.pages(page_size=1000)
        assert [partnership.name for partnership in everything] == names
    finally:
        for name in made:
            node.delete(name)


def test_a_page_size_out_of_range_is_refused(node):
    error, reason = refusal(lambda: next(node.pages(page_size=1001)))
    assert (error.code(), reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_SIZE_OUT_OF_RANGE")


def test_a_wrong_value_is_refused_with_the_name_of_its_field(node, word):
    # 1071 is written as ISIC writes it; NACE has a point.
    error, reason = refusal(lambda: node.create(example(word, code="1071")))
    assert (error.code(), reason) == (grpc.StatusCode.INVALID_ARGUMENT, "CODE_UNKNOWN")
    (request,) = details(error, error_details_pb2.BadRequest)
    (violation,) = request.field_violations
    assert violation.field.endswith("sectors[0].code")
    assert "10.71" in violation.description


def test_a_search_finds_what_was_just_written_and_names_every_city(node, created, word):
    answer = node.search(text=word)
    assert [hit.name for hit in answer.hits] == [created.name]
    found = partnership_pb2.Partnership()
    assert answer.hits[0].resource.Unpack(found)
    assert found.titles[0].text == f"Parceria {word}"

    listed = node.peers.ListPeers(peer_service_pb2.ListPeersRequest(), timeout=DEADLINE).peers
    members = {peer.city for peer in listed if peer.state != peer_state_pb2.PEER_STATE_INVITED}
    cities = [outcome.city for outcome in answer.outcomes]
    assert cities[0] == CITY and cities[1:] == sorted(members)
    assert answer.outcomes[0].outcome == outcome_pb2.OUTCOME_ANSWERED
    for outcome in answer.outcomes:
        name = outcome_pb2.Outcome.Name(outcome.outcome)
        assert name != "OUTCOME_UNSPECIFIED"
        assert name.startswith("OUTCOME_ANSWERED") or outcome.reason, f"{outcome.city}: {name} without a reason"
    assert answer.coverage.cities == len(cities)


def test_a_deleted_partnership_is_found_no_more(node, word):
    made = node.create(example(word))
    assert node.search(text=word).total == 1
    node.delete(made.name)
    assert node.search(text=word).total == 0


def test_a_search_goes_on_where_a_page_ended_and_says_how_it_came_about(node, word):
    made = [node.create(example(word)).name for _ in range(5)]
    try:
        request = catalog_service_pb2.SearchRequest(
            question=question_pb2.Question(text=f'title:{word} -nothing "parceria {word}"'),
            page_size=2,
            facets=[catalog_service_pb2.FacetRequest(facet=options_pb2.FACET_ORIGIN_COUNTRY)],
            highlight=True,
            explain=True,
        )
        names = []
        while True:
            answer = node.catalog.Search(request, timeout=DEADLINE)
            assert answer.total == 5 and len(answer.hits) <= 2
            assert [(value.value, value.count) for value in answer.facets[0].values] == [("MA", 5)]
            assert all(hit.highlights[0].field.startswith("titles[") for hit in answer.hits)
            assert answer.explanation.understood
            names += [hit.name for hit in answer.hits]
            request.page_token = answer.next_page_token
            if not request.page_token:
                break
        # All are worth the same, so their names decide.
        assert names == sorted(made)
        request.question.text = word
        request.page_token = node.catalog.Search(request, timeout=DEADLINE).next_page_token
        request.question.text = "another question"
        error, reason = refusal(lambda: node.catalog.Search(request, timeout=DEADLINE))
        assert (error.code(), reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")
    finally:
        for name in made:
            node.delete(name)


def test_a_long_answer_comes_in_parts_and_ends_with_every_city(node, created, word):
    request = catalog_service_pb2.StreamSearchRequest(question=question_pb2.Question(text=word), limit=1000)
    parts = list(node.catalog.StreamSearch(request, timeout=DEADLINE))
    kinds = [part.WhichOneof("part") for part in parts]
    assert kinds[-1] == "end" and kinds.count("end") == 1
    assert [part.hit.name for part in parts if part.WhichOneof("part") == "hit"] == [created.name]
    end = parts[-1].end
    assert (end.hits, end.total) == (1, 1)
    assert end.outcomes[0].city == CITY and end.coverage.cities == len(end.outcomes)


def test_what_is_published_is_told_to_whoever_watches(node, word):
    question = question_pb2.Question(text=word)
    watching = node.catalog.Watch(
        catalog_service_pb2.WatchRequest(question=question, cities=[CITY]), timeout=DEADLINE
    )
    for part in watching:
        if part.WhichOneof("part") == "city":
            assert part.city.city == CITY and part.city.watching
            break
    made = node.create(example(word))
    try:
        told = next(part.hit.name for part in watching if part.WhichOneof("part") == "hit")
        assert told == made.name
    finally:
        watching.cancel()
        node.delete(made.name)


def test_a_search_of_a_city_that_is_no_member_is_refused(node):
    request = catalog_service_pb2.SearchRequest(cities=[CITY, "nowhere.example"])
    error, _ = refusal(lambda: node.catalog.Search(request, timeout=DEADLINE))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    (violations,) = details(error, error_details_pb2.BadRequest)
    assert [violation.field for violation in violations.field_violations] == ["cities[1]"]


def test_a_record_is_checked_with_nothing_but_the_bundle(node, created):
    keys = keys_of(node.own_bundle())
    request = catalog_service_pb2.GetRecordRequest(name=created.name)
    answer = node.catalog.GetRecord(request, timeout=DEADLINE)
    verify(answer.envelope, RECORD, keys)

    record = envelope_pb2.Record.FromString(answer.envelope.payload)
    assert (record.city, record.kind, record.name) == (CITY, "partnership", created.name)
    assert record.version == answer.version and record.sequence > 0
    published = partnership_pb2.Partnership()
    assert record.resource.Unpack(published)
    assert published.titles == created.titles
    # A record is signed for each audience. Unless one is named, everyone gets the same: that of the widest.
    assert record.audience == options_pb2.AUDIENCE_PUBLIC
    assert published.internal_notes == ""

    request.audience = options_pb2.AUDIENCE_INTERNAL
    inner = envelope_pb2.Record.FromString(node.catalog.GetRecord(request, timeout=DEADLINE).envelope.payload)
    assert inner.audience == options_pb2.AUDIENCE_INTERNAL
    assert inner.resource.Unpack(published) and published.internal_notes == created.internal_notes

    changed = envelope_pb2.Envelope()
    changed.CopyFrom(answer.envelope)
    changed.payload = changed.payload[:-1] + bytes([changed.payload[-1] ^ 1])
    with pytest.raises(InvalidSignature):
        verify(changed, RECORD, keys)


def test_the_history_of_a_cooperation_is_checked_with_nothing_but_the_bundle(node):
    # The demonstration's city hosts one that came to a signed agreement.
    request = cooperation_service_pb2.ListCooperationsRequest(states=[event_pb2.COOPERATION_STATE_ACTIVE])
    hosted = node.cooperations.ListCooperations(request, timeout=DEADLINE).cooperations
    (cooperation,) = [one for one in hosted if one.name.startswith(f"{PARENT}/")]
    request = cooperation_service_pb2.ListCooperationEventsRequest(name=cooperation.name)
    kept = node.cooperations.ListCooperationEvents(request, timeout=DEADLINE).events

    keys = keys_of(node.own_bundle())
    previous = b""
    for sequence, one in enumerate(kept, 1):
        envelope = envelope_pb2.Envelope.FromString(one.envelope)
        # The city that acts signs first; the host, which gives the order, last.
        host = envelope_pb2.Envelope(payload=envelope.payload, payload_type=envelope.payload_type)
        host.signatures.append(envelope.signatures[-1])
        verify(host, EVENT, keys)
        event = event_pb2.CooperationEvent.FromString(envelope.payload)
        assert (event.cooperation, event.sequence, event.previous_hash) == (cooperation.name, sequence, previous)
        assert len(envelope.signatures) == (1 if event.city == CITY else 2)
        previous = hashlib.sha256(envelope.payload).digest()
        assert one.hash == previous
    assert previous == cooperation.head_hash and sequence == cooperation.sequence
    signed = {event.event.city for event in kept if event.event.HasField("signature")}
    assert signed == {one.city for one in cooperation.participations} and len(signed) == 2


def test_a_step_that_makes_no_sense_is_refused_with_its_reason(node):
    request = cooperation_service_pb2.ListCooperationsRequest(states=[event_pb2.COOPERATION_STATE_CONCLUDED])
    ended = node.cooperations.ListCooperations(request, timeout=DEADLINE).cooperations[0]
    step = cooperation_service_pb2.TakeStepRequest(name=ended.name)
    step.step.message.texts.add(text="too late", language="en")
    error, reason = refusal(lambda: node.cooperations.TakeStep(step, timeout=DEADLINE))
    assert (error.code(), reason) == (grpc.StatusCode.FAILED_PRECONDITION, "COOPERATION_STEP_IMPOSSIBLE")


def test_a_bundle_is_signed_with_a_key_that_it_holds(node):
    bundle = node.own_bundle()
    file = json.loads(bundle)
    envelope = envelope_pb2.Envelope(payload=base64.b64decode(file["payload"]), payload_type=file["payloadType"])
    for signature in file["signatures"]:
        envelope.signatures.add(sig=base64.b64decode(signature["sig"]), keyid=signature["keyid"])
    verify(envelope, BUNDLE, keys_of(bundle))


def test_without_a_token_nothing_but_public_records_is_shown(node, stranger, word):
    hidden = example(word)
    hidden.audience = options_pb2.AUDIENCE_INTERNAL
    made = node.create(hidden)
    try:
        error, reason = refusal(lambda: stranger.get(made.name))
        # Whether strangers may read is the city's choice; that they see nothing internal is not.
        assert (error.code(), reason) in [
            (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MISSING"),
            (grpc.StatusCode.NOT_FOUND, "RESOURCE_NOT_FOUND"),
        ]
    finally:
        node.delete(made.name)


def test_without_a_token_nothing_is_changed(stranger, word):
    error, reason = refusal(lambda: stranger.create(example(word)))
    assert (error.code(), reason) in [
        (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MISSING"),
        (grpc.StatusCode.PERMISSION_DENIED, "RIGHT_MISSING"),
    ]


def test_a_token_that_the_node_does_not_know_is_refused():
    impostor = Node("iso-nobody-knows-this")
    error, reason = refusal(lambda: impostor.get(f"{PARENT}/partnerships/any"))
    assert (error.code(), reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")
    impostor.channel.close()
