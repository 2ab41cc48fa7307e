"""The commands in docs/http.md, as a shell would send them, against a server."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from string import Template

import httpx2
import pytest
from run_server import scripted_home, talking

from tests.support.http_server import TOKENS, TOKENS_SETTING, HttpServer, requests

pytestmark = pytest.mark.anyio
PAGE = Path(__file__).parents[2] / "docs" / "http.md"
NOTED = "note it, as the page says"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def samples() -> Iterator[list[str]]:
    """Yield the words of each command on the page."""
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            yield shlex.split(line)


async def sent(words: list[str], known: dict[str, str]) -> httpx2.Response:
    """Send what a `curl` command says; any other option than these is an error."""
    command, *rest = [Template(word).substitute(known) for word in words]
    assert command == "curl"
    headers, url, data = dict[str, str](), "", None
    given = iter(rest)
    for word in given:
        match word:
            case "-H":
                name, _, value = next(given).partition(": ")
                headers[name] = value
            case "-d":
                data = next(given)
            case "-N":
                pass
            case _:
                assert not word.startswith("-"), word
                url = word
    async with requests() as http:
        return await http.request("POST" if data else "GET", url, headers=headers, content=data)


async def test_every_command_of_the_page_is_carried_out(tmp_path: Path) -> None:
    with HttpServer(tmp_path, STEPWARDEN_TOKENS=TOKENS_SETTING, **scripted_home(tmp_path)) as server:
        async with talking(server) as ana:
            ended = await ana.started("Count the ducks")
            await ana.ended(ended)
            steered = await ana.started(NOTED)
            await ana.waiting(steered)
        answers = list[httpx2.Response]()
        for words in samples():
            run_id = steered if any("/commands" in word for word in words) else ended
            known = {"BASE": server.base, "TOKEN": TOKENS["ana"], "RUN": run_id}
            answers.append(await sent(words, known))
            assert answers[-1].is_success, (words, answers[-1].text)
        assert len(answers) >= 10
        kinds = {answer.headers["content-type"].partition(";")[0] for answer in answers}
        assert kinds == {"application/json", "text/event-stream", "text/csv", "text/markdown"}
