"""secaudit: input of a request is followed to what it must not reach, inside one function and through one call."""

import math

import pytest

from stepwarden.inspections.secaudit.request_flow.flows import FlowFinder
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.outline import Outline


def flows(files: dict[str, str]) -> list[tuple[str, str]]:
    """Return the places that input reaches, and what is made of it."""
    outlines: dict[str, Outline] = {}
    for path, text in files.items():
        outline = parse_outline(path, text.encode())
        assert outline is not None
        assert not outline.broken, path
        outlines[path] = outline
    return [(item.finding.place, item.finding.what) for item in FlowFinder(outlines, files.get, math.inf).find()]


def in_flask(*lines: str, route: str = "/x", takes: str = "") -> str:
    return f'@app.route("{route}")\ndef view({takes}):\n' + "".join(f"    {line}\n" for line in lines)


def in_express(*lines: str) -> str:
    return "app.get('/x', (req, res) => {\n" + "".join(f"  {line}\n" for line in lines) + "});\n"


def in_go(*lines: str) -> str:
    body = "".join(f"\t{line}\n" for line in lines)
    return f"package a\n\nfunc view(w http.ResponseWriter, r *http.Request) {{\n{body}}}\n"


REACHES = {
    "a file opened": ("a.py", in_flask('return open(request.args["name"]).read()'), "path"),
    "a path joined": ("a.py", in_flask('p = os.path.join(ROOT, request.args["n"])', "return send_file(p)"), "path"),
    "a path object": ("a.py", in_flask('p = Path(ROOT) / request.form["n"]', "return p.read_text()"), "path"),
    "an upload's name": ("a.py", in_flask('f = request.files["f"]', "f.save(os.path.join(UP, f.filename))"), "path"),
    "a parameter": ("a.py", in_flask("return send_file(ROOT + name)", route="/x/<path:name>", takes="name"), "path"),
    "a query of FastAPI": (
        "a.py",
        '@router.get("/x")\nasync def view(name: str, db: Session = Depends(get_db)):\n    return FileResponse(name)\n',
        "path",
    ),
    "a view of Django": ("a.py", "def view(request, filename):\n    return FileResponse(open(filename))\n", "path"),
    "a redirect": ("a.py", in_flask("return redirect(request.args.get('next'))"), "redirect"),
    "a redirect by its name": (
        "a.py",
        in_flask("u = request.args['next'] or '/'", "return redirect(location=u)"),
        "redirect",
    ),
    "a template": ("a.py", in_flask('return render_template_string("<b>" + request.args["n"])'), "template"),
    "a statement": (
        "a.py",
        in_flask('q = f"SELECT * FROM t WHERE n = {request.args[0]}"', "return db.execute(q)"),
        "SQL",
    ),
    "a command": (
        "a.py",
        in_flask('h = request.args["h"]', 'return subprocess.run(f"ping {h}", shell=True)'),
        "command",
    ),
    "a URL": ("a.py", in_flask("return requests.get(request.json['url'])"), "URL"),
    "a file sent": ("a.js", in_express("res.sendFile(path.join(root, req.params.name));"), "path"),
    "a name taken out": ("a.js", in_express("const { name } = req.query;", "fs.readFile(name, done);"), "path"),
    "a callback": ("a.js", in_express("const f = req.query.f;", "later(() => { res.download(f); });"), "path"),
    "a redirect with a status": ("a.js", in_express("res.redirect(302, req.query.home);"), "redirect"),
    "a query": ("a.js", in_express("db.query(`SELECT * FROM t WHERE id = ${req.query.id}`);"), "SQL"),
    "a page": ("a.js", in_express("res.send(`<h1>${req.query.name}</h1>`);"), "HTML"),
    "Koa": ("a.js", "router.get('/x', async (ctx) => {\n  ctx.redirect(ctx.query.to);\n});\n", "redirect"),
    "Next": (
        "app/x/route.ts",
        "export async function GET(request: Request, { params }: P) {\n  return fs.readFileSync(params.name);\n}\n",
        "path",
    ),
    "Go's files": ("a.go", in_go('name := r.URL.Query().Get("n")', "os.ReadFile(filepath.Join(root, name))"), "path"),
    "Go's redirect": ("a.go", in_go('http.Redirect(w, r, r.FormValue("next"), 302)'), "redirect"),
    "Go's shell": ("a.go", in_go('exec.Command("sh", "-c", "ls "+r.FormValue("d")).Run()'), "command"),
    "Go's page": ("a.go", in_go('fmt.Fprintf(w, "<h1>%s</h1>", r.FormValue("n"))'), "HTML"),
    "gin": ("a.go", 'package a\n\nfunc view(c *gin.Context) {\n\tc.File("/srv/" + c.Param("name"))\n}\n', "path"),
}
HARMLESS = {
    "a constant": ("a.py", in_flask('request.args["n"]', 'return open("a.txt").read()')),
    "a number": ("a.py", in_flask('n = int(request.args["n"])', 'return open(f"{n}.txt").read()')),
    "a secure name": ("a.py", in_flask('n = secure_filename(request.args["n"])', "return send_file(ROOT + n)")),
    "an allowed one": (
        "a.py",
        in_flask('n = request.args["n"]', "if n not in PAGES:", "    abort(404)", "return open(n)"),
    ),
    "a table": ("a.py", in_flask('return open(PAGES[request.args["n"]]).read()')),
    "inside the root": (
        "a.py",
        in_flask(
            'p = (ROOT / request.args["n"]).resolve()',
            "if not p.is_relative_to(ROOT):",
            "    abort(404)",
            "return p.read_text()",
        ),
    ),
    "an own address": ("a.py", in_flask('return redirect(f"/users/{request.form[0]}")')),
    "the same page": ("a.js", in_express("res.redirect(req.originalUrl);")),
    "a name of a route": ("a.py", in_flask('return redirect(url_for("x", name=request.args["n"]))')),
    "a checked host": (
        "a.py",
        in_flask(
            'n = request.args.get("next")', 'if not n or urlsplit(n).netloc != "":', '    n = "/"', "return redirect(n)"
        ),
    ),
    "values apart": ("a.py", in_flask('return db.execute("SELECT * FROM t WHERE n = ?", (request.args["n"],))')),
    "a directory that stays": ("a.py", in_flask('return send_from_directory(ROOT, request.args["n"])')),
    "a converted parameter": ("a.py", in_flask("return open(ROOT + str(n))", route="/x/<int:n>", takes="n")),
    "a number of FastAPI": ("a.py", '@app.get("/x")\ndef view(page: int):\n    return open(f"{page}.txt")\n'),
    "another host": ("a.py", in_flask("return requests.get(f\"https://api.test/x/{request.args['n']}\")")),
    "a found object": ("a.py", in_flask('doc = Doc.query.get(request.args["id"])', "return send_file(doc.path)")),
    "one literal": ("a.py", in_flask('k = request.args["k"]', 'if k == "txt":', "    return open(ROOT + k)")),
    "a root of Express": ("a.js", in_express("res.sendFile(req.params.name, { root });")),
    "the last part": ("a.js", in_express("const n = path.basename(req.query.n);", "fs.readFileSync(root + n);")),
    "an allow list": (
        "a.js",
        in_express("const to = req.query.to;", "if (!HOSTS.includes(to)) return res.end();", "res.redirect(to);"),
    ),
    "a regular expression": ("a.js", in_express("const m = /a(.*)/.exec(req.query.n);", "done(m);")),
    "a header": ("a.js", in_express("cache.get(req.query.n);", "request.get('x');")),
    "JSON": ("a.js", in_express("res.send({ name: req.query.name });")),
    "the base of Go": ("a.go", in_go('n := filepath.Base(r.FormValue("n"))', "os.ReadFile(root + n)")),
    "a prefix of Go": (
        "a.go",
        in_go('p := r.FormValue("p")', 'if !strings.HasPrefix(p, "/a/") {', "\treturn", "}", "os.ReadFile(p)"),
    ),
    "a map of Go": (
        "a.go",
        in_go('n := r.FormValue("n")', "if _, ok := pages[n]; !ok {", "\treturn", "}", "os.ReadFile(n)"),
    ),
}


