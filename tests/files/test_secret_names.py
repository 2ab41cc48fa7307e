"""Which names are secrets, and which only look like it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.files.secrets import SecretNames, is_secret

SECRETS = """
server.pem deploy/tls.key a/b.p12 cert.pfx store.jks release.keystore AuthKey_1.p8 putty.ppk vault.kdbx
SERVER.PEM Tls.Key id_rsa id_rsa.pub id_rsa_work id_ed25519 id_ed25519-github id_ecdsa id_dsa ID_RSA id_rsa~
id_rsa.bak .id_rsa.swp .env .ENV .env.local .env.production config/.env .env.py production.env .env.bak .env~
.env.swp .env. .env-prod .envrc .netrc _netrc .npmrc .pypirc .git-credentials .htpasswd .pgpass pgpass.conf
.my.cnf .bash_history .dockercfg kubeconfig credentials Credentials .aws/credentials credentials.json
credentials.yml gcp-credentials.json credentials.prod.json application_default_credentials.json
client_secret.json client_secret_12.apps.json secrets.yaml secrets.toml secret.json service-account.json
service_account.json my-serviceaccount-key.json prod.service-account.prod.json .ssh/config .ssh/known_hosts
.aws/config .kube/config .gnupg/pubring.kbx .docker/config.json home/.docker/CONFIG.json .git/config .git
sub/.git/hooks/pre-commit .GIT/HEAD .hg/hgrc .svn/entries .bzr/branch .git:stream/config .git./config
.envs/.production/.django .config/gcloud/access_tokens.db .config/gh/hosts.yml .g\u200cit/config
server.key.old
"""

PLAIN = """
.env.example .env.sample .env.template config/.env.example .env.local.example .env.dist sample.env .gitignore
.gitattributes .gitmodules .github/workflows/ci.yml .gitlab-ci.yml git/config docs/git.md gitconfig
credentials.py token.py tokens.json secret_manager.go secrets.py Credentials.java src/credentials/store.py
credentials.md service_account.py service-account.yaml templates/serviceaccount.yaml credential_provider.rs
client_secret.go id_rsa_parser.py id_generator.py id_rsa.go identity.json keys.py keyboard.key.py monkey.txt
key pem.py keystore.py environment.py env env.py .environment settings.env.ts docker/config.json
.docker/Dockerfile config.json .config/app.toml README.md main.c server.crt notes.txt .editorconfig
.eslintrc.json .bashrc credentials.example.json ssh/config.py aws/s3.py
"""


@pytest.mark.parametrize("name", SECRETS.split())
def test_a_secret_is_known_by_its_name(name: str) -> None:
    assert is_secret(name.split("/"))


@pytest.mark.parametrize("name", PLAIN.split())
def test_code_samples_and_lookalikes_are_no_secrets(name: str) -> None:
    assert not is_secret(name.split("/"))


def test_whatever_lies_in_a_secret_directory_is_secret() -> None:
    assert is_secret(["/", "home", "me", ".ssh", "notes", "today.md"])


def test_a_copy_of_what_is_no_secret_is_none() -> None:
    assert not any(is_secret([name]) for name in ("main.py~", "main.py.bak", ".main.py.swp", ".bak", "~", ""))


def test_the_root_itself_is_no_secret() -> None:
    assert not is_secret([])


PARTS = sorted(
    {part for name in (*SECRETS.split(), *PLAIN.split(), "cvs/root", "CVS/Root", "a/b") for part in name.split("/")}
)


@given(st.lists(st.lists(st.sampled_from(PARTS), min_size=1, max_size=4).map("/".join), max_size=30))
def test_the_paths_of_a_tree_are_judged_like_each_by_itself(paths: list[str]) -> None:
    secret = SecretNames()
    assert [path in secret for path in paths] == [is_secret(path.split("/")) for path in paths]
