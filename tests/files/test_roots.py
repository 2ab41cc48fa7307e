"""Which directory may be read, and what is said of those that may not."""

import sys
from pathlib import Path

import pytest

from stepwarden.errors import RootRefused
from stepwarden.files import RootPolicy, open_workspace

STDIO = RootPolicy((), local=True)
HTTP = RootPolicy((), local=False)


def refusal(directory: str, policy: RootPolicy = STDIO) -> str:
    with pytest.raises(RootRefused) as refused:
        open_workspace(directory, policy)
    text = str(refused.value)
    assert len(text.splitlines()) == 1
    assert "Send " in text
    assert len(text) < 2000
    return text


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    for name in ("project", ".ssh/keys", ".config/app"):
        (home / name).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    return home


def test_on_stdio_the_directory_itself_is_the_root(tmp_path: Path) -> None:
    workspace = open_workspace(str(tmp_path), STDIO)
    assert (workspace.root, workspace.directory, workspace.readable) == (str(tmp_path), str(tmp_path), True)


@pytest.mark.parametrize("directory", [None, ""])
@pytest.mark.parametrize("policy", [STDIO, HTTP, RootPolicy(("/a", "/b"), local=True)])
def test_without_a_directory_or_a_single_root_nothing_is_readable(directory: str | None, policy: RootPolicy) -> None:
    workspace = open_workspace(directory, policy)
    assert (workspace.root, workspace.directory, workspace.readable) == (None, None, False)


@pytest.mark.parametrize("directory", ["/etc", "/no/such", "relative", "~", "\0"])
def test_over_http_without_roots_nothing_is_readable_and_nothing_is_refused(directory: str) -> None:
    assert not open_workspace(directory, HTTP).readable


@pytest.mark.parametrize("local", [True, False])
def test_one_configured_root_is_used_where_no_directory_is_given(tmp_path: Path, local: bool) -> None:
    workspace = open_workspace(None, RootPolicy((str(tmp_path),), local))
    assert (workspace.root, workspace.directory) == (str(tmp_path), str(tmp_path))


def test_a_configured_root_that_is_not_there_makes_nothing_readable(tmp_path: Path) -> None:
    assert not open_workspace(None, RootPolicy((str(tmp_path / "gone"),), local=True)).readable


@pytest.mark.parametrize("directory", ["project", "./project", "..", " /x", "~", "~/project", "~root/project", "\0"])
def test_a_directory_that_is_not_absolute_is_refused(directory: str) -> None:
    assert "not an absolute path" in refusal(directory)


def test_a_tilde_is_not_expanded_and_the_refusal_says_so() -> None:
    assert "`~` is not expanded" in refusal("~/project")


