"""Dangerous lines: each kind is seen where it is, and not in comments, strings or harmless forms."""

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.inspections.secaudit.security_rules import RULES, find_dangerous_lines
from stepwarden.inspections.shared.masked_source import mask_source
from stepwarden.source.outline import Language

PYTHON, JAVASCRIPT, TYPESCRIPT, GO = Language.PYTHON, Language.JAVASCRIPT, Language.TYPESCRIPT, Language.GO
JAVA, CSHARP, C, CPP, RUST = Language.JAVA, Language.CSHARP, Language.C, Language.CPP, Language.RUST

SEEN_BY_KIND: dict[tuple[Language, str], tuple[str, ...]] = {
    (PYTHON, "eval/exec"): ("eval(text)", "exec(code, names)", "eval(f'{name} + 1')", 'eval("%s + 1" % name)'),
    (PYTHON, "os.system/popen"): ("os.system('rm ' + name)", "out = os.popen(line).read()"),
    (PYTHON, "shell=True"): ("subprocess.run(line, shell=True)",),
    (PYTHON, "SQL from strings"): (
        'db.execute(f"SELECT * FROM t WHERE id = {key}")',
        "db.execute(rf'SELECT * FROM {table}')",
        'db.execute(f"""DELETE FROM t WHERE id = {key}""")',
        'db.execute("SELECT * FROM t WHERE id = %s" % key)',
        'db.execute("SELECT * FROM t WHERE id = %s"%key)',
        'db.execute("SELECT * FROM t WHERE name = \'" + name + "\'")',
        "db.execute('UPDATE t SET a = {}'.format(value))",
        "db.execute(\"select * from users where name = '%s'\" % name)",
        'db.execute(f"select name, count(*) from {table} where id = 1")',
        'db.execute(f"insert into t (a) values ({value})")',
        'db.execute("update t set a = " + value)',
    ),
    (PYTHON, "pickle/marshal load"): ("pickle.loads(data)", "shelve.open(path)", "pd.read_pickle(path)"),
    (PYTHON, "unsafe YAML"): ("yaml.load(data)", "yaml.unsafe_load_all(data)", "yaml.load(x)  # not SafeLoader"),
    (PYTHON, "weak hash"): ("hashlib.md5(data)", "hashlib.new('md5', data)", "MD5.new()", "hashes.SHA1()"),
    (PYTHON, "weak cipher"): ("DES.new(key)", "AES.new(key, AES.MODE_ECB)", "Cipher(algorithms.AES(key), modes.ECB())"),
    (PYTHON, "TLS unchecked"): (
        "requests.get(home, verify=False)",
        "session.get(home, verify_ssl=False)",
        "context.verify_mode = ssl.CERT_NONE",
        "urllib3.PoolManager(cert_reqs='CERT_NONE')",
        "context.check_hostname = False",
        "context = ssl._create_unverified_context()",
    ),
    (PYTHON, "guessable random"): (
        "token = random.randint(0, 9)",
        "otp = ''.join(random.choices(digits, k=6))",
        "password: str = random.choice(words)",
        "reset_token = hex(random.getrandbits(64))",
    ),
    (PYTHON, "debug server"): ("app.run(debug=True)", "DEBUG = True", 'app.config["DEBUG"] = True'),
    (PYTHON, "any host"): (
        'ALLOWED_HOSTS = ["*"]',
        "ALLOWED_HOSTS = ['localhost', '*']",
        'CORSMiddleware(app, allow_origins=["*"])',
        "CORS_ALLOW_ALL_ORIGINS = True",
    ),
    (PYTHON, "no CSRF check"): (
        "@csrf_exempt",
        "@csrf.exempt",
        '@method_decorator(csrf_exempt, name="dispatch")',
        'app.config["WTF_CSRF_ENABLED"] = False',
    ),
    (PYTHON, "unescaped HTML"): (
        "return Markup(value)",
        "mark_safe(text)",
        "Environment(autoescape=False)",
        "render_template_string(source)",
        'Markup(f"<b>{name}</b>")',
    ),
    (PYTHON, "unsafe XML"): (
        "xml.etree.ElementTree.parse(path)",
        "ET.fromstring(data)",
        "ElementTree.iterparse(path)",
        "minidom.parseString(data)",
        "xml.sax.make_parser()",
        "from xml.sax import make_parser; parser = make_parser()",
        "XMLParser(resolve_entities=True)",
    ),
    (PYTHON, "JWT unchecked"): (
        'jwt.decode(token, options={"verify_signature": False})',
        'jwt.decode(token, key, algorithms=["none"])',
        "jwt.decode(token, verify=False)",
    ),
    (PYTHON, "archive unpacked"): ("archive.extractall(path)", "shutil.unpack_archive(path)"),
    (PYTHON, "mktemp"): ("path = tempfile.mktemp()",),
    (PYTHON, "request to a given URL"): (
        "requests.get(url)",
        "httpx.post(request.args['home'])",
        "urllib.request.urlopen(url)",
        'requests.get(f"http://{host}/x")',
    ),
    (JAVASCRIPT, "eval/Function"): ("eval(text)", "new Function(text)", "window.eval(text)"),
    (JAVASCRIPT, "child_process"): (
        "exec(`git ${name}`)",
        'exec("git " + name)',
        "cp.execSync(line)",
        'require("child_process").exec(line)',
        "spawn(line, { shell: true })",
    ),
    (JAVASCRIPT, "HTML set"): (
        "node.innerHTML = text",
        "node.innerHTML += `<b>${text}</b>`",
        "document.write(text)",
        "<div dangerouslySetInnerHTML={{ __html: text }} />",
    ),
    (JAVASCRIPT, "SQL from strings"): (
        "db.query(`SELECT * FROM t WHERE id = ${key}`)",
        'db.query("SELECT * FROM t WHERE name = \'" + name + "\'")',
        "db.query('select * from t where id = ' + key)",
        'db.query("SELECT * " + "FROM t WHERE id = " + key)',
    ),
    (JAVASCRIPT, "NoSQL where"): (
        "find({ $where: text })",
        'find({ "$where": text })',
        "query.$where(text)",
        "query['$where'] = text",
    ),
    (JAVASCRIPT, "vm.run"): ("vm.runInNewContext(text)", "new vm.Script(text)", "vm.run(text)"),
    (JAVASCRIPT, "unsafe deserializing"): ("serialize.unserialize(text)", "yaml.load(unsafeText)"),
    (JAVASCRIPT, "weak hash"): ('crypto.createHash("md5")', "createHash('SHA1')", "CryptoJS.MD5(text)", "md5(text)"),
    (JAVASCRIPT, "TLS unchecked"): (
        "request({ rejectUnauthorized: false })",
        'process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0"',
        "process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = 0",
    ),
    (JAVASCRIPT, "guessable random"): ("const resetToken = Math.random()", "user = { sessionId: Math.random() }"),
    (JAVASCRIPT, "any origin"): (
        'res.setHeader("Access-Control-Allow-Origin", "*")',
        'headers = { "Access-Control-Allow-Origin": "*" }',
        "app.use(cors())",
        "cors({ origin: '*' })",
    ),
    (JAVASCRIPT, "JWT unchecked"): (
        "jwt.decode(token)",
        'jwt.verify(token, key, { algorithms: ["none"] })',
        'const head = { alg: "none" }',
    ),
    (GO, "command run"): ("exec.Command(name, args...)", 'exec.CommandContext(ctx, "sh", "-c", line)'),
    (GO, "SQL from strings"): (
        'db.Query("SELECT * FROM t WHERE id = " + key)',
        'db.Query(fmt.Sprintf("SELECT * FROM %s", table))',
        "db.Query(`delete from t where id = ` + key)",
    ),
    (GO, "unescaped HTML"): ("template.HTML(text)", 'import "text/template"'),
    (GO, "weak hash"): ("md5.New()", "sha1.Sum(data)"),
    (GO, "weak cipher"): ("des.NewTripleDESCipher(key)", "rc4.NewCipher(key)"),
    (GO, "TLS unchecked"): ("&tls.Config{InsecureSkipVerify: true}", "config.InsecureSkipVerify = true"),
    (GO, "guessable random"): ("token := strconv.Itoa(rand.Intn(9))", "salt = rand.Uint64()"),
    (GO, "unsafe"): ("p := unsafe.Pointer(&x)",),
    (JAVA, "command run"): ("Runtime.getRuntime().exec(line);", 'new ProcessBuilder("sh", "-c", line);'),
    (JAVA, "SQL from strings"): (
        'db.execute("SELECT * FROM t WHERE id = " + key);',
        'db.execute(String.format("SELECT * FROM %s", table));',
        'db.execute("SELECT * FROM %s".formatted(table));',
    ),
    (JAVA, "deserializing"): ("in.readObject();", "new ObjectInputStream(in);", "new XMLDecoder(in);"),
    (JAVA, "weak hash or cipher"): (
        'MessageDigest.getInstance("MD5");',
        'MessageDigest.getInstance("SHA-1");',
        'Cipher.getInstance("AES/ECB/PKCS5Padding");',
        'Cipher.getInstance("AES");',
        "DigestUtils.md5Hex(text);",
    ),
    (JAVA, "unsafe XML"): ("DocumentBuilderFactory.newInstance();", "SAXParserFactory.newInstance();"),
    (JAVA, "no CSRF check"): (
        "http.csrf().disable();",
        "http.csrf(csrf -> csrf.disable());",
        "http.csrf((csrf) -> csrf.disable());",
        "http.csrf(AbstractHttpConfigurer::disable);",
    ),
    (JAVA, "script engine"): ("new ScriptEngineManager();", "new SpelExpressionParser();"),
    (CSHARP, "command run"): ("Process.Start(name);", 'new ProcessStartInfo("cmd.exe", "/c " + line);'),
    (CSHARP, "SQL from strings"): (
        'db.Query($"SELECT * FROM t WHERE id = {key}");',
        'db.Query($@"SELECT * FROM t WHERE id = {key}");',
        'db.FromSqlRaw($"SELECT * FROM t WHERE id = {key}");',
        'db.Query("SELECT * FROM t WHERE id = " + key);',
        'db.Query(string.Format("SELECT * FROM {0}", table));',
    ),
    (CSHARP, "deserializing"): ("new BinaryFormatter();", "x = TypeNameHandling.All;"),
    (CSHARP, "weak hash or cipher"): (
        "MD5.Create();",
        "SHA1.HashData(data);",
        "TripleDES.Create();",
        "new MD5CryptoServiceProvider();",
        "aes.Mode = CipherMode.ECB;",
    ),
    (CSHARP, "unescaped HTML"): ("Html.Raw(text);", "new HtmlString(text);"),
    (C, "unbounded copy"): ("strcpy(to, from);", 'sprintf(to, "%s", from);', "gets(line);", "std::strcat(to, from);"),
    (C, "command run"): ("system(line);", 'popen(line, "r");', "execv(path, args);", "execlp(name, name, NULL);"),
    (C, "format given"): (
        "printf(text);",
        "printf(argv[1]);",
        "fprintf(stderr, user->name);",
        "syslog(LOG_ERR, text);",
        "snprintf(to, sizeof(to), text);",
    ),
    (RUST, "unsafe block"): ("unsafe { read(at) }",),
    (RUST, "command run"): (
        "Command::new(name)",
        'Command::new("sh").arg("-c").arg(line)',
        'Command::new("/bin/bash")',
    ),
    (RUST, "TLS unchecked"): ("builder.danger_accept_invalid_certs(true)",),
}
SAME_TABLE = {TYPESCRIPT: JAVASCRIPT, CPP: C}
SEEN = [(language, line, what) for (language, what), lines in SEEN_BY_KIND.items() for line in lines]
SEEN += [(other, line, what) for other, one in SAME_TABLE.items() for language, line, what in SEEN if language is one]

