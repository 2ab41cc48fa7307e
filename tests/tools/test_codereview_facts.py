"""codereview over the protocol: what the code shows by itself stands in the first reply, with its file and line."""

from pathlib import Path

import pytest
from mcp.server.mcpserver import MCPServer

from tests.support.host import connected
from tests.support.repositories import committed

pytestmark = pytest.mark.asyncio

FILES = '''"""Files."""


def load(path, limit=10):
    """Load a file.

    :param limit: most rows, defaults to 10.
    """
    with open(path) as rows:
        return list(rows)[:limit]


def save(path, text):
    try:
        write(path, text)
    except OSError:
        raise Lost(path) from None
'''
USE = "from shop.files import load, save\n\n\ndef show(path):\n    save(path, 'x')\n    return load(path, 5)\n"
TEST = "from shop.files import load, save\n\n\ndef test_load():\n    assert load('a', 1)\n    assert save\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for folder in ("shop", "tests"):
        (tmp_path / folder).mkdir()
    (tmp_path / "shop" / "__init__.py").write_text("")
    (tmp_path / "shop" / "files.py").write_text(FILES)
    (tmp_path / "shop" / "use.py").write_text(USE)
    (tmp_path / "tests" / "test_files.py").write_text(TEST)
    return committed(tmp_path)


async def facts_of(app: MCPServer, shop: Path, **fields: object) -> list[str]:
    async with connected(app, shop) as host:
        first = await host.open("codereview", step="Review it", **fields)
    facts: list[str] = first.facts
    assert all(fact in first.text for fact in facts)  # a model sees one of the two parts
    return facts


async def test_a_review_of_a_change_names_what_it_breaks_with_the_callers(app: MCPServer, shop: Path) -> None:
    changed = FILES.replace("def load(path, limit=10)", "def load(mode, path, limit=20)")
    changed = changed.replace("except OSError:\n        raise Lost(path) from None", "except Exception:\n        pass")
    (shop / "shop" / "files.py").write_text(changed + "\n\ndef weigh(parcel):\n    return parcel.weight\n")
    facts = await facts_of(app, shop)
    assert facts[0] == "Under review (changed since the last commit): 1 file, 21 lines."
    found = "\n".join(facts[1:])
    moved = "load takes mode before path: arguments by position move; breaks shop/use.py:6, tests/test_files.py:5"
    assert f"shop/files.py:4 {moved}" in found
    assert "shop/files.py:16 every error is caught now" in found
    assert "limit=20, but its docs say 10 (:7)" in found
    assert "shop/files.py:20 weigh is new, and no test calls it" in found


async def test_a_review_of_files_as_they_are_names_callers_and_imports_that_do_not_fit(
    app: MCPServer, shop: Path
) -> None:
    (shop / "shop" / "files.py").write_text(FILES.replace("def save(path, text)", "def keep(path)"))
    (shop / "shop" / "use.py").write_text(USE.replace("load(path, 5)", "load()"))
    committed(shop)
    facts = await facts_of(app, shop, relevant_files=["shop/files.py"])
    assert "shop/use.py:1 imports save, which is not in shop/files.py" in facts
    assert "shop/use.py:6 leaves out path, which load needs (shop/files.py:4)" in facts


async def test_a_changed_bound_is_told_with_whether_a_test_of_it_changed(app: MCPServer, shop: Path) -> None:
    (shop / "shop" / "files.py").write_text(FILES + "\n\ndef fits(size):\n    return size < 10\n")
    committed(shop)
    (shop / "shop" / "files.py").write_text(FILES + "\n\ndef fits(size):\n    return size <= 10\n")
    told = "shop/files.py:21 a comparison changed from < to <="
    assert f"{told}; no test of fits changed" in await facts_of(app, shop)
    (shop / "tests" / "test_files.py").write_text(TEST + "\n\ndef test_fits():\n    assert fits(10)\n")
    assert told in await facts_of(app, shop)


async def test_a_review_of_sound_files_names_nothing_but_what_no_test_calls(app: MCPServer, shop: Path) -> None:
    facts = await facts_of(app, shop, relevant_files=["shop/files.py", "shop/use.py"])
    assert [fact for fact in facts if ".py:" in fact] == ["shop/use.py:4 no test calls by name: show :4"]


async def test_what_was_said_is_not_said_again(app: MCPServer, shop: Path) -> None:
    (shop / "shop" / "files.py").write_text(FILES.replace("limit=10", "limit=20"))
    async with connected(app, shop) as host:
        first = await host.open("codereview", step="Review it", relevant_files=["shop/files.py"])
        said = [fact for fact in first.facts if "limit defaults to 20, was 10" in fact]
        assert said
        again = await host.step("codereview", 2, first.id, relevant_files=["shop/files.py", "shop/use.py"])
    assert not {*said} & {*again.sent.get("facts", [])}


async def test_what_is_kept_of_a_tree_between_looks_is_of_the_files_as_they_are(app: MCPServer, project: Path) -> None:
    source = project / "src"
    (source / "tax.py").write_text("def add_tax(net):\n    return net\n")
    bill = source / "bill.py"
    bill.write_text("from tax import add_tax\n\n\ndef total(net):\n    return add_tax(net)\n")
    committed(project)

    async def misfits() -> list[str]:
        async with connected(app, project) as host:
            first = await host.open("codereview", relevant_files=["src/tax.py"])
        return [fact for fact in first.facts if " passes 3 arguments" in fact]

    assert await misfits() == []
    bill.write_text("from tax import add_tax\n\n\ndef total(net):\n    return add_tax(net, 2, 3)\n")
    (told,) = await misfits()
    assert "src/bill.py:5 passes 3 arguments, add_tax takes 1" in told
    assert await misfits() == [told]
    (source / "tax.py").write_text("def add_tax(net, *rates):\n    return net\n")
    assert await misfits() == []
