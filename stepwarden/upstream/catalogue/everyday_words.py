"""Everyday words for what tools are named after: their stems, and which of them mean much the same.

A group holds words that people use for one another when they ask for something; a word may be in several.
"""

from collections import defaultdict
from collections.abc import Mapping
from functools import cache, lru_cache

_GROUPS = """
create new add make open write start begin raise insert post book register draft
delete remove erase drop destroy discard purge trash clear throw
update edit change modify rename fix correct set rewrite adjust replace
get show read view display fetch see give retrieve print open
list all every which enumerate
search find look lookup locate query where hunt
my mine search
assigned search
unresolved unfinished pending search
move transfer shift relocate throw push postpone
copy duplicate clone replicate
transition close resolve reopen finish done complete status state fixed solved mark stage workflow progress
assign give hand delegate owner assignee responsible
comment remark feedback note say discuss reviewer review
reply answer respond
watch watcher follow subscribe notify mail alert unsubscribe inform tell
link connect relate associate relation tie join
dependency depend block blocker waiting
attachment attach file screenshot picture upload
upload attach send
download save export
image screenshot picture photo diagram
label tag category keyword
permission access allow right can let share may
restriction restrict only private protect lock see access can let visible limit
history version change previous old older past earlier revision back revert restore changelog
diff difference compare change
issue ticket bug task story defect incident problem card
page document doc documentation wiki article content
wiki confluence
user person people who colleague teammate member account profile me someone everybody
sprint iteration cycle
worklog time hour spent effort timesheet worked log work
version release milestone
development pull pr commit branch code merge
sla deadline late overdue missed breach response
date deadline due when day
view statistic visitor popular count many often visit read
project product
service support customer desk helpdesk
queue waiting line inbox
request ask
child subpage below under beneath nested
hierarchy tree structure outline under
parent under epic belong
backlog later
template form boilerplate
directory folder
file document
commit save record
query sql select
table database
message mail email chat
event meeting appointment calendar
url web website site link internet
current now today
batch several multiple many bulk
"""

KEPT_WORDS = 20_000  # whose stems are kept: what servers and hosts say is without an end
ALIKE = 0.6  # what a word counts that only means much the same

# Endings that are taken off, the longest first; what is left has at least three letters.
_ENDINGS = (
    "ations",
    "ation",
    "ments",
    "ment",
    "ings",
    "ing",
    "ions",
    "ion",
    "ies",
    "ied",
    "ers",
    "er",
    "ed",
    "es",
    "s",
)
_LEAST = 3
_FORMS = """
give gave given
write wrote written
find found
say said
see saw seen
make made
send sent
tell told
child children
throw threw thrown
doc docs
pr prs
close closed
people people
"""  # of words that are formed irregularly, and of some that their endings would spoil
_IRREGULAR = {form: line.split()[0] for line in _FORMS.strip().splitlines() for form in line.split()[1:]}


@lru_cache(maxsize=KEPT_WORDS)
def stem(word: str) -> str:
    """Return what a word has in common with its other forms: close, closes, closed, closing."""
    word = _IRREGULAR.get(word, word)
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST:
            word = word[: -len(ending)]
            break
    if len(word) > _LEAST and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]  # planning, plan
    return word.rstrip("ey") if len(word) > _LEAST else word


@lru_cache(maxsize=KEPT_WORDS)
def alike(word: str) -> Mapping[str, float]:
    """Return the stems that a word may stand for, and what each counts: its own 1."""
    found = {other: ALIKE for group in _groups().get(stem(word), ()) for other in group}
    return {**found, stem(word): 1.0}


@cache
def _groups() -> Mapping[str, list[frozenset[str]]]:
    groups: defaultdict[str, list[frozenset[str]]] = defaultdict(list)
    for line in _GROUPS.split("\n"):
        group = frozenset(map(stem, line.split()))
        for word in group:
            groups[word].append(group)
    return groups
