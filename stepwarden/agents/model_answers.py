"""What came of asking a model, as a run records it: what it cost, or why it failed."""

from stepwarden.files.encodings import as_unicode
from stepwarden.files.secret_values import hide_in_prose
from stepwarden.models import ErrorKind, ModelError, ModelReply
from stepwarden.runs.limits import Amount
from stepwarden.runs.run import Job
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
_PASSING = frozenset({ErrorKind.RATE_LIMIT, ErrorKind.NETWORK, ErrorKind.GIVEN_UP})


def failure_of(error: ModelError, job: Job) -> FailedAnswer:
    """Return why there is no answer; fatal is what no other try can mend, passing is what time may."""
    # an address that never answered is none that the network took away
    has_answered = bool(job.steps) or (job.work is not None and job.work.answered > 0)
    passing = error.kind in _PASSING and (has_answered or error.kind is ErrorKind.RATE_LIMIT)
    told, fatal = hide_in_prose(as_unicode(str(error))), error.kind in _FATAL
    return FailedAnswer(error.kind, told, fatal=fatal, passing=passing, retry_after=error.retry_after_s or 0.0)


def spent_on(reply: ModelReply) -> Amount:
    """Return what an answer cost; without a known price it cost tokens alone."""
    usage = reply.usage
    amount = Amount(usage.input_tokens + usage.output_tokens)
    return amount if usage.cost is None else Amount(amount.tokens, usage.cost)
