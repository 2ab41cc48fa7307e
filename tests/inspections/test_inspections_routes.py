"""secaudit: routes that lack a check which others of their file have; the audited application as a whole."""

import math
from textwrap import dedent

import pytest
from audited_application import APPLICATION, DECOYS, HOLES

from stepwarden.inspections.secaudit.request_flow.flows import FlowFinder
from stepwarden.inspections.secaudit.security_rules import find_dangerous_lines
from stepwarden.source.file_parser import parse_outline


def missing(path: str, text: str) -> list[tuple[int, str]]:
    """Return the routes of one file that lack a check: their lines, and what is missing."""
    text = dedent(text).lstrip("\n")
    outline = parse_outline(path, text.encode())
    assert outline is not None
    assert not outline.broken
    finder = FlowFinder({path: outline}, {path: text}.get, math.inf)
    return [(item.line, item.what) for item in finder.find_missing_checks()]


FLASK = """
    @bp.route("/orders")
    @login_required
    def orders():
        return list_orders()

    @bp.route("/payments")
    @login_required
    def payments():
        return list_payments()

    @bp.route("/invoices")
    {check}
    def invoices():
        {body}
        return list_invoices()

    @bp.route("/login")
    def login():
        return form()
"""


@pytest.mark.parametrize(
    ("check", "body", "found"),
    [
        ("@cached", "pass", [(13, "/invoices: no login check, 2 other routes of the file have one")]),
        ("@login_required", "pass", []),
        ("@requires_kobo_auth", "pass", []),
        ("@cached", "if 'user' not in session: abort(401)", []),
    ],
)
def test_a_route_without_the_login_check_of_the_others_is_named_once(
    check: str, body: str, found: list[tuple[int, str]]
) -> None:
    assert missing("a.py", FLASK.format(check=check, body=body)) == found


def test_a_file_of_public_routes_with_one_login_names_only_what_is_sensitive() -> None:
    text = """
        @app.get("/items")
        def items(): return 1

        @app.get("/prices")
        def prices(): return 2

        @app.get("/me")
        def me(user: User = Depends(get_current_user)): return 3

        @app.delete("/items/{item_id}")
        def drop(item_id: int): return 4
    """
    assert missing("a.py", text) == [(11, "/items/{item_id}: no login check, 1 other route of the file has one")]


@pytest.mark.parametrize(
    "wide",
    [
        "@bp.before_request\ndef check():\n    if not g.user: abort(401)\n\n",
        "",
    ],
)
def test_a_check_of_the_whole_router_covers_its_routes(wide: str) -> None:
    text = dedent(FLASK.format(check="@cached", body="pass"))
    assert len(missing("a.py", wide + text)) == (0 if wide else 1)


EXPRESS = """
    const router = express.Router();
    {wide}
    router.get('/orders', requireAuth, (req, res) => {{ res.json(orders()); }});
    router.post('/orders', requireAuth, (req, res) => {{ res.json(add(req.body)); }});
    router.delete('/orders/:id', (req, res) => {{ res.json(drop(req.params.id)); }});
    router.post('/login', (req, res) => {{ res.json(login(req.body)); }});
"""


def test_routes_of_express_are_compared_by_their_middleware() -> None:
    assert missing("a.js", EXPRESS.format(wide="")) == [
        (5, "/orders/:id: no login check, 2 other routes of the file have one")
    ]
    assert missing("a.js", EXPRESS.format(wide="router.use(passport.authenticate('jwt'));")) == []


def test_routes_of_go_are_compared_by_what_wraps_their_handlers() -> None:
    text = """
        package a

        func list(w http.ResponseWriter, r *http.Request) { w.Write(all()) }
        func add(w http.ResponseWriter, r *http.Request)  { w.Write(all()) }
        func drop(w http.ResponseWriter, r *http.Request) { w.Write(all()) }

        func routes(mux *http.ServeMux) {
            mux.Handle("/list", requireUser(http.HandlerFunc(list)))
            mux.Handle("/add", requireUser(http.HandlerFunc(add)))
            mux.HandleFunc("/delete", drop)
        }
    """
    assert missing("a.go", text) == [(10, "/delete: no login check, 2 other routes of the file have one")]