HARMLESS_BY_LANGUAGE: dict[Language, tuple[str, ...]] = {
    PYTHON: (
        "# eval(text)",
        "x = 1  # eval(text), or Markup(text)",
        'x = 1  # was: f"SELECT * FROM t WHERE id = {key}"',
        'print("never call os.system(x) or eval(x)")',
        "model.eval()",
        "literal_eval(text)",
        "eval('1 + 1')",
        "def exec(self):",
        "subprocess.run(args, shell=False)",
        "yaml.load(data, Loader=yaml.SafeLoader)",
        "yaml.safe_load(data)",
        "json.loads(data)",
        "hashlib.md5(data, usedforsecurity=False)",
        "hashlib.new('sha256', data)",
        "hashlib.sha256(data)",
        "AES.new(key, AES.MODE_GCM)",
        "if context.verify_mode == ssl.CERT_NONE:",
        "requests.get(home, verify=True)",
        "max_tokens = random.randint(1, 9)",
        "footprint = random.random()",
        "token = secrets.token_hex()",
        "token = random.SystemRandom().choice(words)",
        "if token == random.choice(words):",
        "asyncio.run(main(), debug=True)",
        "DEBUG = False",
        'ALLOWED_HOSTS = ["example.org"]',
        'allow_origins=["*.example.org"]',
        "from django.views.decorators.csrf import csrf_exempt",
        'return Markup("<b>")',
        "class Markup(str):",
        "parser = make_parser()",
        "grammar.parseString(text)",
        "from defusedxml import ElementTree as ET; ET.fromstring(data)",
        'jwt.decode(token, key, algorithms=["HS256"])',
        'archive.extractall(path, filter="data")',
        'table.name.str.extractall("a+")',
        "tempfile.mkstemp()",
        'requests.get(f"https://example.org/{name}")',
        'requests.get("https://example.org")',
        'db.execute("SELECT * FROM t WHERE id = ?", (key,))',
        'db.execute("SELECT * FROM t WHERE id = %s", (key,))',
        'text = "SELECT a " + "FROM t"',
        'raise ValueError(f"please select {name}")',
        'raise ValueError(f"select a file from {place}")',
        'raise ValueError(f"update of {name}")',
    ),
    JAVASCRIPT: (
        "// node.innerHTML = text",
        "if (node.innerHTML === text) {}",
        'node.innerHTML = "";',
        "const found = /a/.exec(text)",
        'page.$eval("a", read)',
        "client.eval(script)",
        'execSync("git status")',
        "cp.execSync('git status')",
        "  async exec(line, values) {",
        "spawn(name, args, { shell: false })",
        "db.query('SELECT * FROM t WHERE id = ?', [key])",
        "db.query(sql`SELECT * FROM t WHERE id = ${key}`)",
        'const text = "SELECT * " +',
        "const note = `please select ${name}`",
        "const $where = 1",
        "yaml.load(text, { schema: yaml.JSON_SCHEMA })",
        'crypto.createHash("sha256")',
        'if (process.env.NODE_TLS_REJECT_UNAUTHORIZED === "0") warn()',
        "request({ rejectUnauthorized: true })",
        "const token = crypto.randomUUID()",
        "const x = Math.random()",
        'cors({ origin: "https://example.org" })',
        "jwt.verify(token, key)",
        'res.redirect("/home")',
        'res.sendFile("index.html")',
        "// was: `SELECT * FROM t WHERE id = ${key}`",
    ),
    GO: (
        'exec.Command("git", "status")',
        'exec.CommandContext(ctx, "git", "status")',
        'panic(fmt.Sprintf("update of %s", name))',
        'text := "SELECT a " + "FROM t"',
        'db.Query("SELECT * FROM t WHERE id = $1", key)',
        'template.HTML("<b>")',
        'import "html/template"',
        "sha256.New()",
        "aes.NewCipher(key)",
        "codes.New(key)",
        "InsecureSkipVerify: false",
        "token, err := rand.Int(rand.Reader, most)",
        "maxTokens := rand.Intn(9)",
        "x := unsafe.Sizeof(y)",
    ),
    JAVA: (
        'new ProcessBuilder("git", "status");',
        'db.execute("SELECT a " + "FROM t");',
        'db.prepare("SELECT * FROM t WHERE id = ?");',
        "private void readObject(ObjectInputStream in) {",
        'MessageDigest.getInstance("SHA-256");',
        'SecureRandom.getInstance("SHA1PRNG");',
        'Cipher.getInstance("AES/GCM/NoPadding");',
        'KeyGenerator.getInstance("AES");',
        "http.csrf(Customizer.withDefaults());",
        '// MessageDigest.getInstance("MD5");',
    ),
    CSHARP: (
        'Process.Start("notepad.exe");',
        "process.Start();",
        'db.FromSqlInterpolated($"SELECT * FROM t WHERE id = {key}");',
        'db.FromSql($"SELECT * FROM t WHERE id = {key}");',
        'db.Query("SELECT * FROM t WHERE id = @key", key);',
        "x = TypeNameHandling.None;",
        "SHA256.Create();",
        "aes.Mode = CipherMode.CBC;",
        "Html.Encode(text);",
    ),
    C: (
        "strncpy(to, from, 3);",
        'snprintf(to, 3, "%s", from);',
        "fgets(line, 80, file);",
        "stream->gets(line);",
        'system("clear");',
        "file.system(line);",
        'printf("%s", text);',
        "printf(BANNER);",
        "puts(text);",
        'syslog(LOG_ERR, "%s", text);',
    ),
    RUST: (
        "#![forbid(unsafe_code)]",
        'Command::new("git").arg("status")',
        "Command::default()",
        "builder.danger_accept_invalid_certs(false)",
    ),
}
HARMLESS = [(language, line) for language, lines in HARMLESS_BY_LANGUAGE.items() for line in lines]


