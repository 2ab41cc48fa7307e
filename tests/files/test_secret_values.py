"""Secrets inside texts: which values are, where they stand, and the texts without them."""

from base64 import b64encode
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.files import RootPolicy, open_workspace
from stepwarden.files.secret_values import (
    HIDDEN,
    find_secret,
    find_secrets,
    hide_in_prose,
    hide_secrets,
    locate_secrets,
)
from stepwarden.steps.evidence import Quote, Verdict
from tests.support.examples import examples

# Put together here, so that no scanner takes this file for a leak.
PASSWORD = "Zx81kQ92" + "mPwT77vLq"
KEY = "9f8a7c6b5e4d3c2b" + "1a0f9e8d7c6b5a49"
BODY = "\n".join("MIIEpAIBAAKCAQEA" + f"{number:04}" + "qL7zTmVx8KpW2nRd5sYbFg9cJh3uEoXa" for number in range(6))
BEGIN, END = "-----BEGIN RSA PRIVATE " + "KEY-----", "-----END RSA PRIVATE " + "KEY-----"

SECRET = [
    ("application.yml", f"    password: {PASSWORD}"),
    ("a.yml", f'token: "{PASSWORD}"'),
    ("application.yml", "  password: Summer" + "2024"),
    ("compose.yml", f"      - POSTGRES_PASSWORD={PASSWORD}"),
    ("k8s.yml", f"  - name: API_KEY\n    value: {KEY}"),
    ("ci.yml", f"  ACCESS_KEY: {KEY}"),
    ("Dockerfile", f"ENV API_KEY={KEY}"),
    ("Dockerfile", f"ENV API_KEY {KEY}"),
    ("app.properties", f"db.password={PASSWORD}"),
    ("app.ini", f"secret_key = {PASSWORD}"),
    ("app.toml", f'token = "{PASSWORD}"'),
    ("deploy.sh", f"export AUTH_TOKEN={KEY}"),
    ("deploy.sh", f"mysql --password={PASSWORD} db"),
    ("deploy.sh", f"curl -H 'Authorization: Bearer {KEY}' x"),
    ("deploy.ps1", f'$env:API_KEY = "{KEY}"'),
    ("deploy.bat", f"set API_TOKEN={KEY}"),
    ("notes", f"machine h login u password {PASSWORD}"),
    ("main.tf", f'password = "{PASSWORD}"'),
    ("task.json", f'{{"name": "DB_PASSWORD", "value": "{PASSWORD}"}}'),
    ("settings.json", f'"clientSecret": "{PASSWORD}"'),
    ("settings.json", f'"Default": "Host=db;Username=app;Password={PASSWORD};"'),
    ("web.config", f'<add key="ApiKey" value="{PASSWORD}"/>'),
    ("settings.xml", f"<password>{PASSWORD}</password>"),
    ("redis.yaml", f"url: redis://:{PASSWORD}@h:6379/0"),
    ("notebook.ipynb", f'"api_key = \\"{PASSWORD}\\"\\n",'),
    ("conn.cs", f'var c = "Server=db;User Id=sa;Password={PASSWORD};";'),
    ("conn.cs", f'config["ApiKey"] = "{PASSWORD}";'),
    ("a.ts", f'const token: string = "{PASSWORD}";'),
    ("a.ts", f"  apiKey?: string = '{PASSWORD}';"),
    ("a.js", f"process.env.API_KEY || '{PASSWORD}'"),
    ("a.py", f'os.environ.get("API_KEY", "{PASSWORD}")'),
    ("a.py", f"headers={{'Authorization': 'Token {KEY}'}}"),
    ("a.py", f'u = "https://x.y/z?access_token={KEY}"'),
    ("a.rs", f'let secret_key: &str = "{PASSWORD}";'),
    ("a.go", f'Password: "{PASSWORD}",'),
    ("a.rb", f"config.secret_key_base = '{PASSWORD}'"),
    ("a.java", f'ds.setPassword("{PASSWORD}");'),
    ("a.php", f"define('DB_PASSWORD', '{PASSWORD}');"),
    ("a.php", f"'password' => '{PASSWORD}',"),
    ("a.sql", f"CREATE USER x IDENTIFIED BY '{PASSWORD}';"),
    ("build.gradle", f'signingPassword "{PASSWORD}"'),
]

BASE64 = b64encode(f"app:{PASSWORD}".encode()).decode()
HALVES = PASSWORD[:9], PASSWORD[9:]
ONE, TWO = HALVES
PEM = f"{BEGIN}\n{BODY}\n{END}".replace("\n", "\\n")

