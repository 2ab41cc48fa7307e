"""What `analyze` finds in the code itself."""

from stepwarden.inspections.context import InspectionContext, InspectionResult


def inspect_analyze(context: InspectionContext) -> InspectionResult | None:
    """Return what one step of `analyze` finds; its inspector is imported at its first use, for a quick start."""
    from stepwarden.inspections.analyze.inspector import inspect

    return inspect(context)
