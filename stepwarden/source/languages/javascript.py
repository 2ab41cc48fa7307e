"""JavaScript, with JSX."""

from stepwarden.source.grammar import Grammar
from stepwarden.source.languages.ecmascript import define
from stepwarden.source.languages.es_directives import directives, line_end_matters
from stepwarden.source.languages.es_imports import call_of, import_of
from stepwarden.source.languages.es_types import VARIABLES, variables_of
from stepwarden.source.languages.exports import mark_exported
from stepwarden.source.outline import Language

DEFINITIONS = (
    "function_declaration",
    "generator_function_declaration",
    "class_declaration",
    "class",
    "method_definition",
    "arrow_function",
    "function_expression",
    "generator_function",
)
IMPORTS = ("import_statement", "export_statement", "variable_declarator", "call_expression")
CALLS = ("call_expression", "new_expression", "decorator", "jsx_opening_element", "jsx_self_closing_element")
BRANCHES = (
    "if_statement",
    "for_statement",
    "for_in_statement",
    "while_statement",
    "do_statement",
    "switch_case",
    "catch_clause",
    "ternary_expression",
    '"&&"',
    '"||"',
    '"??"',
)
LITERALS = frozenset({"string", "string_fragment", "regex", "jsx_text"})

GRAMMAR = Grammar(
    language=Language.JAVASCRIPT,
    wheel="tree_sitter_javascript",
    entries={".js": "language"},
    definitions=DEFINITIONS,
    define=define,
    imports=IMPORTS,
    import_of=import_of,
    calls=CALLS,
    call_of=call_of,
    variables=VARIABLES,
    variables_of=variables_of,
    branches=BRANCHES,
    finish=mark_exported,
    literals=LITERALS,
    comments_end_lines=True,
    directives=directives,
    line_end_matters=line_end_matters,
)