# (file, text, what must not be left of it)
DISGUISED = [
    ("a.py", f'SECRET_KEY = bytes.fromhex("{KEY}")', [KEY]),
    ("a.py", f'api_key = base64.b64decode(b"{BASE64}").decode()', [BASE64]),
    ("a.py", f'db_password: SecretStr = SecretStr("{PASSWORD}")', [PASSWORD]),
    ("a.py", f'password = os.getenv("DB_PASSWORD") or "{PASSWORD}"', [PASSWORD]),
    ("a.py", f'password = "{ONE}" + "{TWO}"', HALVES),
    ("a.py", f'password = (\n    "{ONE}"\n    "{TWO}"\n)', HALVES),
    ("a.py", f'password = "{ONE}" \\\n    "{TWO}"', HALVES),
    ("a.py", f'TOKEN = "".join(["{ONE}", "{TWO}"])', HALVES),
    ("a.py", f'jwt.encode(claims, "{PASSWORD}", algorithm="HS256")', [PASSWORD]),
    ("a.py", f'hmac.new(b"{PASSWORD}", body, "sha256")', [PASSWORD]),
    ("a.js", f'const apiKey = "{ONE}" +\n  "{TWO}";', HALVES),
    ("a.js", f'const secret = Buffer.from("{BASE64}", "base64")', [BASE64]),
    ("a.js", f'const token = ["{ONE}", "{TWO}"].join("")', HALVES),
    ("a.java", f'byte[] secretKey = Base64.getDecoder().decode("{BASE64}");', [BASE64]),
    ("a.go", f'secretKey, _ := hex.DecodeString("{KEY}")', [KEY]),
    ("a.go", f'var apiToken = []byte("{PASSWORD}")', [PASSWORD]),
    ("a.rb", f'secret = ["{KEY}"].pack("H*")', [KEY]),
    ("a.php", f"$password = base64_decode('{BASE64}');", [BASE64]),
    ("a.yml", f"password: |\n  {PASSWORD}\nport: 1", [PASSWORD]),
    ("a.yml", f"api_key: >-  # folded\n  {KEY}\nport: 1", [KEY]),
    ("a.yml", f"token:\n  {PASSWORD}\nport: 1", [PASSWORD]),
    ("a.yml", f"secret: !!binary |\n  {ONE}\n  {TWO}\nport: 1", HALVES),
    ("a.py", f'u = "https://x/?dsn=postgres%3A%2F%2Fapp%3A{PASSWORD}%40db%2Fx"', [PASSWORD]),
    ("a.py", f'URL = "postgresql://app:p%40{PASSWORD}@db:5432/x"', [PASSWORD]),
    ("a.py", f'URL = "jdbc:mysql://h/db?user=a&password={PASSWORD}"', [PASSWORD]),
    ("a.sh", f"curl -u admin:{PASSWORD} https://x", [PASSWORD]),
    ("a.sh", f"curl --user 'admin:{PASSWORD}' https://x", [PASSWORD]),
    ("a.py", f"headers = {{'Authorization': 'Basic {BASE64}'}}", [BASE64]),
    ("a.md", f"Proxy-Authorization: Basic {BASE64}", [BASE64]),
    ("a.md", f"Cookie: theme=dark; sessionid={KEY}", [KEY]),
    ("a.md", f"Set-Cookie: session={PASSWORD}; Path=/; HttpOnly", [PASSWORD]),
    ("a.py", f"cookies = {{'sessionid': '{KEY}'}}", [KEY]),
    ("a.json", f'{{"private_key": "{PEM}"}}', ["MIIEpA"]),
    ("hosts", f"machine api.x.com\n  login bot\n  password {PASSWORD}", [PASSWORD]),
    ("databases", f"db.host.com:5432:shop:app:{PASSWORD}", [PASSWORD]),
    ("npm.txt", f"_auth={BASE64}", [BASE64]),
    ("npm.txt", f"//registry.npmjs.org/:_password={BASE64}", [BASE64]),
    ("pip.conf", f"index-url = https://bot:{PASSWORD}@pypi.x.com/simple", [PASSWORD]),
    ("docker.txt", f'{{"auths": {{"r.x.com": {{"auth": "{BASE64}"}}}}}}', [BASE64]),
    ("docker.txt", f'"identitytoken": "{PASSWORD}{PASSWORD}"', [PASSWORD]),
    ("cluster.txt", f"    client-key-data: {BASE64}{BASE64}", [BASE64]),
    ("users.txt", f"bob:$2y$10${PASSWORD}{PASSWORD}", [PASSWORD]),
    ("users.txt", f"bob:$apr1$abcdefgh${PASSWORD}12345", [PASSWORD]),
    ("users.txt", f"bob:{{SHA}}{BASE64}", [BASE64]),
]

