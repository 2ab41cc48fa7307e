"""How many examples random tests try: few by default, ten times as many where STEPWARDEN_TEST_DEPTH is `deep`.

Both draw the same examples for the same code, so a check of a commit can be repeated; `random` draws others each time.
"""

import os

from hypothesis import HealthCheck, settings

DEPTH = os.environ.get("STEPWARDEN_TEST_DEPTH", "default")
DEEP = DEPTH in {"deep", "random"}
TIMES_DEEPER = 10


def choose_depth() -> None:
    """Load the profile that the environment names; a machine under load is no failure in either."""
    common = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
    same = settings(common, database=None, derandomize=True)
    settings.register_profile("default", same, max_examples=20)
    settings.register_profile("deep", same, max_examples=20 * TIMES_DEEPER)
    settings.register_profile("random", common, max_examples=20 * TIMES_DEEPER)
    settings.load_profile(DEPTH)


def examples(few: int) -> int:
    """Return how many examples a test tries that needs `few` for its promise."""
    return few * TIMES_DEEPER if DEEP else few
