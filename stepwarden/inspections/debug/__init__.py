"""What `debug` finds in the code itself."""

from stepwarden.inspections.context import InspectionContext, InspectionResult


def inspect_debug(context: InspectionContext) -> InspectionResult | None:
    """Return what one step of `debug` finds; its inspector is imported at its first use, for a quick start."""
    from stepwarden.inspections.debug.inspector import inspect

    return inspect(context)
