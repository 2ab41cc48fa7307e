"""What `tracer` finds in the code itself."""

from stepwarden.inspections.context import InspectionContext, InspectionResult


def inspect_tracer(context: InspectionContext) -> InspectionResult | None:
    """Return what one step of `tracer` finds; its inspector is imported at its first use, for a quick start."""
    from stepwarden.inspections.tracer.inspector import inspect

    return inspect(context)