PLAIN = [
    ("a.py", 'token = tokenizer.from_pretrained("bert-base-uncased2")'),
    ("a.py", 'secret = client.get_secret("projects/1/db-main-2")'),
    ("a.py", 'token = self.expect("identifier", "keyword2")'),
    ("a.py", 'password = "please enter" + " your password1"'),
    ("a.py", 'api_key = os.environ["API_KEY"]'),
    ("a.py", 'names = ["createVerificationToken", "getUserByEmail"]'),
    ("a.json", f'"page_token": "abc"\n"typeInfos": ["{"x" * 9}"]'),
    ("a.md", "The Cookie header carries name=value pairs; see sessionid=abc."),
    ("a.sh", "docker run --user 1000:1000 image"),
    ("a.sh", "docker run -u $(id -u):$(id -g) image"),
    ("a.yml", "password:\n  type: string\n"),
    ("a.yml", "token:\n  - name: first1\n"),
    ("a.json", '"auth": "basic"'),
    ("a.py", '"driver://superset:superset@localhost"'),
    ("de.po", 'msgid "treiber://konto:passwort@datenbank"'),
    ("ru.po", 'msgid "драйвер://имя:пароль@хост"'),
    ("a.py", "token = parser.token2x"),
    ("a.py", "self.api_key = api_key or os.environ['API_KEY1']"),
    ("a.py", '"http://user:pass@localhost"'),
    ("a.py", "TOKEN_RE = re.compile(r'[a-z0-9]{8}')"),
    ("a.py", "PASSWORD_FIELD = 'password1'"),
    ("a.py", f'if key == "{PASSWORD}": pass'),
    ("a.py", f'if "{BEGIN}" in text: ...'),
    ("a.ts", "const token: string = getToken1();"),
    ("a.js", "tokens['a1b2c3d4e5'] = 1"),
    ("a.go", "func (t *Token) Key1() string {"),
    ("a.css", ".token.keyword1x { color: #a1b2c3; }"),
    ("a.html", '<input type="password" name="password" id="id_password1">'),
    ("a.yml", "secretName: app-tls-2"),
    ("a.yml", "secret: app-db-creds-1"),
    ("a.yml", "password: ${DB_PASSWORD1}"),
    ("a.yml", "token: ${{ secrets.TOKEN_2X }}"),
    ("a.yml", "api_key: {{ .Values.k1 }}"),
    ("a.yml", "password: !vault |"),
    ("a.yml", "password: *db1"),
    ("a.yml", "password_file: /run/secrets/db1"),
    ("a.yml", "max_tokens: 8192"),
    ("a.yml", "key: cache-v1-linux"),
    ("a.yml", "type: password"),
    ("a.yml", "tokenizer: bert-base-uncased2"),
    ("a.yml", f"public_key: {PASSWORD}"),
    ("de.yml", "  password: Passwort"),
    ("a.json", '"token": "string"'),
    ("package-lock.json", f'"integrity": "sha512-{PASSWORD}{PASSWORD}=="'),
    ("a.properties", "token.endpoint=https://a1.b2/c3"),
    ("setup.cfg", "token = 1.2.3"),
    ("a.md", "The token is in a1b2. Use `pip install token-bucket2`."),
]


@pytest.mark.parametrize(("path", "text"), SECRET)
def test_a_secret_is_found_and_hidden_in_whatever_format(path: str, text: str) -> None:
    assert [number for number, _ in find_secrets(f"x = 1\n{text}\n", path)] == [2 + text.count("\n")]
    hidden = hide_secrets(text, path)
    assert HIDDEN in hidden
    assert not any(secret in hidden for secret in (PASSWORD, KEY, "Summer" + "2024"))
    assert hidden.count("\n") == text.count("\n")


@pytest.mark.parametrize(("path", "text", "parts"), DISGUISED)
def test_a_secret_is_hidden_in_whatever_disguise(path: str, text: str, parts: list[str]) -> None:
    around = f"first: 1\n{text}\nlast: 2\n"
    for hidden in (hide_secrets(around, path), hide_in_prose(f"I saw this:\n{text}\nand that is all.")):
        assert HIDDEN in hidden
        assert not any(part in hidden for part in parts), hidden
    assert hide_secrets(around, path).count("\n") == around.count("\n")


