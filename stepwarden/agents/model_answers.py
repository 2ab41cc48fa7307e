"""What came of asking a model, as a run records it: what it cost, or why it failed."""

from stepwarden.files.secret_values import hide_in_prose
from stepwarden.models import ErrorKind, ModelError, ModelReply
from stepwarden.runs.limits import Amount
from stepwarden.runs.run_events import FailedAnswer

_FATAL = frozenset(
    {
        ErrorKind.NO_MODEL,
        ErrorKind.UNKNOWN_MODEL,
        ErrorKind.NOT_ALLOWED,
        ErrorKind.WRONG_KEY,
        ErrorKind.NO_MONEY,
        ErrorKind.OVER_BUDGET,
        ErrorKind.MISCONFIGURED,
    }
)


def failure_of(error: ModelError) -> FailedAnswer:
    """Return why there is no answer; fatal is what no other try can mend."""
    return FailedAnswer(error.kind, hide_in_prose(str(error)), fatal=error.kind in _FATAL)


def spent_on(reply: ModelReply) -> Amount:
    """Return what an answer cost; without a known price it cost tokens alone."""
    usage = reply.usage
    amount = Amount(usage.input_tokens + usage.output_tokens)
    return amount if usage.cost is None else Amount(amount.tokens, usage.cost)
