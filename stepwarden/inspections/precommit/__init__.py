"""What `precommit` finds in the change itself."""

from stepwarden.inspections.context import InspectionContext, InspectionResult


def inspect_precommit(context: InspectionContext) -> InspectionResult | None:
    """Return what one step of `precommit` finds; its inspector is imported at its first use, for a quick start."""
    from stepwarden.inspections.precommit.inspector import inspect

    return inspect(context)
