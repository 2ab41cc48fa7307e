"""How many examples random tests try: few by default, many where STEPWARDEN_TEST_DEPTH is `deep`."""

import os

from hypothesis import HealthCheck, settings

DEEP = os.environ.get("STEPWARDEN_TEST_DEPTH") == "deep"
TIMES_DEEPER = 10


def choose_depth() -> None:
    """Load the profile that the environment names; a machine under load is no failure in either."""
    common = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
    settings.register_profile("default", common, max_examples=20, database=None, derandomize=True)
    settings.register_profile("deep", common, max_examples=20 * TIMES_DEEPER)
    settings.load_profile("deep" if DEEP else "default")


def examples(few: int) -> int:
    """Return how many examples a test tries that needs `few` for its promise."""
    return few * TIMES_DEEPER if DEEP else few
