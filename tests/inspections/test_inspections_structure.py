"""Packages, layers, cycles, hubs and entry points; what manifests and type imports say; facts that fit."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from inspected_trees import LAYERED, structure_of

from stepwarden.inspections.analyze.facts import structure_facts, structure_sections
from stepwarden.inspections.analyze.packages import group_by_package, shorten_names
from stepwarden.inspections.shared.fact_text import FACT_BYTES, pack
from stepwarden.inspections.shared.manifests import read_package_names
from stepwarden.reports.prose import prose
from stepwarden.source.outline import Language
from stepwarden.source.type_only_imports import find_type_imports


def test_layers_run_from_what_nobody_imports_down_and_a_type_import_ties_none() -> None:
    found = structure_of(LAYERED)
    assert found.inventory.test_count == 1
    assert found.packages.layers == [("app",), ("app/web",), ("app/core",), ("app/store",)]
    assert found.packages.cycles == []


def test_a_cycle_is_told_with_a_way_round() -> None:
    found = structure_of(LAYERED)
    assert found.units.cycles == [
        (("app/core/orders.py", "app/core/rules.py"), ("app/core/orders.py", "app/core/rules.py"))
    ]
    assert "1 import cycle of 2: orders.py > rules.py > orders.py" in structure_facts(found)


def test_facts_are_short_and_name_size_layers_hubs_and_entries() -> None:
    told = structure_facts(structure_of(LAYERED))
    assert all(len(line.encode()) <= FACT_BYTES for line in told)
    assert told[0] == "9 Python files, 31 lines, 1 test file"
    assert told[1] == "Layers: app > web > core > store"
    assert any(line.startswith("Most imported: app/core/orders.py 2, app/store/files.py 2") for line in told)
    assert "Entry points: app/__main__.py" in told


def test_a_file_with_nothing_in_it_is_not_named_as_one_to_read() -> None:
    users = {f"shop/{name}.py": "from shop import marks\n" for name in ("cart", "bill")}
    found = structure_of({"shop/__init__.py": "", "shop/marks.py": "", **users})
    assert dict(found.units.hubs)["shop/marks.py"] == 2
    assert {unit for unit, _ in found.central_units(6)} == set(users)


def test_the_structure_is_drawn_in_the_report() -> None:
    made = structure_sections(structure_of(LAYERED))
    assert {"Structure", "Import cycles", "Most imported", "Entry points"} <= made.keys()
    assert '<svg class="diagram"' in prose(made["Structure"])


def test_a_form_feed_moves_no_import_for_types() -> None:
    text = "import a\n\x0c\nif TYPE_CHECKING:\n    import b\n"
    assert (
        find_type_imports(Language.PYTHON, text)
        == find_type_imports(Language.PYTHON, text.replace("\n", "\r\n"))
        == {4}
    )


def test_imports_for_types_alone_are_known_by_their_lines() -> None:
    python = "import a\nif TYPE_CHECKING:\n    import b\n    from c import (\n        d,\n    )\nimport e\n"
    assert {3, 4} <= find_type_imports(Language.PYTHON, python)
    assert not {1, 7} & find_type_imports(Language.PYTHON, python)
    script = (
        'import { a } from "a";\nimport type { B } from "b";\nimport { type C } from "c";\n'
        'import { type D, d } from "d";\nimport type from "e";\nexport type { F } from "f";\n'
    )
    assert find_type_imports(Language.TYPESCRIPT, script) == {2, 3, 6}
    assert find_type_imports(Language.GO, script) == frozenset()


def test_manifests_name_packages_and_broken_ones_name_none(tmp_path: Path) -> None:
    texts = {
        "go.mod": "// a module\nmodule example.org/shop\n\ngo 1.25\n",
        "web/package.json": '{"name": "@shop/web"}',
        "web/tsconfig.json": '{ // paths\n "compilerOptions": {"paths": {"@/*": ["./src/*"], "x": 3, "y": [],}}}',
        "bad/package.json": '{"name": ',
        "list/package.json": "[1]",
        "number/tsconfig.json": '{"compilerOptions": {"paths": [1], "baseUrl": 4}}',
        "deep/package.json": "[" * 100_000,
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = read_package_names(str(tmp_path), texts)
    assert found == {"example.org/shop": "", "@shop/web": "web", "@shop/web$": "web/src/index", "@/*": "web/src"}


paths = st.lists(st.sampled_from("abcd"), min_size=1, max_size=4).map("/".join)


@given(st.sets(paths, max_size=30))
def test_every_path_is_grouped_under_a_directory_of_its_own(names: set[str]) -> None:
    files = {f"{name}.py" for name in names}
    for path, home in group_by_package(files).items():
        assert home == "." or path.startswith(f"{home}/")
    assert group_by_package(files).keys() == files


@given(st.sets(paths, max_size=20))
def test_short_names_are_ends_and_tell_their_paths_apart(names: set[str]) -> None:
    short = shorten_names(names)
    assert len(set(short.values())) == len(names)
    assert all(name == end or name.endswith(f"/{end}") for name, end in short.items())


@given(st.lists(st.text("abcdef/", min_size=1, max_size=120), max_size=12), st.integers(1, 3))
def test_packed_facts_fit_and_are_no_more_than_asked(items: list[str], most: int) -> None:
    lines = pack("Files: ", items, most)
    assert len(lines) <= most
    assert all(len(line.encode()) <= FACT_BYTES for line in lines)
    assert bool(lines) is bool(items)
