#!/usr/bin/env python3
"""Checks bans, licences and sources of deny.toml against what is really built here, in a second.

cargo-deny does this and more (advisories above all), but takes longer to compile than the project. This reads the same
file, so that what it forbids is forbidden in every run of CI. Asks cargo for the graph of this machine's platform.
"""

import json
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def satisfied(expression, allowed):
    """Whether an SPDX expression can be met with these licences. Old manifests write `/` for OR."""
    tokens = re.findall(r"\(|\)|[\w.+-]+", expression.replace("/", " OR "))

    def alternatives():
        value = conjunction()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            value = conjunction() or value
        return value

    def conjunction():
        value = term()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            value = term() and value
        return value

    def term():
        token = tokens.pop(0)
        if token == "(":
            value = alternatives()
            if not tokens or tokens.pop(0) != ")":
                raise ValueError("a bracket is open")
            return value
        if tokens and tokens[0] == "WITH":
            tokens.pop(0)
            token = f"{token} WITH {tokens.pop(0)}"
        return token in allowed

    value = alternatives()
    if tokens:
        raise ValueError(f"nothing is expected at {tokens[0]!r}")
    return value


def main():
    with open(ROOT / "deny.toml", "rb") as file:
        rules = tomllib.load(file)
    host = re.search(r"^host: (\S+)$", subprocess.check_output(["rustc", "-vV"], cwd=ROOT, text=True), re.M)[1]
    metadata = json.loads(cargo("metadata", "--format-version=1", "--locked", f"--filter-platform={host}"))
    # The metadata also lists what no feature asks for; the tree lists what is built.
    tree = cargo("tree", "--workspace", "--locked", "--edges=all", "--prefix=none", "--format={p}")
    built = {tuple(line.split()[:2]) for line in tree.splitlines() if line}
    crates = [crate for crate in metadata["packages"] if (crate["name"], "v" + crate["version"]) in built]

    banned = {entry["crate"]: entry["reason"] for entry in rules["bans"]["deny"]}
    allowed = set(rules["licenses"]["allow"])
    exceptions = {entry["crate"]: set(entry["allow"]) for entry in rules["licenses"]["exceptions"]}
    members = set(metadata["workspace_members"])
    wrong, versions = [], {}
    for crate in crates:
        label = f"{crate['name']} {crate['version']}"
        versions.setdefault(crate["name"], []).append(crate["version"])
        if crate["name"] in banned:
            wrong.append(f"{label} is banned: {banned[crate['name']]}")
        if crate["id"] in members:
            continue
        source = crate["source"] or "a path outside the workspace"
        if not source.startswith("registry+"):
            wrong.append(f"{label} comes from {source}, not from the registry")
        try:
            fits = satisfied(crate["license"] or "", allowed | exceptions.get(crate["name"], set()))
        except (IndexError, ValueError) as error:
            fits = False
            label += f" ({error})"
        if not fits:
            wrong.append(f"{label} has the licence {crate['license']!r}, which deny.toml does not allow")
    sources = {crate["source"] for crate in crates if crate["source"]}
    if len(sources) > 1:
        wrong.append(f"there is more than one source: {', '.join(sorted(sources))}")
    for name in sorted(exceptions.keys() - versions.keys()):
        wrong.append(f"deny.toml makes an exception for {name}, which is not built any more")

    repeated = {name: found for name, found in versions.items() if len(found) > 1}
    print(f"{len(crates)} crates; {len(repeated)} in more than one version: {', '.join(sorted(repeated))}")
    for line in wrong:
        print(f"error: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
