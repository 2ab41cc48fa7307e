"""Whom the expert's rules may ask: found out before a step is decided, and cheap where nobody is configured."""

from pathlib import Path

import pytest

from providers.models import build_models
from stepwarden.consultation.background_requests import BackgroundRequests
from stepwarden.consultation.consultant import AdmittedStep
from stepwarden.consultation.expert import Expert
from stepwarden.consultation.expert_prompts import ExpertPrompts
from stepwarden.files import Workspace
from stepwarden.models import ErrorKind, ModelError
from stepwarden.settings import load_settings
from stepwarden.storage import Store
from tests.support.calls import submission

NOWHERE = Workspace(None, None)


def test_the_text_of_an_error_is_composed_when_somebody_reads_it() -> None:
    composed: list[str] = []

    def text() -> str:
        composed.append("once")
        return "No model is configured: set A_KEY."

    error = ModelError(ErrorKind.NO_MODEL, text)
    assert (error.kind, composed) == (ErrorKind.NO_MODEL, [])
    assert str(error) == "No model is configured: set A_KEY."
    assert composed == ["once"]


@pytest.mark.asyncio
@pytest.mark.parametrize("fields", [{}, {"use_assistant_model": False}, {"model": "auto"}])
async def test_where_no_model_is_configured_nobody_may_be_asked(tmp_path: Path, fields: dict[str, object]) -> None:
    store = Store(f"sqlite:///{tmp_path / 'threads.db'}")
    models = build_models(load_settings(home=tmp_path))  # the product's own, with nothing configured
    expert = Expert(models, BackgroundRequests(store, models), ExpertPrompts({"system": "Judge it."}))
    prepared_step, prepared = await expert.prepare(AdmittedStep(submission(2, fields=fields), 2, None, NOWHERE))
    assert (prepared_step.number, prepared.model) == (2, "")
    await store.close()
