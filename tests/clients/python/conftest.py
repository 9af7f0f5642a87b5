"""Generates the client from proto/, the way proto/README.md describes it, before the tests import it."""

import atexit
import importlib.resources
import pathlib
import sys
import tempfile

from grpc_tools import protoc

PROTO = pathlib.Path(__file__).resolve().parents[3] / "proto"

_folder = tempfile.TemporaryDirectory(prefix="isopolity-client-")
atexit.register(_folder.cleanup)
_outcome = protoc.main([
    "protoc",
    f"-I{PROTO}",
    f"-I{importlib.resources.files('grpc_tools') / '_proto'}",
    f"--python_out={_folder.name}",
    f"--grpc_python_out={_folder.name}",
    *sorted(str(file) for file in PROTO.rglob("*.proto")),
])
if _outcome != 0:
    raise SystemExit(f"protoc could not compile {PROTO}")
sys.path.insert(0, _folder.name)
