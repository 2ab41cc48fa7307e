"""What it costs to have models configured, before one is asked."""

import subprocess
import sys

CODE = """
import sys, time
import mcp.server, stepwarden.settings
from stepwarden.models import ModelTier
from providers.models import build_models
settings = stepwarden.settings.load_settings(openai_api_key='k', zhipuai_api_key='k', custom_api_url='http://h/v1')
times = []
for _ in range(20):
    began = time.perf_counter()
    models = build_models(settings)
    times.append(time.perf_counter() - began)
models.choose(None, ModelTier.DEEP), models.choose('glm', ModelTier.FAST), models.usable(), models.unusable()
heavy = {'openai', 'zai', 'diskcache', 'stamina', 'purgatory', 'aiolimiter', 'genai_prices', 'structlog', 'rich'}
loaded = sorted(heavy & {name.partition('.')[0] for name in sys.modules})
sys.stdout.write(f"{min(times) * 1000:.2f} {','.join(loaded)}")
"""


def test_nothing_of_the_vendors_is_imported_until_a_model_is_asked() -> None:
    """Building, choosing and listing import no vendor's library and take less than 3 ms."""
    ran = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    took_ms, loaded = ran.stdout.split(" ")
    assert loaded == ""
    assert float(took_ms) < 3
