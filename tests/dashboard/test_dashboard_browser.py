"""The pages in a real Chromium: what people cannot use, what the policy stops, and what an update may not disturb."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from dashboard_rig import HOSTILE, Dashboard, Home, asks
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed; .ci/run installs one")

ALONE = (
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
LOOK = "axe.run().then(found => found.violations.map(one => `${one.id}: ${one.nodes[0].html.slice(0, 200)}`))"
PATIENT_MS = 60_000

ADD = asks("notes/add_note", {"text": f"one {HOSTILE}"}, text=f"I note it. {HOSTILE}", times=None)
DONE = {"text": f"Noted. {HOSTILE}", "when": "added one", "times": None}
CLEAR = asks("notes/clear_notes", {}, times=None)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("browser") / "home").prepare()
    home.run([DONE, ADD], request=f"note it {HOSTILE}")
    home.run([CLEAR], request="clear them")
    home.run([{"text": "Said."}], request="say it")
    return home


@pytest.fixture(scope="module")
def dashboard(home: Home) -> Iterator[Dashboard]:
    with Dashboard(home.path) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    rootless = () if os.name != "posix" or os.geteuid() else ("--no-sandbox",)
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=[*ALONE, *rootless])
        yield started
        started.close()


def opened(browser: Browser, dashboard: Dashboard, **how: Any) -> tuple[BrowserContext, Page, list[str]]:
    """Return a signed-in page, and what the browser complains of from then on."""
    context = browser.new_context(**how)
    context.set_default_timeout(PATIENT_MS)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(dashboard.new_link())
    return context, page, complaints


def violations(context: BrowserContext, page: Page) -> list[str]:
    """Return what axe finds; it is run by the debugger, which the policy of the pages does not bind."""
    session = context.new_cdp_session(page)
    session.send("Runtime.evaluate", {"expression": AXE})
    asked = {"expression": LOOK, "awaitPromise": True, "returnByValue": True}
    return session.send("Runtime.evaluate", asked)["result"]["value"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_every_page_is_for_everybody(
    browser: Browser, dashboard: Dashboard, home: Home, scheme: str, width: int
) -> None:
    size = {"width": width, "height": 800}
    context, page, complaints = opened(browser, dashboard, viewport=size, color_scheme=scheme)
    waiting, destroying, ended = home.runs[:3]
    paths = ["", f"/runs/{waiting}", f"/runs/{destroying}", f"/runs/{ended}", f"/runs/{waiting}?view=raw"]
    for path in [*paths, f"/runs/{waiting}/report", "/threads", "/?status=failed", "/runs/run-none"]:
        page.goto(f"{dashboard.base}{path}".replace("/?", "?"))
        assert violations(context, page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
        assert page.evaluate("document.querySelectorAll('h1').length") == 1, path
    assert [one for one in complaints if "404" not in one] == []
    context.close()


def test_what_another_process_records_is_shown_and_disturbs_nothing(
    browser: Browser, dashboard: Dashboard, home: Home
) -> None:
    run_id = home.run([DONE, ADD], request="note it for the page")
    context, page, complaints = opened(browser, dashboard)
    page.goto(f"{dashboard.base}/runs/{run_id}")
    page.locator("#work summary").first.click()
    page.locator("[data-decision] textarea").fill("half a se")
    page.evaluate("window.isSamePage = true")
    home.command("runs", "pause", run_id)
    page.locator("#head .word.paused").wait_for()
    assert page.locator("[data-decision] textarea").input_value() == "half a se"
    assert page.evaluate("document.activeElement.name") == "reason"
    assert page.locator("#work details").first.get_attribute("open") is not None
    home.command("runs", "resume", run_id)
    page.locator("#head .word.waiting").wait_for()
    assert page.evaluate("window.isSamePage")
    assert complaints == []
    context.close()


def test_a_run_is_decided_by_keys_alone_and_the_list_hears_of_it(
    browser: Browser, dashboard: Dashboard, home: Home
) -> None:
    run_id = home.run([DONE, ADD], request="note it by keys")
    context, page, complaints = opened(browser, dashboard)
    listed = context.new_page()
    listed.goto(dashboard.base)
    page.goto(dashboard.base)
    row = page.locator(f"a[href$='{run_id}']")
    for _ in range(page.locator("[data-row]").count()):
        page.keyboard.press("j")
        if row.evaluate("one => one === document.activeElement"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/runs/{run_id}")
    page.keyboard.press("a")
    page.locator("#said").wait_for()
    assert page.locator("#said").inner_text() == "Recorded."
    home.drive(run_id, [DONE, ADD])
    page.locator("#head .word.done").wait_for()
    listed.locator(f"#ended a[href$='{run_id}']").wait_for()
    assert complaints == []
    context.close()


def test_what_destroys_is_not_allowed_by_a_key_alone(browser: Browser, dashboard: Dashboard, home: Home) -> None:
    run_id = home.run([CLEAR], request="clear them by keys")
    context, page, _ = opened(browser, dashboard)
    page.goto(f"{dashboard.base}/runs/{run_id}")
    page.keyboard.press("a")
    page.locator("#said.bad").wait_for()
    assert "type clear_notes" in page.locator("#said").inner_text()
    assert "approve by" not in home.command("runs", "events", run_id)
    page.locator("[name=typed]").fill("clear_notes")
    page.locator("[data-key=a]").click()
    page.locator("#said:not(.bad)").wait_for()
    context.close()


def test_every_page_and_form_works_without_a_script(browser: Browser, dashboard: Dashboard, home: Home) -> None:
    run_id = home.run([DONE, ADD], request="note it without a script")
    context, page, _ = opened(browser, dashboard, java_script_enabled=False)
    page.goto(f"{dashboard.base}/runs/{run_id}")
    page.locator("[data-command=pause] button").click()
    assert page.locator("#head .word").first.inner_text() == "paused"
    page.locator("[data-command=resume] button").click()
    page.locator("[data-decision] textarea").fill("not today")
    page.locator("button[value=refuse]").click()
    assert "refuse by local via dashboard" in home.command("runs", "events", run_id)
    context.close()
