"""Shows what a node exports to programs that are not ours.

Needs the manifest of a running demonstration and the program isopolity, from which it starts a node of its own:

    check.py DEMO.JSON PATH-OF-THE-ISOPOLITY-BINARY

check.sh starts the demonstration. Each check prints a line; the first that fails ends the program with code 1.
"""

import atexit
import csv
import importlib.resources
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import grpc
import openpyxl
import pyshacl
import rdflib
from grpc_tools import protoc

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEMIC = ROOT / "tests" / "data" / "semic"
IATI = ROOT / "crates" / "exchange" / "data" / "iati" / "xsd" / "iati-activities-schema.xsd"
# Of real publishers, and the examples of the standard, with how many activities are in each.
ACTIVITIES = {
    "caf-local-authorities.xml": 73,
    "acfspain-ph.xml": 6,
    "example-annotated-2.03.xml": 1,
    "illustrative-feira-kenitra.xml": 1,
}
DEADLINE = 60
PUBLISHER = rdflib.URIRef("http://purl.org/dc/terms/publisher")
# Set by the node: they differ between two nodes that hold the same.
SET_BY_NODE = {"etag", "createTime", "updateTime"}

stubs = tempfile.TemporaryDirectory(prefix="isopolity-validators-")
atexit.register(stubs.cleanup)
compiled = protoc.main([
    "protoc",
    f"-I{ROOT / 'proto'}",
    f"-I{importlib.resources.files('grpc_tools') / '_proto'}",
    f"--python_out={stubs.name}",
    f"--grpc_python_out={stubs.name}",
    *sorted(str(file) for file in (ROOT / "proto").rglob("*.proto")),
])
if compiled != 0:
    sys.exit("protoc could not compile proto/")
sys.path.insert(0, stubs.name)

from isopolity.options.v1 import options_pb2  # noqa: E402
from isopolity.registry.v1 import (  # noqa: E402
    export_service_pb2,
    export_service_pb2_grpc,
    import_service_pb2,
    import_service_pb2_grpc,
)

checks = 0


def check(holds, what):
    """Ends the program if something does not hold."""
    global checks
    if not holds:
        sys.exit(f"NOT SO: {what}")
    checks += 1
    print(f"ok: {what}", flush=True)


class Node:
    """A node's exports and imports, as an administrator."""

    def __init__(self, city, api, ca, token):
        self.city = city
        credentials = grpc.composite_channel_credentials(
            grpc.ssl_channel_credentials(pathlib.Path(ca).read_bytes()), grpc.access_token_call_credentials(token)
        )
        self.channel = grpc.secure_channel(api, credentials)
        grpc.channel_ready_future(self.channel).result(timeout=DEADLINE)

    def export(self, form, audience="PUBLIC", kinds=()):
        """The file, how many records are in it, and how many were left out."""
        request = export_service_pb2.ExportRequest(
            parent=f"cities/{self.city}",
            format=export_service_pb2.ExportFormat.Value(f"EXPORT_FORMAT_{form}"),
            audience=options_pb2.Audience.Value(f"AUDIENCE_{audience}"),
            kinds=kinds,
        )
        stub = export_service_pb2_grpc.ExportServiceStub(self.channel)
        file, records, left_out = bytearray(), 0, 0
        for piece in stub.Export(request, timeout=DEADLINE):
            file += piece.chunk
            records, left_out = piece.records, piece.left_out
        return bytes(file), records, left_out

    def load(self, file, form="JSON_LINES", audience="PUBLIC"):
        """Imports a file; what became of rows that were not taken over."""
        start = import_service_pb2.ImportStart(
            format=import_service_pb2.ImportFormat.Value(f"IMPORT_FORMAT_{form}"),
            audience=options_pb2.Audience.Value(f"AUDIENCE_{audience}"),
        )

        def parts():
            yield import_service_pb2.ImportRequest(start=start)
            for at in range(0, len(file), 1 << 19):
                yield import_service_pb2.ImportRequest(chunk=file[at : at + (1 << 19)])

        stub = import_service_pb2_grpc.ImportServiceStub(self.channel)
        return [news.row for news in stub.Import(parts(), timeout=DEADLINE) if news.HasField("row")]


def kind_of(resource):
    """`StageEvent` of `type.googleapis.com/isopolity.registry.v1.StageEvent` is the kind `stage_event`."""
    name = resource["@type"].rsplit(".", 1)[1]
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def lines(file):
    """The resources of a file of JSON Lines."""
    return [json.loads(line) for line in file.decode().splitlines()]


def said(file):
    """What a file says, without what each node sets by itself."""
    return [{key: value for key, value in one.items() if key not in SET_BY_NODE} for one in lines(file)]