@pytest.mark.parametrize("name", REACHES)
def test_input_of_a_request_is_followed_to_what_it_must_not_reach(name: str) -> None:
    path, text, what = REACHES[name]
    found = flows({path: text})
    assert [words.split(" from ")[0] for _, words in found] == [what], found


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_checked_converted_or_looked_up_is_no_such_input(name: str) -> None:
    path, text = HARMLESS[name]
    assert flows({path: text}) == []


def test_one_call_is_followed_into_its_function_in_its_file_and_by_its_import() -> None:
    helper = "def fetch(name):\n    return open(name)\n"
    view = "from lib.store import fetch\n\n\n" + in_flask('return fetch(request.args["n"])')
    assert flows({"a.py": helper + view.partition("\n\n\n")[2]}) == [
        ("a.py:2", 'path from request.args["n"], by view (a.py:5)')
    ]
    assert flows({"a.py": view, "lib/store.py": helper}) == [
        ("lib/store.py:2", 'path from request.args["n"], by view (a.py:6)')
    ]
    assert flows({"a.py": view, "lib/other.py": helper}) == []


def test_what_a_called_function_returns_carries_on_and_what_it_checks_does_not() -> None:
    joined = "def full(n):\n    return os.path.join(ROOT, n)\n"
    checked = "def full(n):\n    if n not in PAGES:\n        raise ValueError\n    return ROOT + n\n"
    view = in_flask('return open(full(request.args["n"]))')
    assert [words for _, words in flows({"a.py": joined + view})] == ['path from request.args["n"]']
    assert flows({"a.py": checked + view}) == []


def test_two_calls_are_too_far() -> None:
    text = "def inner(n):\n    return open(n)\n\n\ndef outer(n):\n    return inner(n)\n"
    assert flows({"a.py": text + in_flask('return outer(request.args["n"])')}) == []


def test_names_of_one_handler_are_not_those_of_the_next() -> None:
    text = in_express("const name = req.query.name;", "log(name);") + in_express("fs.readFile(name, done);")
    assert flows({"a.js": f"function routes(app) {{\n{text}}}\n"}) == []
