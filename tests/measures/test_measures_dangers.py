"""Dangerous lines: each kind is seen where it is, and not in comments, strings or harmless forms."""

import pytest

from stepwarden.measures.dangers import DANGERS, Risk, sightings
from stepwarden.source.outline import Language

SEEN = [
    (Language.PYTHON, "eval(text)", "eval/exec"),
    (Language.PYTHON, "os.system('rm ' + name)", "os.system/popen"),
    (Language.PYTHON, "subprocess.run(line, shell=True)", "shell=True"),
    (Language.PYTHON, 'db.execute(f"SELECT * FROM t WHERE id = {key}")', "SQL from strings"),
    (Language.PYTHON, 'db.execute("SELECT * FROM t WHERE id = %s" % key)', "SQL from strings"),
    (Language.PYTHON, "pickle.loads(data)", "pickle/marshal load"),
    (Language.PYTHON, "yaml.load(data)", "unsafe YAML"),
    (Language.PYTHON, "hashlib.md5(data)", "weak hash"),
    (Language.PYTHON, "requests.get(home, verify=False)", "TLS unchecked"),
    (Language.PYTHON, "token = random.randint(0, 9)", "guessable random"),
    (Language.PYTHON, "app.run(debug=True)", "debug server"),
    (Language.PYTHON, "return Markup(value)", "unescaped HTML"),
    (Language.PYTHON, "archive.extractall(path)", "archive unpacked"),
    (Language.JAVASCRIPT, "eval(text)", "eval/Function"),
    (Language.JAVASCRIPT, "node.innerHTML = text", "HTML set"),
    (Language.TYPESCRIPT, "db.query(`SELECT * FROM t WHERE id = ${key}`)", "SQL from strings"),
    (Language.JAVASCRIPT, 'crypto.createHash("md5")', "weak hash"),
    (Language.JAVASCRIPT, "exec(`git ${name}`)", "child_process"),
    (Language.GO, 'db.Query("SELECT * FROM t WHERE id = " + key)', "SQL from strings"),
    (Language.GO, "exec.Command(name, args...)", "command run"),
    (Language.GO, "&tls.Config{InsecureSkipVerify: true}", "TLS unchecked"),
    (Language.JAVA, "Runtime.getRuntime().exec(line);", "command run"),
    (Language.JAVA, 'MessageDigest.getInstance("MD5");', "weak hash or cipher"),
    (Language.CSHARP, "Process.Start(name);", "command run"),
    (Language.C, "strcpy(to, from);", "unbounded copy"),
    (Language.RUST, "unsafe { read(at) }", "unsafe block"),
]
HARMLESS = [
    (Language.PYTHON, "# eval(text)"),
    (Language.PYTHON, 'print("never call os.system(x)")'),
    (Language.PYTHON, "model.eval()"),
    (Language.PYTHON, "literal_eval(text)"),
    (Language.PYTHON, "eval('1 + 1')"),
    (Language.PYTHON, "yaml.load(data, Loader=yaml.SafeLoader)"),
    (Language.PYTHON, "hashlib.md5(data, usedforsecurity=False)"),
    (Language.PYTHON, 'db.execute("SELECT * FROM t WHERE id = ?", (key,))'),
    (Language.PYTHON, 'raise ValueError(f"please select {name}")'),
    (Language.PYTHON, 'archive.extractall(path, filter="data")'),
    (Language.JAVASCRIPT, "// node.innerHTML = text"),
    (Language.JAVASCRIPT, "if (node.innerHTML === text) {}"),
    (Language.JAVASCRIPT, "const found = /a/.exec(text)"),
    (Language.GO, 'exec.Command("git", "status")'),
    (Language.GO, 'panic(fmt.Sprintf("update of %s", name))'),
    (Language.C, "strncpy(to, from, 3);"),
]


def whats(language: Language, line: str) -> list[tuple[int, str]]:
    return [(item.line, item.what) for item in sightings("a", f"\n{line}\n", language)]


@pytest.mark.parametrize(("language", "line", "what"), SEEN)
def test_a_dangerous_line_is_seen_and_named(language: Language, line: str, what: str) -> None:
    assert whats(language, line) == [(2, what)]


@pytest.mark.parametrize(("language", "line"), HARMLESS)
def test_a_harmless_line_is_passed_over(language: Language, line: str) -> None:
    assert whats(language, line) == []


def test_every_danger_can_be_found_by_one_of_its_words() -> None:
    for language, dangers in DANGERS.items():
        for danger in dangers:
            assert danger.words, (language, danger.what)
            assert danger.risk in Risk
