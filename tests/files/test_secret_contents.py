"""Credentials and git directories that only what they hold shows."""

import json
from pathlib import Path

import pytest

from stepwarden.errors import RootRefused
from stepwarden.files import RootPolicy, Workspace, open_workspace
from stepwarden.files.secret_contents import is_secret_content
from stepwarden.steps.evidence import Quote, Verdict

# Put together here, so that no scanner takes this file for a leak.
VALUE = "Zx81kQ92" + "mPwT77vLqR4sB6nD"
BEGIN, END = "-----BEGIN OPENSSH PRIVATE " + "KEY-----", "-----END OPENSSH PRIVATE " + "KEY-----"
KEY = f"{BEGIN}\n" + "\n".join("b3BlbnNzaC1rZXktdjEAAAAABG5vbmUA" * 2 for _ in range(5)) + f"\n{END}\n"

CREDENTIALS = {
    "deploy-bot.json": json.dumps({"type": "service_account", "private_key": KEY, "client_email": "x@y"}, indent=2),
    "client.json": json.dumps({"installed": {"client_id": "1", "client_secret": VALUE}}),
    "adc.json": json.dumps({"client_secret": VALUE, "refresh_token": VALUE, "type": "authorized_user"}),
    "state.json": json.dumps({"version": 4, "terraform_version": "1.9", "serial": 3, "lineage": "a-b"}),
    "cluster.yml": f"kind: Config\nclusters:\n- name: a\nusers:\n- user:\n    client-key-data: {VALUE}==\n",
    "token.yml": f"kind: Config\nclusters:\n- name: a\nusers:\n- user:\n    token: {VALUE}\n",
    "registry.json": json.dumps({"auths": {"https://r": {"auth": VALUE}}}),
    "aws.ini": f"[default]\naws_access_key_id = x\naws_secret_access_key = {VALUE}{VALUE}\n",
    "hosts": f"machine api.example.com login bot password {VALUE}\n",
    "secret.k8s.yaml": f"apiVersion: v1\nkind: Secret\ndata:\n  anything: {VALUE}=\n",
    "npm.conf": f"//registry.npmjs.org/:_authToken={VALUE}\n",
    "jwk.json": json.dumps({"kty": "EC", "crv": "P-256", "d": VALUE}),
    "users": "bob:$2y$" + f"10${VALUE}{VALUE}\n",
    "deploy_key": KEY,
    "bundle.crt": KEY,
    "putty.txt": "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n",
    "production": f"DEBUG=0\nexport SECRET_KEY={VALUE}\n# comment\n",
    "app.local": f"DB_PASSWORD={VALUE}\n",
}

PLAIN = {
    "README.md": f"Put your key here:\n\n{BEGIN}\n...\n{END}\n\n" + "text " * 200,
    "keys.py": f'KEY = """{KEY}"""\n',
    "test_service_account.py": 'x = {"type": "service_account", "private_key": KEY}\n',
    "schema.json": json.dumps({"properties": {"type": {"const": "service_account"}}}),
    "secret.template.yaml": f"kind: Secret\ndata:\n  a: {VALUE}\n",
    "chart.yaml": "kind: Secret\ndata:\n  password: {{ .Values.password | b64enc }}\n",
    "sealed.yaml": f"kind: SealedSecret\nspec:\n  encryptedData:\n    a: {VALUE}\n",
    "Makefile": f"CC = gcc\nall:\n\techo {VALUE}\n",
    "settings.local": "DEBUG=0\nNAME=shop\n",
    "package.json": json.dumps({"name": "auths", "auths": []}),
    "cert.crt": "-----BEGIN CERTIFICATE-----\nMIIC" + "A" * 60 + "\n-----END CERTIFICATE-----\n",
    "binary.bin": "\0" + KEY,
}


@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_credential_is_known_by_what_it_holds(name: str) -> None:
    assert is_secret_content(name, CREDENTIALS[name].encode())


@pytest.mark.parametrize("name", PLAIN)
def test_code_samples_and_templates_are_read(name: str) -> None:
    assert not is_secret_content(name, PLAIN[name].encode())


