"""`triagedesk audit`: whether the audit log is what it was."""

import click

from webapp.cli.output import json_option, print_json, refusing
from webapp.domain.security.events import Export
from webapp.services.audit_trail.record_aside import record_export
from webapp.services.audit_trail.verify_chain import ChainReport, list_chain_lines, verify_chain


@click.group("audit")
def audit() -> None:
    """Verify the audit log, by its chain of hashes."""


@audit.command("verify")
@click.option(
    "--seal",
    "seals",
    multiple=True,
    metavar="POSITION:HASH",
    help="A seal that was kept elsewhere; may be given several times.",
)
@json_option
@refusing
def verify(seals: tuple[str, ...], as_json: bool) -> None:
    """Compute every hash again, and compare the chain with its seals.

    Finds a change, a deletion, an insertion, a gap, and an end that was cut off. Exit code 0 if the
    log is whole, 1 if it was tampered with. It takes as little memory for a million events as for
    one.
    """
    report = verify_chain(seals)
    if as_json:
        print_json(report.as_dict())
    else:
        _tell(report)
    if not report.is_whole:
        raise SystemExit(1)


@audit.command("lines")
@click.option("--after", default=0, show_default=True, help="Begin after this link.")
@refusing
def lines(after: int) -> None:
    """Print each link: position, hash, and the line whose SHA-256 that is (docs/audit.md)."""
    record_export(Export.AUDIT, details={"command": "audit lines", "after": after})
    for position, digest, line in list_chain_lines(after):
        click.echo(f"{position}\t{digest}\t{line}")


def _tell(report: ChainReport) -> None:
    for problem in report.problems:
        click.echo(f"FAIL {problem}")
    if report.problem_count > len(report.problems):
        click.echo(f"FAIL {report.problem_count - len(report.problems):,} more like these.")
    for remark in report.remarks:
        click.echo(f"LOOK {remark}")
    if report.waiting and report.waiting_since is not None:
        what = "event waits" if report.waiting == 1 else "events wait"
        click.echo(
            f"     {report.waiting:,} {what} for a link, since"
            f" {report.waiting_since:%Y-%m-%d %H:%M:%S} UTC."
        )
    if report.pruned:
        click.echo(f"     Links up to {report.pruned} were deleted by retention.")
    if report.is_whole:
        click.echo(f"ok   {report.links:,} links are whole. The last: {_end(report)}")


def _end(report: ChainReport) -> str:
    return f"{report.end.position}:{report.end.hash}" if report.end.position else "none yet"


commands: list[click.Command] = [audit]
