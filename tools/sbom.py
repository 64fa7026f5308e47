"""Writes an SBOM of what is installed with Triagedesk: CycloneDX, in JSON.

Libraries are those that this environment has of the run-time requirements, followed through what
they ask for in turn; beside them stand the files of others in `webapp/static/vendor`.
"""

import re
import sys
from importlib import metadata
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from webapp import __version__

PRODUCT = "triagedesk"
VENDOR = Path(__file__).parents[1] / "webapp" / "static" / "vendor"
# | `folder/` | what | version | licence |
ROW = re.compile(
    r"\| `(?P<name>[\w.-]+)/` \|.*\| (?P<version>[\d.]+)[^|]* \| (?P<license>[^|]+) \|"
)


def build_bom() -> Bom:
    """The product, its libraries with who asks for whom, and its vendored files."""
    licenses = LicenseFactory()
    bom = Bom()
    product = Component(
        name=PRODUCT,
        version=__version__,
        type=ComponentType.APPLICATION,
        bom_ref=f"{PRODUCT}@{__version__}",
        licenses=[licenses.make_from_string("Apache-2.0")],
    )
    bom.metadata.component = product
    asked_for = libraries()
    components = {PRODUCT: product} | {
        name: _library(name, licenses) for name in asked_for if name != PRODUCT
    }
    vendored = _vendored(licenses)
    for component in [*components.values(), *vendored]:
        if component is not product:
            bom.components.add(component)
    for name, needed in asked_for.items():
        also = vendored if name == PRODUCT else []
        bom.register_dependency(components[name], [*(components[one] for one in needed), *also])
    return bom


def libraries() -> dict[str, list[str]]:
    """The product and everything that it needs here, each with what it asks for itself."""
    found: dict[str, list[str]] = {}
    waiting, followed = [(PRODUCT, frozenset[str]())], set()
    while waiting:
        name, extras = step = waiting.pop()
        if step not in followed:
            followed.add(step)
            needed = _needed(name, extras)
            found[name] = sorted({*found.get(name, []), *(one for one, _ in needed)})
            waiting += needed
    return found


def _needed(name: str, extras: frozenset[str]) -> list[tuple[str, frozenset[str]]]:
    requirements = [Requirement(line) for line in metadata.requires(name) or []]
    return [
        (canonicalize_name(one.name), frozenset(one.extras))
        for one in requirements
        if not one.marker or any(one.marker.evaluate({"extra": extra}) for extra in ("", *extras))
    ]


def _library(name: str, licenses: LicenseFactory) -> Component:
    about = metadata.metadata(name)
    version = about["Version"]
    purl = PackageURL("pypi", name=name, version=version)
    return Component(
        name=name,
        version=version,
        description=_field(about, "Summary"),
        bom_ref=str(purl),
        purl=purl,
        licenses=[licenses.make_from_string(words)] if (words := _license(about)) else [],
    )


def _license(about: metadata.PackageMetadata) -> str:
    """What a package says of its license, in the most exact of the places where it may say it."""
    words = _field(about, "License-Expression") or _field(about, "License")
    every: list[str] = about.get_all("Classifier") or []
    classifiers = [one for one in every if one.startswith("License ::")]
    if classifiers and (not words or "\n" in words):  # some put the whole text there
        return classifiers[0].rpartition(" :: ")[2]
    return words


def _field(about: metadata.PackageMetadata, name: str) -> str:
    values: list[str] = about.get_all(name) or [""]
    return values[0]


def _vendored(licenses: LicenseFactory) -> list[Component]:
    """One component for each row of the folder's README, with the checksums of its files."""
    checksums = [line.split("  ", 1) for line in (VENDOR / "SHA256SUMS").read_text().splitlines()]
    return [
        Component(
            name=row["name"],
            version=row["version"],
            bom_ref=f"{row['name']}@{row['version']}",
            licenses=[licenses.make_from_string(row["license"])],
            components=[
                Component(
                    name=path,
                    type=ComponentType.FILE,
                    bom_ref=f"file:{path}",
                    hashes=[HashType(alg=HashAlgorithm.SHA_256, content=checksum)],
                )
                for checksum, path in checksums
                if path.startswith(f"{row['name']}/")
            ],
        )
        for row in ROW.finditer((VENDOR / "README.md").read_text(encoding="utf-8"))
    ]


if __name__ == "__main__":
    output = Path(sys.argv[1])
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(JsonV1Dot6(build_bom()).output_as_string(indent=2) + "\n", encoding="utf-8")