OWNED = """
    @bp.route("/orders/<int:order_id>")
    @login_required
    def show(order_id):
        order = Order.query.get_or_404(order_id)
        if order.owner_id != current_user.id:
            abort(403)
        return render_template("order.html", order=order)

    @bp.route("/orders/<int:order_id>/{verb}", methods=["{method}"])
    @login_required
    def other(order_id):
        order = {model}.query.get_or_404({key})
        return render_template("order.html", order=order)
"""


@pytest.mark.parametrize(
    ("verb", "method", "model", "key", "found"),
    [
        ("print", "GET", "Order", "order_id", True),
        ("cancel", "POST", "Order", "order_id", True),
        ("print", "GET", "Country", "order_id", False),  # no sibling checks one
        ("print", "GET", "Order", "DEFAULT_ID", False),  # not of the request
    ],
)
def test_an_object_fetched_by_an_id_needs_the_owner_check_of_its_siblings(
    verb: str, method: str, model: str, key: str, found: bool
) -> None:
    told = missing("a.py", OWNED.format(verb=verb, method=method, model=model, key=key))
    what = f"/orders/<int:order_id>/{verb}: Order by id, no owner check as in show (3)"
    assert told == ([(11, what)] if found else [])


def test_that_writing_asks_for_the_owner_says_nothing_of_reading() -> None:
    text = OWNED.format(verb="print", method="GET", model="Order", key="order_id")
    writes = text.replace('"/orders/<int:order_id>")', '"/orders/<int:order_id>", methods=["PUT"])')
    assert missing("a.py", writes) == []


CHANGES = """
    @bp.route("/users/<int:key>/delete"{methods})
    def delete_user(key):
        db.session.delete(find(key))
        return "gone"

    @bp.route("/groups/<int:key>/delete", methods=["POST"])
    def delete_group(key):
        db.session.delete(find(key))
        return "gone"
"""


def test_a_get_that_deletes_is_named_where_others_take_no_get() -> None:
    assert missing("a.py", CHANGES.format(methods="")) == [
        (2, "/users/<int:key>/delete: changes state by GET, delete_group does not")
    ]
    assert missing("a.py", CHANGES.format(methods=', methods=["POST"]')) == []
    assert missing("a.py", CHANGES.format(methods="").replace('methods=["POST"]', 'methods=["GET"]')) == []


def test_a_route_without_the_csrf_check_of_most_is_named() -> None:
    text = """
        app.post('/pay', csrfProtection, (req, res) => { res.json(pay(req.body)); });
        app.post('/send', csrfProtection, (req, res) => { res.json(send(req.body)); });
        app.post('/move', {check}(req, res) => { res.json(move(req.body)); });
    """
    assert missing("a.js", text.replace("{check}", "")) == [(3, "/move: no CSRF check as in /pay")]
    assert missing("a.js", text.replace("{check}", "csrfProtection, ")) == []


def test_every_hole_of_the_application_is_flagged_and_no_decoy_is_more_than_a_constant() -> None:
    outlines = {path: parse_outline(path, text.encode()) for path, text in APPLICATION.items()}
    found = {path: outline for path, outline in outlines.items() if outline is not None}
    assert len(found) == len(APPLICATION)
    finder = FlowFinder(found, APPLICATION.get, math.inf)
    flagged = {item.finding.place for item in finder.find()} | {item.place for item in finder.find_missing_checks()}
    lines = [
        item
        for path, outline in found.items()
        for item in find_dangerous_lines(path, APPLICATION[path], outline.language)
    ]
    assert flagged == set(HOLES)
    assert not [item for item in lines if item.place in DECOYS and not item.constant]


