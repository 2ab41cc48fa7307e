"""What `stepwarden.source` calls undocumented, against the languages' own linters, on trees of your choice.

    python -m bench.source.linters python TREE...               # ruff D100-D107, D419
    python -m bench.source.linters ecmascript NODE_DIR TREE...  # eslint-plugin-jsdoc require-jsdoc
    python -m bench.source.linters go GOLINT TREE...            # any linter that prints PATH:LINE:COLUMN: exported ...

NODE_DIR is a directory where `npm i eslint eslint-plugin-jsdoc @typescript-eslint/parser typescript` ran.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from stepwarden.source.documentation import find_undocumented
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.languages import language_of
from stepwarden.source.outline import Language, Outline

Place = tuple[str, int]
Linter = Callable[[Path, dict[str, Outline], bool], set[Place]]
SHOWN = 12


def outlines_of(tree: Path, languages: set[Language]) -> dict[str, Outline]:
    found: dict[str, Outline] = {}
    for path in sorted(tree.rglob("*")):
        if language_of(path.name) in languages and path.is_file() and "node_modules" not in path.parts:
            read = parse_outline(path.relative_to(tree).as_posix(), path.read_bytes())
            if read is not None and not read.generated:
                found[read.path] = read
    return found


def ours_of(outlines: dict[str, Outline], everything: bool) -> set[Place]:
    missing = find_undocumented(outlines, everything=everything)
    return {
        (path, definition.doc_lines[0] if definition.doc_lines else definition.line)  # an empty one is shown itself
        for path, definitions in missing.items()
        for definition in definitions
    }


def ruff(tree: Path, _outlines: dict[str, Outline], _everything: bool) -> set[Place]:
    rules = "D100,D101,D102,D103,D104,D105,D106,D107,D419"
    command = ["ruff", "check", "--isolated", "--ignore-noqa", "--no-cache", "--select", rules, "--target-version"]
    command += ["py314", "--output-format", "json", "--exit-zero", "--config", "lint.pydocstyle.convention='pep257'"]
    command += ["--config", "exclude=[]", "--no-respect-gitignore", str(tree)]
    run = subprocess.run(command, capture_output=True, check=True)
    return {
        (Path(item["filename"]).relative_to(tree.resolve()).as_posix(), item["location"]["row"])
        for item in json.loads(run.stdout)
        if item["code"] and item["code"].startswith("D")
    }


_ESLINT = """
import {createRequire} from "module";
import {readFileSync} from "fs";
const [from, tree, list, everything] = process.argv.slice(2);
const require_ = createRequire(from + "/package.json");
const {ESLint} = require_("eslint");
const load = (name) => { const found = require_(name); return found.default ?? found; };
const jsdoc = load("eslint-plugin-jsdoc"), ts = load("@typescript-eslint/parser");
const contexts = ["TSInterfaceDeclaration", "TSTypeAliasDeclaration", "TSEnumDeclaration"];
const wanted = {FunctionDeclaration: true, MethodDefinition: true, ClassDeclaration: true,
  ArrowFunctionExpression: true, FunctionExpression: true, ClassExpression: true};
const jsx = {parserOptions: {ecmaFeatures: {jsx: true}}};
const config = (publicOnly) => {
  const rules = {"jsdoc/require-jsdoc": ["error", {require: wanted, contexts, enableFixer: false,
    exemptEmptyConstructors: true, publicOnly}]};
  const linterOptions = {noInlineConfig: true, reportUnusedDisableDirectives: "off"};
  const shared = {plugins: {jsdoc}, rules, linterOptions};
  return [
    {files: ["**/*.{js,mjs,cjs,jsx}"], ...shared, languageOptions: jsx},
    {files: ["**/*.cjs"], languageOptions: {sourceType: "commonjs"}},
    {files: ["**/*.{ts,mts,cts}"], ...shared, languageOptions: {parser: ts}},
    {files: ["**/*.tsx"], ...shared, languageOptions: {parser: ts, ...jsx}},
  ];
};
const linter = (publicOnly) => new ESLint({cwd: tree, overrideConfigFile: true, overrideConfig: config(publicOnly),
  ignore: false, warnIgnored: false});