def opened(root: Path) -> Workspace:
    return open_workspace(str(root), RootPolicy((), local=True))


def test_such_a_file_is_neither_quoted_nor_sent(tmp_path: Path) -> None:
    for name, text in CREDENTIALS.items():
        (tmp_path / name).write_text(text)
    workspace = opened(tmp_path)
    for item in workspace.check([Quote(name, text.strip().split("\n")[0]) for name, text in CREDENTIALS.items()]):
        assert (item.verdict, item.sha256) == (Verdict.UNREACHABLE, ""), item.path
    assert workspace.numbered(list(CREDENTIALS), 100_000) == ("", list(CREDENTIALS))


def git_directory(path: Path) -> Path:
    for name in ("objects/ab", "refs/heads", "hooks", "worktrees/wt", "info"):
        (path / name).mkdir(parents=True)
    for name in ("HEAD", "config", "hooks/update.sample", "worktrees/wt/gitdir", "info/exclude", "packed-refs"):
        (path / name).write_text("a line of it that is long enough\n")
    return path


INSIDE = ("HEAD", "config", "packed-refs", "hooks/update.sample", "worktrees/wt/gitdir", "info/exclude")


@pytest.mark.parametrize("name", ["shop.git", ".bare", "deep/down/repo", "bare"])
def test_a_git_directory_is_never_read_whatever_its_name(tmp_path: Path, name: str) -> None:
    git_directory(tmp_path / name)
    (tmp_path / "app.py").write_text("a line of it that is long enough\n")
    workspace = opened(tmp_path)
    for path in INSIDE:
        (item,) = workspace.check([Quote(f"{name}/{path}", "a line of it that is long enough")])
        assert item.verdict is Verdict.UNREACHABLE
        assert not workspace.survey([f"{name}/{path}"])[f"{name}/{path}"].exists
    (item,) = workspace.check([Quote("app.py", "a line of it that is long enough")])
    assert item.verdict is Verdict.VERIFIED


def test_a_work_tree_inside_a_bare_repository_is_read(tmp_path: Path) -> None:
    bare = git_directory(tmp_path / "shop.git")
    for name in ("main/app.py", "main/hooks/use.ts", "logs/app.py"):
        (bare / name).parent.mkdir(parents=True, exist_ok=True)
        (bare / name).write_text("a line of it that is long enough\n")
    (bare / "main" / ".git").write_text("gitdir: ../worktrees/wt\n")
    verdicts = [
        item.verdict.value
        for item in opened(bare).check(
            [
                Quote(name, "a line of it that is long enough")
                for name in ("main/app.py", "main/hooks/use.ts", "logs/app.py")
            ]
        )
    ]
    assert verdicts == ["verified", "verified", "unreachable"]


def test_directories_that_only_have_such_names_are_read(tmp_path: Path) -> None:
    for name in ("src/hooks/use.ts", "src/objects/a.py", "HEAD", "refs/a.md", "info/x.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a line of it that is long enough\n")
        (item,) = opened(tmp_path).check([Quote(name, "a line of it that is long enough")])
        assert item.verdict is Verdict.VERIFIED


def test_a_directory_inside_a_git_directory_is_no_working_directory(tmp_path: Path) -> None:
    bare = git_directory(tmp_path / "shop.git")
    for name in ("hooks", "objects/ab"):
        with pytest.raises(RootRefused, match="holds secrets or the data of version control"):
            opened(bare / name)


def test_a_secret_of_the_file_is_hidden_in_a_quote_that_is_nothing_but_it(tmp_path: Path) -> None:
    secret = VALUE[:16]
    (tmp_path / "settings.py").write_text(f'db_password = "{secret}"\n')
    workspace = open_workspace(str(tmp_path), RootPolicy((), local=True))
    for quote in (secret, f"= '{secret}'", f'db_password = "{secret}"'):
        (found,) = workspace.check([Quote("settings.py", quote, 1)])
        assert secret not in repr(found), quote
