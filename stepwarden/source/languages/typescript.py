"""TypeScript, with TSX in `.tsx` files."""

from stepwarden.source.grammar import Grammar
from stepwarden.source.languages.ecmascript import define
from stepwarden.source.languages.es_directives import directives, line_end_matters
from stepwarden.source.languages.es_imports import call_of, import_of
from stepwarden.source.languages.es_types import TYPED_VARIABLES, variables_of
from stepwarden.source.languages.exports import mark_exported
from stepwarden.source.languages.javascript import BRANCHES, CALLS, DEFINITIONS, IMPORTS, LITERALS
from stepwarden.source.outline import Language

_NO_JSX = tuple(kind for kind in CALLS if not kind.startswith("jsx_"))

GRAMMAR = Grammar(
    language=Language.TYPESCRIPT,
    wheel="tree_sitter_typescript",
    entries={".ts": "language_typescript", ".tsx": "language_tsx"},
    definitions=(
        *DEFINITIONS,
        "abstract_class_declaration",
        "interface_declaration",
        "type_alias_declaration",
        "enum_declaration",
        "internal_module",
        "method_signature",
    ),
    define=define,
    imports=IMPORTS,
    import_of=import_of,
    calls=_NO_JSX,
    call_of=call_of,
    variables=TYPED_VARIABLES,
    variables_of=variables_of,
    branches=BRANCHES,
    finish=mark_exported,
    literals=LITERALS,
    comments_end_lines=True,
    directives=directives,
    line_end_matters=line_end_matters,
)
