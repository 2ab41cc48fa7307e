"""The kinds of question that a task can ask."""

from enum import StrEnum


class QuestionKind(StrEnum):
    """The kind of a question, the one that asks for most first."""

    SECURITY = "security"
    ARCHITECTURE = "architecture"
    REVIEW = "review"
    DEBUG = "debug"
    HOW = "how"