SYSTEM = """
/ // /etc /etc/ /etc/ssl /proc /proc/self /proc/self/root /sys/kernel /dev /dev/shm /boot /usr /var /tmp /home
/usr/../etc /tmp/. /usr/../.. /run /run/lock /var/run /var/lib
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the list of another system")
@pytest.mark.parametrize("directory", SYSTEM.split())
def test_a_directory_of_the_system_is_refused(directory: str) -> None:
    assert "system" in refusal(directory)


@pytest.mark.skipif(sys.platform != "linux", reason="the list of another system")
@pytest.mark.parametrize("directory", ["/usr/lib", "/usr/share"])
def test_below_directories_that_are_refused_only_themselves_is_allowed(directory: str) -> None:
    assert open_workspace(directory, STDIO).root == str(Path(directory).resolve())


def test_a_link_to_a_directory_of_the_system_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    assert "system" in refusal(str(tmp_path / "link"))


def test_the_home_directory_itself_is_refused(home: Path) -> None:
    assert "home directory itself" in refusal(str(home))
    assert "home directory itself" in refusal(str(home / "project" / ".."))


@pytest.mark.parametrize("name", [".ssh", ".ssh/keys", ".config", ".config/app"])
def test_what_is_hidden_in_the_home_is_refused(home: Path, name: str) -> None:
    assert refusal(str(home / name))


def test_a_project_in_the_home_is_allowed(home: Path) -> None:
    assert open_workspace(str(home / "project"), STDIO).root == str(home / "project")


@pytest.mark.parametrize("name", ["gone", "file", "loop", "a\0b", "x" * 5000, "\ud800", "a\nb"])
def test_what_is_no_directory_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to("loop")
    assert "not a directory that exists" in refusal(f"{tmp_path}/{name}")


@pytest.mark.parametrize("name", [".git", ".git/hooks", ".ssh"])
def test_a_directory_of_secrets_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir(parents=True)
    assert "secrets" in refusal(str(tmp_path / name))


def test_a_directory_inside_a_configured_root_keeps_the_root(tmp_path: Path) -> None:
    (tmp_path / "one" / "sub").mkdir(parents=True)
    (tmp_path / "two").mkdir()
    policy = RootPolicy((str(tmp_path / "two"), str(tmp_path / "one")), local=False)
    workspace = open_workspace(str(tmp_path / "one" / "sub"), policy)
    assert (workspace.root, workspace.directory) == (str(tmp_path / "one"), str(tmp_path / "one" / "sub"))


def test_of_roots_in_each_other_the_outermost_bounds(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for configured in [(str(tmp_path), str(tmp_path / "in")), (str(tmp_path / "in"), str(tmp_path))]:
        assert open_workspace(str(tmp_path / "in"), RootPolicy(configured, local=True)).root == str(tmp_path)


def test_outside_the_configured_roots_is_refused_naming_them_and_not_what_exists(tmp_path: Path) -> None:
    for name in ("root", "root-too", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "root" / "out").symlink_to(tmp_path / "other")
    policy = RootPolicy((str(tmp_path / "root"),), local=True)
    texts = {
        name: refusal(str(tmp_path / name), policy).replace(name, "X", 1)
        for name in ("other", "missing", "root-too", "root/out", "root/../other")
    }
    assert all("outside the configured roots" in text and str(tmp_path / "root") in text for text in texts.values())
    assert texts["other"] == texts["missing"]


def test_a_link_into_a_configured_root_is_allowed_and_resolved(tmp_path: Path) -> None:
    (tmp_path / "root" / "sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "root")
    workspace = open_workspace(str(tmp_path / "link" / "sub"), RootPolicy((str(tmp_path / "link"),), local=True))
    assert (workspace.root, workspace.directory) == (str(tmp_path / "root"), str(tmp_path / "root" / "sub"))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.py", "sub/a.py"),
        ("./a.py", "sub/a.py"),
        ("x//y/../a.py", "sub/x/a.py"),
        ("../a.py", "a.py"),
        ("../../a.py", "{tmp}/a.py"),
        ("{tmp}/root/a.py", "a.py"),
        ("/{tmp}/root/a.py", "a.py"),
        ("{tmp}/root/sub/", "sub"),
        ("{tmp}/root", "."),
        ("{tmp}/rooted/a.py", "{tmp}/rooted/a.py"),
        ("{tmp}/link/sub/a.py", "sub/a.py"),
        ("{tmp}/link/sub/../../x", "{tmp}/x"),
        ("/etc/passwd", "/etc/passwd"),
        ("/etc/../etc/passwd", "/etc/passwd"),
        ("~/a.py", "sub/~/a.py"),
        ("", ""),
        ("a\0b", "a\0b"),
        ("\ud800", "\ud800"),
        ("x" * 9000, "x" * 9000),
        ("a b/ü.py", "sub/a b/ü.py"),
    ],
)
def test_a_path_has_one_name_by_its_letters_alone(tmp_path: Path, path: str, name: str) -> None:
    (tmp_path / "root" / "sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "root")
    policy = RootPolicy((f"{tmp_path}/link",), local=True)
    workspace = open_workspace(f"{tmp_path}/link/sub", policy)
    expected = name.replace("{tmp}", str(tmp_path))
    assert workspace.canonical(path.replace("{tmp}", str(tmp_path))) == expected


@pytest.mark.parametrize(("path", "name"), [("a/../b.py", "b.py"), ("/a/./b.py", "/a/b.py"), ("", ""), ("a\0", "a\0")])
def test_without_a_root_a_path_is_only_tidied(path: str, name: str) -> None:
    assert open_workspace(None, STDIO).canonical(path) == name
