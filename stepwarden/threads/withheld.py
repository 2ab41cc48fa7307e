"""Steps without the secrets that an agent wrote into them: what is admitted, recorded and shown has none."""

from collections.abc import Sequence
from dataclasses import replace

from stepwarden.files.secret_values import hide_in_prose, hide_in_quote, hide_in_values
from stepwarden.steps.evidence import Evidence
from stepwarden.steps.reported_run import ReportedRun
from stepwarden.steps.submission import Submission


def withhold(submission: Submission) -> Submission:
    """Return a step, paths in their canonical form, without secrets in its texts and quotes."""
    return replace(
        submission,
        step=hide_in_prose(submission.step),
        findings=_hidden(submission.findings),
        hypothesis=_hidden(submission.hypothesis),
        issues=tuple(replace(claim, description=hide_in_prose(claim.description)) for claim in submission.issues),
        runs=tuple(_hidden_run(run) for run in submission.runs),
        quotes=tuple(replace(quote, quote=hide_in_quote(quote.quote, quote.file)) for quote in submission.quotes),
        fields=hide_in_values(submission.fields),
    )


def withhold_evidence(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Return verdicts on quotes, which were looked up whole, without the secrets in them."""
    return tuple(replace(item, quote=hide_in_quote(item.quote, item.path)) for item in evidence)


def _hidden_run(run: ReportedRun) -> ReportedRun:
    return replace(run, command=hide_in_prose(run.command), output=hide_in_prose(run.output))


def _hidden(text: str | None) -> str | None:
    return None if text is None else hide_in_prose(text)
