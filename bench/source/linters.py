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
from collections.abc import Callable, Iterable
from pathlib import Path

from stepwarden.source.documentation import undocumented
from stepwarden.source.languages import language_of
from stepwarden.source.outline import Language, Outline
from stepwarden.source.parsing import outline

Place = tuple[str, int]
SHOWN = 12


def outlines_of(tree: Path, languages: set[Language]) -> dict[str, Outline]:
    found: dict[str, Outline] = {}
    for path in sorted(tree.rglob("*")):
        if language_of(path.name) in languages and path.is_file() and "node_modules" not in path.parts:
            read = outline(path.relative_to(tree).as_posix(), path.read_bytes())
            if read is not None and (read.definitions or not read.generated):
                found[read.path] = read
    return found


def ours_of(outlines: dict[str, Outline], everything: bool) -> set[Place]:
    missing = undocumented(outlines, everything=everything)
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
import jsdoc from "./node_modules/eslint-plugin-jsdoc/dist/index.js";
import ts from "./node_modules/@typescript-eslint/parser/dist/index.js";
const contexts = ["TSInterfaceDeclaration", "TSTypeAliasDeclaration", "TSEnumDeclaration"];
const require_ = {FunctionDeclaration: true, MethodDefinition: true, ClassDeclaration: true,
  ArrowFunctionExpression: true, FunctionExpression: true, ClassExpression: true};
const options = {require: require_, contexts, enableFixer: false, publicOnly: PUBLIC};
const rules = {"jsdoc/require-jsdoc": ["error", options]};
const shared = {plugins: {jsdoc}, rules, linterOptions: {noInlineConfig: true, reportUnusedDisableDirectives: "off"}};
const jsx = {parserOptions: {ecmaFeatures: {jsx: true}}};
export default [
  {files: ["**/*.{js,mjs,cjs,jsx}"], ...shared, languageOptions: jsx},
  {files: ["**/*.{ts,mts,cts}"], ...shared, languageOptions: {parser: ts.default ?? ts}},
  {files: ["**/*.tsx"], ...shared, languageOptions: {parser: ts.default ?? ts, ...jsx}},
];
"""


def eslint(node: Path) -> Callable[[Path, dict[str, Outline], bool], set[Place]]:
    def run(tree: Path, outlines: dict[str, Outline], everything: bool) -> set[Place]:
        setting = "false" if everything else "{esm: true, cjs: true, window: false}"
        (node / "compared.config.mjs").write_text(_ESLINT.replace("PUBLIC", setting))
        script = (
            "import {ESLint} from './node_modules/eslint/lib/api.js';import fs from 'fs';"
            "const [tree,list]=process.argv.slice(2);"
            "const e=new ESLint({cwd:tree,overrideConfigFile:process.cwd()+'/compared.config.mjs',ignore:false,"
            "warnIgnored:false});"
            "for(const f of fs.readFileSync(list,'utf8').split('\\n')){"
            "try{const [r]=await e.lintText(fs.readFileSync(tree+'/'+f,'utf8'),{filePath:tree+'/'+f});"
            "console.log(JSON.stringify([f,r?r.messages.map(m=>m.fatal?-1:m.line):[-1]]))}"
            "catch(error){console.log(JSON.stringify([f,[-1]]))}}"
        )
        (node / "compared.mjs").write_text(script)
        (node / "compared.txt").write_text("\n".join(outlines))
        command = ["node", "compared.mjs", str(tree.resolve()), "compared.txt"]
        answer = subprocess.run(command, cwd=node, capture_output=True, check=True, text=True)
        truth: set[Place] = set()
        for line in answer.stdout.splitlines():
            path, lines = json.loads(line)
            if -1 in lines:  # the linter's parser refuses the file: nothing to compare with
                del outlines[path]
            else:
                truth |= {(path, number) for number in lines}
        return truth

    return run


def golint(program: str) -> Callable[[Path, dict[str, Outline], bool], set[Place]]:
    def run(tree: Path, _outlines: dict[str, Outline], _everything: bool) -> set[Place]:
        answer = subprocess.run([program, str(tree)], capture_output=True, check=True, text=True)
        places = re.finditer(
            r"^(.*?):(\d+):\d+: (?:exported .* should have|should have a package)", answer.stdout, re.MULTILINE
        )
        return {(Path(place[1]).relative_to(tree).as_posix(), int(place[2])) for place in places}

    return run


def compare(name: str, truth: set[Place], ours: set[Place], outlines: dict[str, Outline]) -> None:
    truth = {place for place in truth if place[0] in outlines}
    ours = {place for place in ours if place[0] in outlines}
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
