"""The place on loopback where a browser comes back to (RFC 8252, section 7.3): one small page, one answer."""

import asyncio
import contextlib
import html
from http import HTTPStatus
from urllib.parse import urlsplit

from stepwarden.errors import SignInFailed
from stepwarden.upstream.oauth.redirect_answer import RedirectAnswer, read_answer, same_state

HOST = "127.0.0.1"
_HEAD_BYTES = 32_768
_HEAD_WAIT_S = 10.0
_VERDICT_WAIT_S = 60.0

_STRANGER = (
    "This answer does not belong to the sign-in that is waiting (its state is another). "
    "Open the address that Stepwarden showed last."
)
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Stepwarden</title>
<style>body{{font:1.1rem system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem}}</style></head>
<body><h1>{title}</h1><p>{text}</p></body></html>"""


class Listener:
    """Waits for the answer to one attempt to sign in.

    An answer with another state is rejected and does not end the attempt: any page the browser has open can send one.
    The browser is answered with the outcome when the attempt is over.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._server: asyncio.Server | None = None
        self._state: str | None = None
        self._answer: asyncio.Future[RedirectAnswer] = asyncio.get_running_loop().create_future()
        self._verdict: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._open: set[asyncio.Task[None]] = set()
        self.port = 0
        self.strangers = 0

    async def start(self, port: int) -> None:
        """Listen on `port`, 0 for a free one. Raises SignInFailed where it is taken."""
        try:
            self._server = await asyncio.start_server(self._serve, HOST, port, limit=_HEAD_BYTES)
        except OSError as error:
            raise SignInFailed(
                f"Port {port} on {HOST}, which redirect_port names, cannot be used ({error.strerror}); another "
                "sign-in may be waiting there: end it, or choose another port."
            ) from error
        self.port = int(self._server.sockets[0].getsockname()[1])

    @property
    def redirect_uri(self) -> str:
        """The address the browser is to come back to."""
        return f"http://{HOST}:{self.port}{self._path}"

    def expect(self, state: str) -> None:
        """Take only answers with this state from now on."""
        self._state = state

    async def answer(self) -> RedirectAnswer:
        """Wait for the answer that is expected."""
        return await asyncio.shield(self._answer)

    def offer(self, answer: RedirectAnswer) -> bool:
        """Take an answer that came another way (pasted); return whether it is the awaited one."""
        if self._state is None or not same_state(answer, self._state):
            self.strangers += 1
            return False
        if not self._answer.done():
            self._answer.set_result(answer)
        return True

    async def close(self, verdict: str) -> None:
        """Answer the browser with the outcome, in one sentence, and stop listening."""
        if not self._verdict.done():
            self._verdict.set_result(verdict)
        if self._server is not None:
            self._server.close()
        if self._open:
            await asyncio.wait(self._open, timeout=2.0)
        for task in self._open:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            async with asyncio.timeout(_HEAD_WAIT_S):
                head = await reader.readuntil(b"\r\n\r\n")
            status, text = await self._reply(head)
            writer.write(_page(status, text))
            await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            pass  # not a browser that comes back
        finally:
            self._open.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _reply(self, head: bytes) -> tuple[HTTPStatus, str]:
        method, target, host = _request(head)
        if host not in {f"{HOST}:{self.port}", f"localhost:{self.port}"}:
            return HTTPStatus.MISDIRECTED_REQUEST, "This address is not ours."
        if method != "GET" or urlsplit(target).path != self._path:
            return HTTPStatus.NOT_FOUND, "There is nothing here."
        answer = read_answer(target)
        if answer is None:
            return HTTPStatus.BAD_REQUEST, "This is not an answer of an authorization server."
        if self._answer.done():
            return HTTPStatus.CONFLICT, "This answer was used already; you can close this page."
        if not self.offer(answer):
            return HTTPStatus.BAD_REQUEST, _STRANGER
        try:
            verdict = await asyncio.wait_for(asyncio.shield(self._verdict), _VERDICT_WAIT_S)
        except TimeoutError:
            verdict = "Stepwarden is still working; look there."
        return HTTPStatus.OK, verdict


def _request(head: bytes) -> tuple[str, str, str]:
    """Return method, target and Host of a request; empty where it is not one."""
    first, *headers = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3:
        return "", "", ""
    hosts = [line.partition(":")[2].strip() for line in headers if line.lower().startswith("host:")]
    return words[0], words[1], hosts[0].lower() if len(hosts) == 1 else ""


def _page(status: HTTPStatus, text: str) -> bytes:
    title = "Stepwarden" if status is HTTPStatus.OK else "Not signed in"
    body = _PAGE.format(title=title, text=html.escape(text)).encode()
    lines = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: text/html; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        "Referrer-Policy: no-referrer",  # the address of this page has a code in it
        "X-Content-Type-Options: nosniff",
        "Cache-Control: no-store",
        "Connection: close",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
