"""Twelve threads, one a tool, as capable agents work: what each call sends beside its number and the thread's id."""

from typing import Any

Call = dict[str, Any]

HYPOTHESIS = "total() in shop/cart.py takes the count off the price instead of multiplying by it"
CAUSE = {"file": "shop/cart.py", "line": 11, "quote": "return sum(line.price - line.count for line in lines)"}
TEST = {"file": "tests/test_cart.py", "line": 5, "quote": "assert total([Line(250, 3)]) == 750"}
SQL = "return connection.execute(f\"select id, total from orders where user = '{user}'\").fetchall()"
SHELL = 'return subprocess.run(f"tar czf /tmp/{name}.tgz data", shell=True, check=False)'
END: Call = {"next_step_required": False}


def said(step: str, findings: str = "", **more: Any) -> Call:
    """Return a call with its words."""
    return {"step": step, **({"findings": findings} if findings else {}), **more}


DEBUG = (
    said(
        "tests/test_cart.py fails: total([Line(250, 3)]) gives 247 where 750 is expected. Find the cause.",
        "The failing test builds one line with price 250 and count 3.",
        relevant_files=["shop/cart.py", "tests/test_cart.py"],
        confidence="exploring",
    ),
    said(
        "Read total() and its callers discounted() and place(); compared the result with the inputs of the test.",
        "247 is 250 - 3, so the count is subtracted. discounted() and place() build on the same sum.",
        files_checked=["shop/cart.py", "shop/orders.py"],
        hypothesis=HYPOTHESIS,
        evidence=[CAUSE | {"supports": "hypothesis"}],
        confidence="medium",
    ),
    said(
        "Changed the operator in a scratch copy and ran the test before and after.",
        "Before the change the test fails with 247 == 750, after it the test passes. The discount test then fails, "
        "since it relied on a count of 0.",
        files_checked=["tests/test_cart.py"],
        hypothesis=HYPOTHESIS,
        evidence=[TEST | {"supports": "hypothesis"}],
        confidence="high",
    ),
    said(
        "Looked for the same mistake elsewhere.",
        "No other place sums lines. The fix is one character, the discount test needs a count of 1.",
        hypothesis=HYPOTHESIS,
        evidence=[{"file": "shop/cart.py", "line": 15, "quote": "return total(lines) * (100 - percent) // 100"}],
        confidence="very_high",
        **END,
    ),
)
CODEREVIEW = (
    said(
        "Review shop/store.py and shop/orders.py for defects before the next release.",
        "Two modules, 80 lines; the store is shared by all requests.",
        relevant_files=["shop/store.py", "shop/orders.py"],
        review_type="full",
    ),
    said(
        "Read shop/store.py whole.",
        "save() swallows every error and retries at once; forget() changes _SAVED without the lock; orders_of() puts "
        "the user's name into SQL.",
        files_checked=["shop/store.py"],
        issues_found=[
            {"severity": "critical", "description": "SQL injection in orders_of", "file": "shop/store.py", "line": 13},
            {"severity": "high", "description": "save swallows all errors", "file": "shop/store.py", "line": 24},
            {"severity": "medium", "description": "forget without the lock", "file": "shop/store.py", "line": 30},
        ],
        evidence=[
            {"file": "shop/store.py", "line": 13, "quote": SQL, "supports": "I1"},
            {"file": "shop/store.py", "line": 30, "quote": "_SAVED.pop(order_id, None)", "supports": "I3"},
        ],
        confidence="medium",
    ),
    said(
        "Read shop/orders.py, and who calls save().",
        "report() skips gold users whose name starts with test, which hides a real user such as testino.",
        files_checked=["shop/orders.py"],
        issues_found=[
            {"severity": "low", "description": "report hides users named test...", "file": "shop/orders.py", "line": 41}
        ],
        evidence=[
            {"file": "shop/store.py", "line": 24, "quote": "except Exception:", "supports": "I2"},
            {
                "file": "shop/orders.py",
                "line": 41,
                "quote": 'if level == "gold" and user.startswith("test"):',
                "supports": "I4",
            },
        ],
        confidence="high",
    ),
    said("All was read; the three worst are quoted.", "Nothing else found.", confidence="very_high", **END),
    said(
        "Tried to break the findings: is the user's name ever checked before orders_of?",
        "spent() passes it on as it came from the request, so I1 stands.",
        evidence=[{"file": "shop/orders.py", "line": 27, "quote": "for _, cost in orders_of(connection, user):"}],
        **END,
    ),
)
ANALYZE = (
    said(
        "How is this shop built, and where would a second payment provider go?",
        "Four modules: cart, store, orders, web.",
        analysis_type="architecture",
    ),
    said(
        "Read orders.py and web.py: who calls whom.",
        "web calls orders, orders calls cart and store; web opens connections by itself.",
        files_checked=["shop/orders.py", "shop/web.py"],
        evidence=[{"file": "shop/orders.py", "line": 3, "quote": "from shop.cart import discounted, total"}],
    ),
    said(
        "Read store.py and cart.py.",
        "store keeps a module-level dict beside the database: two truths. A provider would go between place and save.",
        files_checked=["shop/store.py", "shop/cart.py"],
        hypothesis="A payment provider belongs into place() of orders, before save()",
        evidence=[{"file": "shop/orders.py", "line": 18, "quote": "order = Order(number, user, price)"}],
    ),
    said(
        "Looked for what speaks against it.",
        "save() returns False on failure, so a payment must be undone there.",
        evidence=[{"file": "shop/orders.py", "line": 19, "quote": "if not save(connection, order):"}],
        confidence="very_high",
        **END,
    ),
)
PLANNER = (
    said(
        "Plan to move the shop's orders from SQLite to PostgreSQL without losing one.",
        "Goal: all orders served by PostgreSQL, counts equal on both sides, SQLite switched off.",
        total_steps=5,
    ),
    said("Introduce a repository class round the four queries; SQLite stays behind it.", "Tests pin the behaviour."),
    said("Write orders to both stores, read from SQLite; compare counts every night.", "A mismatch raises an alarm."),
    said(
        "Introduce the repository, and cover it by tests against both databases.",
        "The first form had no test against PostgreSQL.",
        is_step_revision=True,
        revises_step_number=2,
    ),
    said("Read from PostgreSQL, keep writing both for two weeks, then remove SQLite.", "Way back: the flag.", **END),
)
PRECOMMIT = (
    said(
        "Check the pending change: it relaxes the price check and drops the error of a failed save.",
        "Two files changed, none staged.",
    ),
    said(
        "Read both hunks inside their functions.",
        "place() now takes orders that cost nothing, ignores that save() failed, and export() prints the name.",
        files_checked=["shop/orders.py", "shop/web.py"],
        issues_found=[
            {"severity": "high", "description": "a failed save is ignored", "file": "shop/orders.py", "line": 19},
            {"severity": "medium", "description": "a print is left in export", "file": "shop/web.py", "line": 20},
        ],
        evidence=[
            {"file": "shop/orders.py", "line": 19, "quote": "save(connection, order)", "supports": "I1"},
            {"file": "shop/web.py", "line": 20, "quote": "print(name)", "supports": "I2"},
        ],
        confidence="high",
    ),
    said(
        "Looked who relies on the error that is gone.",
        "handle_order() returns the order although it was never stored.",
        evidence=[{"file": "shop/orders.py", "line": 16, "quote": "if price < 0:", "supports": "I1"}],
        confidence="very_high",
        **END,
    ),
    said(
        "Nothing else; the verdict stands.",
        "Do not commit as it is.",
        evidence=[{"file": "shop/web.py", "line": 9, "quote": "return place(connection"}],
        **END,
    ),
)
REFACTOR = (
    said(
        "Where should shop/orders.py get a better shape? report() mixes levels and text.",
        "report() has the most branches.",
        relevant_files=["shop/orders.py"],
        refactor_type="decompose",
    ),
    said(
        "Read report() and spent().",
        "The level of a user is worked out inline, and test users are skipped in the middle.",
        files_checked=["shop/orders.py"],
        issues_found=[
            {
                "severity": "medium",
                "description": "report works out the level inline: make it level_of(amount)",
                "file": "shop/orders.py",
                "line": 34,
            }
        ],
        evidence=[{"file": "shop/orders.py", "line": 34, "quote": "amount = spent(connection, user)"}],
    ),
    said(
        "Looked at callers and tests.",
        "Only handle_report calls it, no test reaches it: write one first.",
        files_checked=["shop/web.py"],
        evidence=[{"file": "shop/web.py", "line": 14, "quote": 'return report(connection, request["users"])'}],
    ),
    said("Order of work: a test, then level_of, then the filter.", "Each is a commit of its own.", **END),
)
SECAUDIT = (
    said("Audit the shop for vulnerabilities.", "A web front, SQL and a shell command.", audit_focus="owasp"),
    said(
        "Followed the user's name from the request to the query.",
        "handle_report passes users unchecked; orders_of builds SQL from them.",
        files_checked=["shop/web.py", "shop/store.py"],
        issues_found=[
            {"severity": "critical", "description": "SQL injection in orders_of", "file": "shop/store.py", "line": 13}
        ],
        evidence=[{"file": "shop/store.py", "line": 13, "quote": SQL, "supports": "I1"}],
    ),
    said(
        "Followed the name of the export.",
        "export() runs a shell with the name in it.",
        issues_found=[
            {"severity": "critical", "description": "command injection in export", "file": "shop/web.py", "line": 20}
        ],
        evidence=[{"file": "shop/web.py", "line": 20, "quote": SHELL, "supports": "I2"}],
        confidence="high",
    ),
    said(
        "Looked for checks before both.",
        "There is none; the percent of an order is unchecked as well.",
        files_checked=["shop/orders.py", "shop/cart.py"],
        evidence=[{"file": "shop/web.py", "line": 19, "quote": 'name = request["name"]', "supports": "I2"}],
        confidence="very_high",
        **END,
    ),
    said("Nothing else found.", "The other sinks take constants.", **END),
)
TESTGEN = (
    said("Find what is untested in shop/cart.py and write the tests.", relevant_files=["shop/cart.py"]),
    said(
        "Wrote a test for cheapest() with lines and without.",
        "cheapest() shares its default between calls.",
        files_checked=["shop/cart.py"],
        evidence=[{"file": "shop/cart.py", "line": 18, "quote": "def cheapest(lines, default=[]):"}],
    ),
    said("Ran the tests.", "Two pass, one shows the shared default.", relevant_files=["tests/test_cart.py"]),
    said("Done with the file.", "All three functions have a test.", confidence="very_high", **END),
)
THINKDEEP = (
    said(
        "Should we keep SQLite for orders or move to PostgreSQL? 3 shops, 200 orders a day each.",
        "Assumptions: load stays below 10 orders a second (not checked); one host (checked).",
        relevant_files=["shop/store.py"],
    ),
    said(
        "Looked at how the store is used.",
        "One connection per request, short transactions; writes are retried at once, three times.",
        files_checked=["shop/store.py"],
        hypothesis="SQLite is enough as long as save() handles a locked database with a pause",
        evidence=[{"file": "shop/store.py", "line": 17, "quote": "for _ in range(retries):", "supports": "hypothesis"}],
        confidence="medium",
    ),
    said(
        "Argued the rival view: what would PostgreSQL give?",
        "Concurrent writers and replicas, which 200 orders a day do not need; a backup is simpler with SQLite.",
        hypothesis="SQLite is enough as long as save() handles a locked database with a pause",
        evidence=[{"file": "shop/store.py", "line": 24, "quote": "except Exception:", "supports": "hypothesis"}],
        confidence="high",
    ),
    said(
        "Looked for the value at which the choice flips.",
        "At some 50 writes a second; we are at 0.007.",
        evidence=[{"file": "shop/store.py", "line": 20, "quote": "connection.commit()", "supports": "hypothesis"}],
        confidence="very_high",
        **END,
    ),
)
TRACER = (
    said("Trace what happens from handle_order to the store.", trace_mode="precision", target="handle_order"),
    said(
        "Followed the calls.",
        "handle_order -> place -> discounted or total -> save.",
        files_checked=["shop/web.py", "shop/orders.py"],
        evidence=[{"file": "shop/orders.py", "line": 19, "quote": "if not save(connection, order):"}],
        confidence="high",
    ),
    said(
        "Looked at what save does on errors.",
        "It retries three times and then returns False.",
        files_checked=["shop/store.py"],
        evidence=[{"file": "shop/store.py", "line": 17, "quote": "for _ in range(retries):"}],
        confidence="very_high",
        **END,
    ),
)
DOCGEN = (
    said("Document this project.", style="google"),
    said("Documented the package.", writes=["shop/__init__.py"]),
    said("Documented the cart: prices are cents.", writes=["shop/cart.py"]),
    said("Documented the orders.", writes=["shop/orders.py"]),
    said("Documented the store; save swallows errors, which its docs say.", writes=["shop/store.py"]),
    said("That is all for today.", **END),
    said("Documented the web front.", writes=["shop/web.py"], **END),
)
CONSENSUS = (
    said(
        "Should the shop move its orders from SQLite to PostgreSQL now? 600 orders a day on one host.",
        "I lean against it.",
        models=["sure-1", "doubt-1", "maybe-1"],
    ),
    said("Weighed the first answer.", "Its point about backups holds; the one about load does not."),
    said("Weighed the second one.", "It agrees on the load.", own_vote="oppose"),
)
THREADS: dict[str, tuple[Call, ...]] = {
    "debug": DEBUG,
    "codereview": CODEREVIEW,
    "analyze": ANALYZE,
    "planner": PLANNER,
    "precommit": PRECOMMIT,
    "refactor": REFACTOR,
    "secaudit": SECAUDIT,
    "testgen": TESTGEN,
    "thinkdeep": THINKDEEP,
    "tracer": TRACER,
    "docgen": DOCGEN,
    "consensus": CONSENSUS,
}


def _vote(model: str, vote: str, confidence: float, summary: str, reasons: list[str], conditions: list[str]) -> Call:
    answer = {
        "vote": vote,
        "confidence": confidence,
        "summary": summary,
        "reasons": reasons,
        "conditions": conditions,
        "alternatives": ["Keep SQLite and add a busy timeout"],
        "evidence_needed": ["The peak of writes a second over the last month"],
    }
    return {"model": model, "answer": answer, "times": None}


SCRIPT = {
    "models": {"sure-1": {"family": "a"}, "doubt-1": {"family": "b"}, "maybe-1": {"family": "c"}},
    "replies": [
        _vote(
            "sure-1",
            "support",
            0.8,
            "Move now, while there is little data.",
            ["A move costs more with every month", "Replicas make backups without a stop"],
            [],
        ),
        _vote(
            "doubt-1",
            "oppose",
            0.7,
            "The load does not need it.",
            ["600 orders a day are one write in two minutes", "A second service has to be run and upgraded"],
            [],
        ),
        _vote(
            "maybe-1",
            "conditional",
            0.6,
            "Only with a second host.",
            ["SQLite serves one host well"],
            ["A second host is planned within a year", "Somebody runs PostgreSQL already"],
        ),
    ],
}