def whats(language: Language, text: str) -> list[tuple[int, str]]:
    return [(item.line, item.what) for item in find_dangerous_lines("a", text, language)]


@pytest.mark.parametrize(("language", "line", "what"), SEEN)
def test_a_dangerous_line_is_seen_and_named(language: Language, line: str, what: str) -> None:
    assert whats(language, f"x = 1;\n    {line}\nx = 2;\n") == [(2, what)]


@pytest.mark.parametrize(("language", "line"), HARMLESS)
def test_a_harmless_line_is_passed_over(language: Language, line: str) -> None:
    assert whats(language, f"x = 1;\n{line}\nx = 2;\n") == []


def test_each_kind_of_danger_has_a_line_that_shows_it() -> None:
    rows = {(language, rule.what) for language, rules in RULES.items() for rule in rules}
    assert {(language, what) for language, _, what in SEEN} == rows


def test_each_row_finds_one_of_the_lines_of_its_kind() -> None:
    for language, rules in RULES.items():
        for rule in rules:
            lines = [line for of, line, what in SEEN if (of, what) == (language, rule.what)]
            assert any(rule.may_match(line) and rule.matches(mask_source(line, language), line) for line in lines), rule


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_all_lines_of_a_language_are_found_in_one_file(ending: str) -> None:
    for language, rows in groupby(SEEN, key=lambda row: row[0]):
        expected = [(line, what) for _, line, what in rows]
        text = ending.join(line for line, _ in expected)
        assert whats(language, text) == [(number, what) for number, (_, what) in enumerate(expected, 1)]