@pytest.mark.parametrize(("path", "text"), PLAIN)
def test_references_words_and_code_are_no_secrets(path: str, text: str) -> None:
    assert list(find_secrets(text, path)) == []
    assert hide_secrets(text, path) == text


def test_values_without_quotation_marks_are_expressions_in_code() -> None:
    assert find_secret(f"token = {PASSWORD}", "a.yml")
    assert not find_secret(f"token = {PASSWORD}", "a.py")
    assert not find_secret(f"token = {PASSWORD}")


@pytest.mark.parametrize(
    "text",
    [
        f"{BEGIN}\n{BODY}\n{END}\n",
        f'KEY = """{BEGIN}\n{BODY}\n{END}"""\n',
        "KEY = (\n" + "".join(f'    "{line}\\n"\n' for line in [BEGIN, *BODY.split("\n"), END]) + ")\n",
        'KEY = "' + f"{BEGIN}\n{BODY}\n{END}".replace("\n", "\\n") + '"\n',
        "".join(f"// {line}\n" for line in [BEGIN, "Proc-Type: 4,ENCRYPTED", *BODY.split("\n"), END]),
        f"{BEGIN}\n{BODY}\n",
    ],
)
def test_the_block_of_a_key_is_hidden_wherever_it_stands(text: str) -> None:
    around = f"first = 1\n{text}last = 2\n"
    hidden = hide_secrets(around, "a.py")
    assert "MIIEpAIBAAKCAQEA" not in hidden
    assert hidden.count("\n") == around.count("\n")
    assert hidden.startswith("first = 1\n")
    assert [kind for _, kind in find_secrets(around, "a.py")] == ["a private key"]


def test_the_lines_around_a_secret_stay() -> None:
    text = f"name: shop\npassword: {PASSWORD}  # of the database\nport: 1\n"
    assert hide_secrets(text, "a.yml") == f"name: shop\npassword: {HIDDEN}  # of the database\nport: 1\n"


@settings(max_examples=examples(60))
@given(text=st.text(), path=st.sampled_from(["", "a.py", "a.yml"]), place=st.integers(0, 50))
def test_hiding_moves_no_line_and_hides_once(text: str, path: str, place: int) -> None:
    text = text[:place] + f"\npassword = '{PASSWORD}'\n" + text[place:]
    hidden = hide_secrets(text, path)
    assert PASSWORD not in hidden
    assert hidden.count("\n") == text.count("\n")
    assert hide_secrets(hidden, path) == hidden
    found = locate_secrets(text, path)
    assert all(one.end <= other.start for one, other in pairwise(found))


def test_no_secret_is_in_what_models_are_sent_or_in_the_note_on_a_quote(tmp_path: Path) -> None:
    (tmp_path / "application.yml").write_text(f"name: shop\npassword: {PASSWORD}\n")
    (tmp_path / "app.py").write_text(f'name = "shop"\npassword = "{PASSWORD}"\n')
    workspace = open_workspace(str(tmp_path), RootPolicy((), local=True))
    text, left_out = workspace.numbered(["application.yml", "app.py"], 10_000)
    assert PASSWORD not in text
    assert (text.count(HIDDEN), left_out) == (2, [])
    for name, wrong in (("application.yml", "password: Zx81kQ92mPwT77vLx"), ("app.py", 'password = "Zx81kQ92mPw"')):
        (item,) = workspace.check([Quote(name, wrong, 2)])
        assert item.verdict is Verdict.REFUTED
        assert PASSWORD not in item.note


def test_a_line_is_verified_as_it_is_and_as_models_see_it(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(f'name = "shop"\npassword = "{PASSWORD}"\n')
    workspace = open_workspace(str(tmp_path), RootPolicy((), local=True))
    for quote in (f'password = "{PASSWORD}"', f'password = "{HIDDEN}"'):
        (item,) = workspace.check([Quote("app.py", quote, 2)])
        assert (item.verdict, item.line) == (Verdict.VERIFIED, 2)
    (item,) = workspace.check([Quote("app.py", f'pass_word = "{HIDDEN}"', 2)])
    assert item.verdict is Verdict.REFUTED


def test_headings_of_keys_without_keys_hide_none_that_follows() -> None:
    body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
    key = f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"
    headings = "-----BEGIN PRIVATE KEY-----\n" * 3_000
    assert body not in hide_secrets(headings + key + headings + "x\n" * 20_000 + key)
