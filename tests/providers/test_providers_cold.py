"""What it costs to have models configured, before one is asked."""

import subprocess
import sys

CODE = """
import sys
import stepwarden.settings
from providers.models import build_models
from stepwarden.models import ModelTier
from tests.support.work import calls_in
asked = {'openai_api_key': 'k', 'zhipuai_api_key': 'k', 'custom_api_url': 'http://h/v1'}
settings = stepwarden.settings.load_settings(providers='openai,zhipuai,custom', **asked)
build_models(settings)
calls = calls_in(lambda: build_models(settings))
models = build_models(settings)
models.choose(None, ModelTier.DEEP), models.choose('glm', ModelTier.FAST), models.usable(), models.unusable()
heavy = {'openai', 'zai', 'diskcache', 'stamina', 'purgatory', 'aiolimiter', 'genai_prices', 'structlog', 'rich'}
loaded = sorted(heavy & {name.partition('.')[0] for name in sys.modules})
sys.stdout.write(f"{calls} {','.join(loaded)}")
"""


def test_nothing_of_the_vendors_is_imported_until_a_model_is_asked() -> None:
    """Building, choosing and listing import no vendor's library, and building is little work."""
    ran = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    calls, loaded = ran.stdout.split(" ")
    assert loaded == ""
    assert int(calls) < 1_000