@given(st.sampled_from(list(Language)), st.text())
def test_any_text_is_searched_and_lines_are_those_of_the_text(language: Language, text: str) -> None:
    assert all(1 <= number <= text.count("\n") + 1 for number, _ in whats(language, text))


def test_one_line_may_show_several_kinds_and_each_is_told_once() -> None:
    found = whats(PYTHON, "eval(eval(x)); os.system(y)\n")
    assert found == [(1, "eval/exec"), (1, "os.system/popen")]


CONSTANT = [
    (Language.PYTHON, "os.system('git gc')"),
    (Language.PYTHON, "subprocess.run('ls | wc', shell=True, timeout=3)"),
]
VARYING = [
    (Language.PYTHON, "os.system('git gc ' + name)"),
    (Language.PYTHON, "os.system(f'git gc {name}')"),
    (Language.PYTHON, "subprocess.run('ls %s' % name, shell=True)"),
    (Language.PYTHON, "subprocess.run(  'ls', shell=True,"),
]


@pytest.mark.parametrize(("language", "line"), CONSTANT)
def test_a_command_of_literals_is_told_as_one(language: Language, line: str) -> None:
    found = [item for item in find_dangerous_lines("a", line, language) if item.constant]
    assert found
    assert all(item.what.endswith(" of a constant") for item in found)


@pytest.mark.parametrize(("language", "line"), VARYING)
def test_a_command_with_a_value_in_it_is_not(language: Language, line: str) -> None:
    found = [*find_dangerous_lines("a", line, language)]
    assert found
    assert not any(item.constant for item in found)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("import { exec } from 'child_process'\nexec(line + name)\n", ["child_process"]),
        ("const { exec } = require('node:child_process')\nexec(line + name)\n", ["child_process"]),
        ("exec(line + name)\n", ["child_process"]),
        ("import { exec } from 'shelljs'\nexec(line + name)\n", ["exec of shelljs"]),
        ("const { exec } = require('./db')\nexec(line + name)\n", []),
        ("function exec(sql) { run(sql) }\nexec(line + name)\n", []),
        ("require('./db').exec(line + name)\n", []),
        ("const { exec } = require('./db')\nchild_process.exec(line + name)\n", ["child_process"]),
    ],
)
def test_an_exec_is_called_after_the_package_that_it_is_of(text: str, kinds: list[str]) -> None:
    assert [found.what for found in find_dangerous_lines("a.js", text, Language.JAVASCRIPT)] == kinds
