"""Proxies and certificates: what the variables of a machine mean for an endpoint, and what is told of a wrong one."""

import asyncio
import socket
import ssl
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from model_server import KEY, ModelServer, answering, request, response

from providers.endpoints import configured_endpoints
from providers.models import AllModels
from providers.network_path import network_path
from stepwarden.models import ErrorKind, ModelError, ModelTier
from stepwarden.settings import Settings, load_settings
from tests.support.certificates import self_signed

AWAY = "http://models.invalid/v1"
"""An endpoint that is nowhere: only a proxy can answer for it."""

NOBODY = "http://127.0.0.1:9"

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir")


def settings_of(**variables: str) -> Settings:
    return load_settings(**(dict.fromkeys(PROXIES) | variables))


@pytest.mark.parametrize(
    ("url", "variables", "proxy", "variable"),
    [
        ("https://a.example/v1", {}, "", ""),
        ("https://a.example/v1", {"https_proxy": "http://p:1"}, "http://p:1", "HTTPS_PROXY"),
        ("https://a.example/v1", {"https_proxy": "p:1"}, "http://p:1", "HTTPS_PROXY"),
        ("https://a.example/v1", {"http_proxy": "http://p:1"}, "", ""),
        ("http://a.example/v1", {"http_proxy": "http://p:1", "all_proxy": "x"}, "http://p:1", "HTTP_PROXY"),
        ("https://a.example/v1", {"all_proxy": "socks5h://p:1"}, "socks5h://p:1", "ALL_PROXY"),
        ("http://127.0.0.1:8080/v1", {"http_proxy": "http://p:1"}, "", ""),
        ("http://localhost:8080/v1", {"all_proxy": "http://p:1"}, "", ""),
        ("http://model.localhost/v1", {"all_proxy": "http://p:1"}, "", ""),
        ("http://[::1]:8080/v1", {"all_proxy": "http://p:1"}, "", ""),
        ("https://a.example/v1", {"https_proxy": "http://p:1", "no_proxy": "*"}, "", ""),
        ("https://a.example/v1", {"https_proxy": "http://p:1", "no_proxy": "a.example"}, "", ""),
        ("https://a.example/v1", {"https_proxy": "http://p:1", "no_proxy": "b.example,.EXAMPLE"}, "", ""),
        ("https://a.example/v1", {"https_proxy": "http://p:1", "no_proxy": "*.example"}, "", ""),
        ("https://a.example/v1", {"https_proxy": "http://p:1", "no_proxy": "https://a.example/"}, "", ""),
        ("https://a.example:8443/v1", {"https_proxy": "http://p:1", "no_proxy": "a.example:8443"}, "", ""),
        ("https://aa.example/v1", {"https_proxy": "http://p:1", "no_proxy": "a.example"}, "http://p:1", "HTTPS_PROXY"),
        ("http://10.1.2.3/v1", {"http_proxy": "http://p:1", "no_proxy": "10.0.0.0/8"}, "", ""),
        ("http://10.1.2.3:80/v1", {"http_proxy": "http://p:1", "no_proxy": "10.1.2.3:80"}, "", ""),
        ("http://11.1.2.3/v1", {"http_proxy": "http://p:1", "no_proxy": "10.0.0.0/8"}, "http://p:1", "HTTP_PROXY"),
        ("http://[fd00::1]/v1", {"http_proxy": "http://p:1", "no_proxy": "::1,[fd00::1],nonsense/99"}, "", ""),
    ],
)  # fmt: skip
def test_the_proxy_of_an_endpoint_is_the_one_that_its_variables_mean(
    url: str, variables: dict[str, str], proxy: str, variable: str
) -> None:
    path = network_path(url, settings_of(**variables))
    assert (path.proxy, path.proxy_variable) == (proxy, variable)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "variables",
    [
        {"all_proxy": "socks5://127.0.0.1:9"},
        {"all_proxy": "socks5h://127.0.0.1:9", "no_proxy": "127.0.0.1,localhost"},
        {"http_proxy": NOBODY, "https_proxy": NOBODY},
        {"http_proxy": "127.0.0.1:9"},
        {"http_proxy": "nonsense://x y", "no_proxy": "10.0.0.0/8,::1,[::1],*.corp.example"},
        {"ssl_cert_file": "/nonexistent/cacert.pem"},
        {"ssl_cert_dir": "/nonexistent"},
    ],
)
async def test_an_endpoint_of_this_machine_needs_neither_proxy_nor_certificates(
    variables: dict[str, str], serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    built = models(serve("well"), **variables)
    assert (await built.complete(request())).text == "well"


async def failure_of(built: AllModels) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await built.complete(request())
    return caught.value


@pytest.mark.asyncio
async def test_an_endpoint_elsewhere_is_asked_by_its_proxy(models: Callable[..., AllModels]) -> None:
    async with answering(response()) as (port, lines):
        built = models(custom_api_url=AWAY, custom_model_name="m", http_proxy=f"http://127.0.0.1:{port}")
        assert (await built.complete(request())).text == "well"
    assert lines == [f"POST {AWAY}/chat/completions HTTP/1.1"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("variables", "kind", "words"),
    [
        ({"http_proxy": NOBODY}, ErrorKind.NETWORK, "cannot be reached by the proxy 127.0.0.1:9 (HTTP_PROXY)"),
        ({"http_proxy": "http://me:secretpw@127.0.0.1:9"}, ErrorKind.NETWORK, "127.0.0.1:9 (HTTP_PROXY)"),
        ({"http_proxy": "ftp://p"}, ErrorKind.MISCONFIGURED, "HTTP_PROXY is not the address of an http"),
        ({"http_proxy": "http://p:port"}, ErrorKind.MISCONFIGURED, "HTTP_PROXY is not the address of an http"),
        ({"all_proxy": "http://"}, ErrorKind.MISCONFIGURED, "ALL_PROXY is not the address of an http"),
    ],
)
async def test_a_proxy_that_does_not_work_is_named_by_its_variable(
    variables: dict[str, str], kind: ErrorKind, words: str, models: Callable[..., AllModels]
) -> None:
    error = await failure_of(models(custom_api_url=AWAY, **variables))
    assert (error.kind, error.retryable) == (kind, kind is ErrorKind.NETWORK)
    assert words in str(error)
    assert "models.invalid to NO_PROXY" in str(error)
    assert "secretpw" not in str(error)


@pytest.mark.asyncio
async def test_a_proxy_that_wants_a_password_is_named(models: Callable[..., AllModels]) -> None:
    async with answering(response(b"{}", "407 Proxy Authentication Required")) as (port, _):
        error = await failure_of(models(custom_api_url=AWAY, http_proxy=f"http://127.0.0.1:{port}"))
    assert f"by the proxy 127.0.0.1:{port} (HTTP_PROXY): 407, it wants a user and a password" in str(error)


@pytest.mark.asyncio
async def test_a_socks_proxy_without_its_package_is_told_once(
    models: Callable[..., AllModels], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider is passed over then, and says why."""
    monkeypatch.setitem(sys.modules, "socksio", None)
    built = models(custom_api_url=AWAY, custom_model_name="m", all_proxy="socks5h://127.0.0.1:9")
    error = await failure_of(built)
    assert error.kind is ErrorKind.MISCONFIGURED
    assert "ALL_PROXY names a SOCKS proxy: install stepwarden[socks], or add models.invalid to NO_PROXY." in str(error)
    assert (built.unusable()[0].provider, built.unusable()[0].why) == ("custom", str(error))


@pytest.mark.asyncio
async def test_a_socks_proxy_is_used_where_its_package_is_there(models: Callable[..., AllModels]) -> None:
    asked: list[bytes] = []

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            await reader.readexactly(3)
            writer.write(b"\5\0")
            head = await reader.readexactly(5)
            asked.append(await reader.readexactly(head[4] + 2))
            writer.write(b"\5\0\0\1\0\0\0\0\0\0")
            await reader.readuntil(b"\r\n\r\n")
            writer.write(response())
            await writer.drain()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server:
        proxy = f"socks5h://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        built = models(custom_api_url=AWAY, custom_model_name="m", all_proxy=proxy)
        assert (await built.complete(request())).text == "well"
    assert asked[0].startswith(b"models.invalid")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("ssl_cert_file", "/nonexistent/cacert.pem", "SSL_CERT_FILE names a file that is not there (/nonexistent"),
        ("ssl_cert_file", "/dev", "SSL_CERT_FILE names a file that is not there (/dev)"),
        ("ssl_cert_file", __file__, "SSL_CERT_FILE names a file without certificates that can be read"),
        ("ssl_cert_dir", "/nonexistent", "SSL_CERT_DIR names a directory that is not there (/nonexistent)"),
    ],
)
async def test_a_variable_that_names_no_certificates_is_told(
    variable: str, value: str, words: str, models: Callable[..., AllModels]
) -> None:
    built = models(openai_api_key=KEY, **(dict.fromkeys(PROXIES) | {variable: value}))
    with pytest.raises(ModelError) as caught:
        await built.complete(request("gpt-x"))
    assert caught.value.kind is ErrorKind.MISCONFIGURED
    assert f"OpenAI at api.openai.com cannot be reached: {words}" in str(caught.value)


@pytest.mark.asyncio
async def test_a_certificate_that_is_not_trusted_is_told_and_its_file_mends_it(
    tmp_path: Path, models: Callable[..., AllModels]
) -> None:
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    (other := tmp_path / "other").mkdir()
    strangers, _ = self_signed(other)
    async with answering(response(), context) as (port, _):
        asked = {"custom_api_url": f"https://localhost:{port}/v1", "custom_model_name": "m", "ssl_cert_dir": None}
        for named, words in (
            (None, "name the file in SSL_CERT_FILE"),
            (str(strangers), f"to {strangers} (SSL_CERT_FILE)"),
        ):
            error = await failure_of(models(**asked, ssl_cert_file=named))
            assert error.kind is ErrorKind.MISCONFIGURED
            assert "shows a certificate that is not trusted here (self-signed certificate" in str(error)
            assert words in str(error)
        assert (await models(**asked, ssl_cert_file=str(certificate)).complete(request())).text == "well"


@pytest.mark.asyncio
async def test_models_are_listed_the_same_way_and_what_bars_it_is_kept(models: Callable[..., AllModels]) -> None:
    built = models(openai_api_key=KEY, https_proxy="nonsense://p", no_proxy=None)
    await built.discover()
    assert built.unusable()[0].why.startswith("OpenAI at api.openai.com cannot be reached: HTTPS_PROXY is not")
    assert built.choose(None, ModelTier.DEEP).info.provider == "openai"


@pytest.mark.asyncio
async def test_glm_through_its_own_sdk_goes_the_same_way(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    glm = {"zhipuai_api_key": KEY, "stepwarden_zhipuai_sdk": True}
    near = models(**glm, stepwarden_zhipuai_url=serve("well").url, all_proxy="socks5://127.0.0.1:9")
    assert (await near.complete(request("glm-4.6"))).text == "well"
    with pytest.raises(ModelError, match=r"Zhipu GLM at models\.invalid cannot .* 127\.0\.0\.1:9 \(HTTP_PROXY\)"):
        await models(**glm, stepwarden_zhipuai_url=AWAY, http_proxy=NOBODY).complete(request("glm-4.6"))
    with pytest.raises(ModelError, match="SSL_CERT_FILE names a file that is not there"):
        await models(**glm, ssl_cert_file="/nonexistent").complete(request("glm-4.6"))


def test_a_password_of_a_proxy_stands_in_no_representation() -> None:
    settings = settings_of(openai_api_key="k", https_proxy="http://me:secretpw@p:1")
    (endpoint,) = configured_endpoints(settings)
    assert endpoint.path.proxy == "http://me:secretpw@p:1"
    assert "secretpw" not in repr(endpoint) + endpoint.path.proxy_shown


def test_nobody_listens_where_these_tests_say_so() -> None:
    with closing(socket.socket()) as probe:
        assert probe.connect_ex(("127.0.0.1", 9)) != 0