const modules = linter(everything ? false : {esm: true, cjs: true, window: false});
const scripts = linter(everything ? false : {esm: true, cjs: true, window: true});
for (const file of readFileSync(list, "utf8").split("\\n")) {
  const text = readFileSync(tree + "/" + file, "utf8");
  const chosen = /\\b(import|export|require|exports)\\b/.test(text) ? modules : scripts;
  let lines = [-1];
  try {
    const [result] = await chosen.lintText(text, {filePath: tree + "/" + file});
    if (result) lines = result.messages
      .filter((message) => message.fatal || message.ruleId).map((message) => (message.fatal ? -1 : message.line));
  } catch (error) { console.error(file, error.message.split("\\n")[0]); }
  console.log(JSON.stringify([file, lines]));
}
"""


def eslint(node: Path) -> Linter:
    """Run `require-jsdoc`; a file that its parser refuses is taken out of `outlines`: nothing to compare with."""

    def run(tree: Path, outlines: dict[str, Outline], everything: bool) -> set[Place]:
        with tempfile.TemporaryDirectory() as place:
            script, listed = Path(place, "compared.mjs"), Path(place, "compared.txt")
            script.write_text(_ESLINT)
            listed.write_text("\n".join(outlines))
            command = ["node", str(script), str(node.resolve()), str(tree.resolve()), str(listed)]
            command += ["everything"] if everything else []
            answer = subprocess.run(command, capture_output=True, check=True, text=True)
        sys.stderr.write(answer.stderr[-2000:])
        truth: set[Place] = set()
        for line in answer.stdout.splitlines():
            path, lines = json.loads(line)
            if -1 in lines:
                del outlines[path]
            else:
                truth |= {(path, number) for number in lines}
        return truth

    return run


def golint(program: str) -> Linter:
    """Run a linter that prints PATH:LINE:COLUMN: words, once for a tree, with golint's words."""

    def run(tree: Path, outlines: dict[str, Outline], _everything: bool) -> set[Place]:
        answer = subprocess.run([program, str(tree)], capture_output=True, check=True, text=True)
        found = re.findall(
            r"^(.*?):(\d+):\d+: (exported .* should have comment|should have a pack)", answer.stdout, re.MULTILINE
        )
        truth = {(path, int(line)) for path, line, words in found if words.startswith("exported")}
        bare = {path for path, _, words in found if words.startswith("should")}
        for directory in {str(PurePosixPath(path).parent) for path in bare}:
            files = [path for path in outlines if str(PurePosixPath(path).parent) == directory]
            files = [path for path in files if not path.endswith("_test.go")]
            if bare.issuperset(files):  # golint looks at one file at a time: a package lacks what all its files lack
                truth.add((directory, 0))
        return truth

    return run


def by_package(places: set[Place], outlines: dict[str, Outline]) -> set[Place]:
    """Return our places with those of packages as (directory, 0): which file is asked for is not what is compared."""
    packages = {
        (path, file.definitions[0].line)
        for path, file in outlines.items()
        if file.language is Language.GO and file.definitions
    }
    return {(str(PurePosixPath(path).parent), 0) if (path, line) in packages else (path, line) for path, line in places}


def compare(name: str, truth: set[Place], ours: set[Place], outlines: dict[str, Outline]) -> None:
    ours = by_package({place for place in ours if place[0] in outlines}, outlines)
    truth = {place for place in truth if place[0] in outlines or place[1] == 0}
    both = len(truth & ours)
    precision, recall = both / max(1, len(ours)), both / max(1, len(truth))
    print(
        f"{name}: {len(outlines)} files, linter {len(truth)}, ours {len(ours)}, both {both}, "
        f"precision {precision:.2%}, recall {recall:.2%}"
    )
    for title, places in (("only ours", ours - truth), ("only the linter's", truth - ours)):
        for path, line in sorted(places)[:SHOWN]:
            print(f"  {title}: {path}:{line}")


def main(arguments: Iterable[str]) -> None:
    what, *rest = arguments
    kinds = {
        "python": ({Language.PYTHON}, (False,)),
        "ecmascript": ({Language.JAVASCRIPT, Language.TYPESCRIPT}, (True, False)),
        "go": ({Language.GO}, (False,)),
    }
    languages, scopes = kinds[what]
    linter = ruff if what == "python" else (eslint(Path(rest.pop(0))) if what == "ecmascript" else golint(rest.pop(0)))
    for tree in map(Path, rest):
        for everything in scopes:
            outlines = outlines_of(tree, languages)
            truth = linter(tree, outlines, everything)
            label = f"{tree.name}{' (all)' if everything and what == 'ecmascript' else ''}"
            compare(label, truth, ours_of(outlines, everything), outlines)


if __name__ == "__main__":
    main(sys.argv[1:])
