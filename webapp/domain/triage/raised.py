"""When a ticket is marked because its incident rose above the priority that a person chose."""


def mark_raised(
    present: str | None,
    severity: str | None,
    *,
    is_rise: bool,
    is_chosen: bool,
    is_above: bool,
) -> str | None:
    """The severity that a ticket is marked with after a report, or None for no mark.

    `present` is the mark so far and `severity` the word of the report. `is_rise` says that the
    severity rose with this report, `is_chosen` that a person chose the priority, and `is_above`
    that the severity asks for a more urgent one. A mark stays until a person changes the priority,
    the severity falls to what the priority covers, or the priority follows it.
    """
    if not is_chosen or not is_above:
        return None
    return severity if is_rise else present