GATED = """
    {head}
    router.get("/orders", {check}, (req, res) => res.json(orders))
    router.get("/bills", requireAuth, (req, res) => res.json(bills))
    router.get("/carts", requireAuth, (req, res) => res.json(carts))
    router.delete("/orders/:id", requireAuth, (req, res) => res.json(drop(req.params.id)))
"""
MIDDLEWARE = {
    "a name of the wider set": ("", "user", None),
    "another": ("", "membersOnly", None),
    "a body that turns away": (
        "function step1(req, res, next) { if (!req.session.uid) return res.sendStatus(401); next() }",
        "step1",
        None,
    ),
    "a body that redirects": (
        "const gate = (req, res, next) => req.cookies.sid ? next() : res.redirect('/login')",
        "gate",
        None,
    ),
    "a body that hands an error on": (
        "function whoami(req, res, next) { find(req.headers.authorization, (e, u) => next(e || new Error('no'))) }",
        "whoami",
        None,
    ),
    "a body that only loads": (
        "function currentUser(req, res, next) { res.locals.user = req.session.user; next() }",
        "currentUser",
        "no login check, 3 other routes",
    ),
    "what checks no login": ("", "express.json()", "no login check, 3 other routes"),
    "what nobody knows": ("", "step7", "no login check (guess), 3 other routes"),
}


@pytest.mark.parametrize("case", MIDDLEWARE)
def test_middleware_is_judged_by_what_it_does_else_by_its_name(case: str) -> None:
    head, check, told = MIDDLEWARE[case]
    found = missing("routes.js", dedent(GATED).format(head=head, check=check))
    assert [what.startswith(f"/orders: {told}") for _, what in found] == ([] if told is None else [True])


def test_middleware_of_another_file_is_judged_by_its_body() -> None:
    texts = {
        "gate.js": "export function step1(req, res, next) { if (!req.session.uid) return res.sendStatus(401); }\n",
        "open.js": "export function currentUser(req, res, next) { res.locals.user = req.session.user; next() }\n",
        "a.js": dedent(GATED).format(head="import { step1 } from './gate'", check="step1"),
        "b.js": dedent(GATED).format(head="import { currentUser } from './open'", check="currentUser"),
    }
    outlines = {path: outline for path, text in texts.items() if (outline := parse_outline(path, text.encode()))}
    finder = FlowFinder(outlines, texts.get, math.inf)
    assert [item.path for item in finder.find_missing_checks()] == ["b.js"]


PYTHON_CHECKS = {
    "a decorator that turns away": (
        "def step1(view):\n    def inner():\n        if 'uid' not in session: abort(401)\n    return inner",
        "@step1",
        "",
        False,
    ),
    "one that only measures": (
        "def require_user_timer(view):\n    return view",
        "@require_user_timer",
        "",
        True,
    ),
    "a dependency that turns away": (
        "def step2(request):\n    if not request.headers.get('x-token'):\n        raise HTTPException(401)",
        "",
        "me=Depends(step2)",
        False,
    ),
    "a body of the request": ("", "", "user: UserCreate", True),
}


@pytest.mark.parametrize("case", PYTHON_CHECKS)
def test_checks_of_python_are_judged_by_what_they_do(case: str) -> None:
    head, decorator, parameter, told = PYTHON_CHECKS[case]
    text = f"{head}\n"
    for name in ("bills", "carts", "stocks"):
        text += f'@app.get("/{name}")\ndef {name}(u=Depends(get_current_user)):\n    return load_{name}()\n'
    text += f'@app.post("/orders")\n{decorator}\ndef orders({parameter}):\n    return load_orders()\n'
    found = missing("routes.py", text)
    assert bool(found) is told


def test_middleware_of_go_is_judged_by_its_body() -> None:
    text = """
        package main
        func step1(h http.HandlerFunc) http.HandlerFunc {
            return func(w http.ResponseWriter, r *http.Request) {
                if r.Header.Get("X-Token") == "" { http.Error(w, "no", http.StatusUnauthorized); return }
                h(w, r)
            }
        }
        func orders(w http.ResponseWriter, r *http.Request) { w.Write(load(r.URL)) }
        func drop(w http.ResponseWriter, r *http.Request) { w.Write(load(r.URL)) }
        func main() {
            mux.HandleFunc("/orders", step1(orders))
            mux.HandleFunc("/bills", requireAuth(orders))
            mux.HandleFunc("/delete", drop)
        }
    """
    assert [what.partition(":")[0] for _, what in missing("main.go", text)] == ["/delete"]
