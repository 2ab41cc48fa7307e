"""The official conformance suite against our client of upstream servers, beside the SDK's own client."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CLIENT = Path(__file__).with_name("conformance_client.py")

# What the SDK's own client (2.3.0, by its own adapter) passes of each revision's requirements, and of the extensions
# that no revision scores, whole.
BOTH = [
    "tools_call",
    "json-schema-2020-12-preservation",
    "auth/metadata-default",
    "auth/metadata-var1",
    "auth/metadata-var2",
    "auth/metadata-var3",
    "auth/basic-cimd",
    "auth/scope-from-www-authenticate",
    "auth/scope-from-scopes-supported",
    "auth/scope-omitted-when-undefined",
    "auth/scope-step-up",
    "auth/scope-retry-limit",
    "auth/token-endpoint-auth-basic",
    "auth/token-endpoint-auth-post",
    "auth/token-endpoint-auth-none",
    "auth/pre-registration",
    "auth/client-credentials-basic",
]
PASSED_BY_THE_SDK = {
    "2025-11-25": [*BOTH, "initialize", "elicitation-sep1034-client-defaults", "sse-retry"],
    "2026-07-28": [
        *BOTH,
        "request-metadata",
        "http-standard-headers",
        "http-custom-headers",
        "http-invalid-tool-headers",
        "json-schema-ref-no-deref",
        "sep-2322-client-request-state",
        "auth/resource-mismatch",
        "auth/offline-access-scope",
        "auth/offline-access-not-supported",
        "auth/authorization-server-migration",
        "auth/iss-supported",
        "auth/iss-not-advertised",
        "auth/iss-supported-missing",
        "auth/iss-wrong-issuer",
        "auth/iss-unexpected",
        "auth/iss-normalized",
        "auth/metadata-issuer-mismatch",
    ],
}
EXTENSIONS = [
    "auth/client-credentials-basic",
    "auth/client-credentials-jwt",
    "auth/enterprise-managed-authorization",
]
RUNS = {revision: (["--requirements", revision], names) for revision, names in PASSED_BY_THE_SDK.items()}
RUNS["extensions"] = (["--suite", "extensions"], EXTENSIONS)
NOT_OURS = {
    "auth/dpop": "the SDK fails it too",
    "auth/dpop-nonce": "the SDK fails it too",
    "auth/wif-jwt-bearer": "the SDK fails it too",
}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("run", RUNS)
def test_our_client_passes_all_that_the_sdks_own_client_passes(node_modules: Path, tmp_path: Path, run: str) -> None:
    which, expected = RUNS[run]
    command = [
        str(node_modules / ".bin" / "conformance"),
        "client",
        "--command",
        f"{sys.executable} {CLIENT}",
        *which,
        "--timeout",
        "120000",
        "-o",
        str(tmp_path),
    ]
    path = f"{node_modules / 'node' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=600, check=False
    )
    found = re.findall(r"^[✓✗] (\S+): (\d+) passed, (\d+) failed", done.stdout, re.MULTILINE)
    assert found, (done.stdout + done.stderr)[-3_000:]
    passed = {name for name, good, bad in found if int(good) and not int(bad)}
    failed = {name for name, _, bad in found if int(bad)}
    assert set(expected) - passed == set()
    assert failed - set(NOT_OURS) == set(), done.stdout[-3_000:]
