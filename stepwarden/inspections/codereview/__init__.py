"""What `codereview` finds in the code itself."""

from stepwarden.inspections.context import InspectionContext, InspectionResult


def inspect_codereview(context: InspectionContext) -> InspectionResult | None:
    """Return what one step of `codereview` finds; its inspector is imported at its first use, for a quick start."""
    from stepwarden.inspections.codereview.inspector import inspect

    return inspect(context)