def as_imported(record):
    """A record as a node has it that took it over from a file."""
    record = dict(record)
    # What cities have signed only a history brings in: from a file, it is this city's word.
    record.pop("evidence", None)
    if "confirmations" in record:
        unsigned = [{key: value for key, value in one.items() if key != "cooperation"} for one in record["confirmations"]]
        record["confirmations"] = unsigned
    return record


def check_catalogue(node):
    """DCAT-AP as the SHACL shapes of the European Commission have it."""
    file, _, _ = node.export("DCAT")
    graph = rdflib.Graph()
    graph.parse(data=file, format="json-ld")
    dcat = rdflib.Namespace("http://www.w3.org/ns/dcat#")
    count = {name: len(set(graph.subjects(rdflib.RDF.type, dcat[name]))) for name in ("Catalog", "Dataset", "DataService")}
    kinds = {kind_of(one) for one in lines(node.export("JSON_LINES")[0])}
    check(
        count == {"Catalog": 1, "Dataset": len(kinds), "DataService": 1},
        f"{node.city}: the catalogue has a data set for each of {len(kinds)} kinds ({len(graph)} triples)",
    )
    graph.parse(SEMIC / "concepts.ttl")
    for shapes in ("dcat-ap-3.0.1-shapes.ttl", "dcat-ap-3.0.1-mdr-vocabularies.shape.ttl"):
        findings = judged(graph, shapes)
        check(not findings, f"{node.city}: the catalogue passes {shapes}{os.linesep.join(['', *findings])}")


def judged(graph, shapes):
    """What a file of shapes finds wrong, also what it only warns of."""
    shacl = rdflib.Namespace("http://www.w3.org/ns/shacl#")
    _, report, _ = pyshacl.validate(graph, shacl_graph=rdflib.Graph().parse(SEMIC / shapes), advanced=True)
    findings = []
    for finding in report.objects(None, shacl.result):
        said = [report.value(finding, shacl[what]) for what in ("resultSeverity", "focusNode", "resultPath", "value")]
        # The shapes warn of a publisher that is not in the table of bodies of the European Union. No city is.
        if said[0] == shacl.Violation or said[2] != PUBLISHER:
            findings.append(" ".join(str(one) for one in said))
    return sorted(findings)


def check_shapes_bite(node):
    """A validator that accepts everything would prove nothing."""
    graph = rdflib.Graph()
    graph.parse(data=node.export("DCAT")[0], format="json-ld")
    graph.remove((None, PUBLISHER, None))
    check(judged(graph, "dcat-ap-3.0.1-shapes.ttl"), f"{node.city}: without its publisher the catalogue does not pass")
    # Without the concepts no theme is one of the European Union's.
    findings = judged(graph, "dcat-ap-3.0.1-mdr-vocabularies.shape.ttl")
    check(any("data-theme" in one for one in findings), f"{node.city}: a theme that is in no table does not pass")


def check_tables(node):
    """CSV as Python reads it, the workbook as openpyxl reads it, both with every record of the JSON Lines."""
    held = {}
    for one in lines(node.export("JSON_LINES", "INTERNAL")[0]):
        held.setdefault(kind_of(one), []).append(one["name"])
    for kind, names in held.items():
        file, records, left_out = node.export("CSV", "INTERNAL", [kind])
        rows = list(csv.DictReader(io.StringIO(file.decode("utf-8-sig"), newline=""), strict=True))
        check(
            (records, left_out, [row["name"] for row in rows]) == (len(names), 0, names),
            f"{node.city}: {len(names)} of {kind} are in the CSV",
        )
        dangerous = [cell for row in rows for cell in row.values() if cell[:1] in ("=", "@", "\t", "\r")]
        check(not dangerous, f"{node.city}: no cell of {kind} begins a formula")

    file, records, left_out = node.export("XLSX", "INTERNAL")
    book = openpyxl.load_workbook(io.BytesIO(file), read_only=False, data_only=False)
    found = {}
    for sheet in book.worksheets:
        header = [cell.value for cell in sheet[1]]
        column = header.index("name")
        found[sheet.title] = [row[column] for row in sheet.iter_rows(min_row=2, values_only=True)]
        types = {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None}
        check(types <= {"s", "inlineStr"}, f"{node.city}: the sheet {sheet.title} holds texts only")
    found = {kind: names for kind, names in found.items() if names}
    check(
        (found, records, left_out) == (held, sum(map(len, held.values())), 0),
        f"{node.city}: the workbook holds all {records} records",
    )


