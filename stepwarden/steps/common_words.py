"""Words that say little of which line is meant: those of every claim, and those of every program."""

_OF_CLAIMS = (
    "called first last next with from that this then when before after wrong cause case cases fault issue done find "
    "look show should must could would does cannot never always only also into than there than their them they will "
    "have been being some every each other another because while until where which what whose missing invalid unknown "
    "given used uses using same different possible existing old make made work works like over under more most less "
    "least very just even still too late early taken two one three not and the for are was were has had its but any "
    "all can may might both either neither without within between about against through during again once here fails "
    "fail failed breaks broken throws raises happens instead correct incorrect properly correctly actual expected bug "
    "bugs "
)
_OF_PROGRAMS = (
    "value values data self result results state name names list lists item items index error errors line lines test "
    "tests return returns call calls type types key keys text code function functions method methods class classes "
    "object objects module modules input output number numbers count counts time times size check checks none true "
    "false string strings argument arguments args kwargs parameter parameters default options option start stop step "
    "steps current previous instance property attribute attributes field fields variable constant help info init main "
    "bool int str dict tuple set get new add sum length begin end params param base util utils helper helpers common "
    "kind mode flag flags exception exceptions file files path paths read write run runs "
)
WORDS_OF_CLAIMS = frozenset(_OF_CLAIMS.split())
COMMON_WORDS = WORDS_OF_CLAIMS | frozenset(_OF_PROGRAMS.split())