def check_activities(node, audience):
    """IATI as libxml2 reads the official schema."""
    everything = lines(node.export("JSON_LINES", audience)[0])
    partnerships = sum(kind_of(one) == "partnership" for one in everything)
    if partnerships == 0:
        try:
            node.export("IATI_ACTIVITY", audience)
            code = None
        except grpc.RpcError as refused:
            code = refused.code()
        check(code == grpc.StatusCode.NOT_FOUND, f"{node.city}: without partnerships there is no file of activities")
        return
    file, records, left_out = node.export("IATI_ACTIVITY", audience)
    check(records == partnerships and left_out == 0, f"{node.city}: all {partnerships} partnerships are activities for {audience}")
    with tempfile.NamedTemporaryFile(suffix=".xml") as saved:
        saved.write(file)
        saved.flush()
        command = ["xmllint", "--nonet", "--noout", "--schema", str(IATI), saved.name]
        judged = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    text = "" if judged.returncode == 0 else os.linesep + judged.stderr
    check(judged.returncode == 0, f"{node.city}: the activities for {audience} validate with xmllint{text}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def empty_node(binary, city):
    """An empty node of a city."""
    folder = tempfile.mkdtemp(prefix="isopolity-again-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    api = f"127.0.0.1:{free_port()}"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ISOPOLITY_")}
    environment["ISOPOLITY_LOG_LEVEL"] = "warn"
    listen = ["--api-listen", api, "--federation-listen", f"127.0.0.1:{free_port()}"]
    made = subprocess.run(
        [binary, "--dir", folder, "--output", "json", "init", "--city", city, *listen],
        capture_output=True, text=True, timeout=DEADLINE, check=True, env=environment,
    )
    running = subprocess.Popen([binary, "--dir", folder, "serve"], env=environment, stdin=subprocess.DEVNULL)

    def stop():
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(timeout=30)
        except subprocess.TimeoutExpired:
            running.kill()

    # Before the folder goes.
    atexit.register(stop)
    for _ in range(DEADLINE * 10):
        if running.poll() is not None:
            sys.exit("the empty node ended before it was ready")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", int(api.rsplit(":", 1)[1]))) == 0:
                break
        time.sleep(0.1)
    return Node(city, api, pathlib.Path(folder, "trust", "ca.pem"), json.loads(made.stdout)["token"])


def check_round_trip(node, binary):
    """What leaves as JSON Lines comes in again as it was."""
    file, records, _ = node.export("JSON_LINES", "INTERNAL")
    again = empty_node(binary, node.city)
    rejected = again.load(file)
    check(not rejected, f"{node.city}: another node takes over all {records} records {rejected[:1] or ''}")
    before, after = said(file), said(again.export("JSON_LINES", "INTERNAL")[0])
    for one, other in zip(before, after):
        one = as_imported(one)
        if "retrieveTime" not in one.get("provenance", {"retrieveTime": ""}):
            other.get("provenance", {}).pop("retrieveTime", None)
        if one != other:
            check(False, f"{node.city}: {one} is {other} in the other node")
    check(len(before) == len(after) == records, f"{node.city}: the other node exports the same {records} records")


def check_real_activities(binary):
    """What real publishers state, taken over and written again, is what the official schema allows."""
    folder = ROOT / "crates" / "exchange" / "tests" / "data" / "iati" / "activities"
    audiences = ("PUBLIC", "FEDERATION", "INTERNAL")
    # A node whose activities everybody may see, and one whose only the city may: what is left out differs.
    for stated in ("PUBLIC", "INTERNAL"):
        node = empty_node(binary, f"{stated.lower()}.example")
        for name, count in ACTIVITIES.items():
            rejected = node.load((folder / name).read_bytes(), "IATI_ACTIVITY", stated)
            check(not rejected, f"{node.city}: all {count} activities of {name} are taken over {rejected[:1] or ''}")
        for audience in audiences:
            expected = sum(ACTIVITIES.values()) if stated == "PUBLIC" or audience == "INTERNAL" else 0
            held = sum(kind_of(one) == "partnership" for one in lines(node.export("JSON_LINES", audience)[0]))
            check(held == expected, f"{node.city}: {expected} of them are for {audience}")
            check_activities(node, audience)


def main():
    manifest, binary = sys.argv[1:]
    cities = json.loads(pathlib.Path(manifest).read_text(encoding="utf-8"))["cities"]
    nodes = [Node(one["city"], one["api"], one["ca"], one["token"]) for one in cities]
    for node in nodes:
        check_catalogue(node)
        for audience in ("PUBLIC", "FEDERATION", "INTERNAL"):
            check_activities(node, audience)
    check_shapes_bite(nodes[0])
    check_tables(nodes[0])
    check_round_trip(nodes[0], binary)
    check_real_activities(binary)
    print(f"{checks} checks passed")


main()
