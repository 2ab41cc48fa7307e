"""The tree that the scripted threads are about: a small shop in git, with faults, an uncommitted change and tests."""

import subprocess
from pathlib import Path

CART = """from dataclasses import dataclass


@dataclass
class Line:
    price: int
    count: int


def total(lines):
    return sum(line.price - line.count for line in lines)


def discounted(lines, percent):
    return total(lines) * (100 - percent) // 100


def cheapest(lines, default=[]):
    if not lines:
        return default
    return min(lines, key=lambda line: line.price)
"""
STORE = """import sqlite3
import threading

_LOCK = threading.Lock()
_SAVED = {}


def connect(path):
    return sqlite3.connect(path)


def orders_of(connection, user):
    return connection.execute(f"select id, total from orders where user = '{user}'").fetchall()


def save(connection, order, retries=3):
    for _ in range(retries):
        try:
            connection.execute("insert into orders values (?, ?, ?)", (order.id, order.user, order.total))
            connection.commit()
            with _LOCK:
                _SAVED[order.id] = order
            return True
        except Exception:
            pass
    return False


def forget(order_id):
    _SAVED.pop(order_id, None)
"""
ORDERS = """from dataclasses import dataclass

from shop.cart import discounted, total
from shop.store import orders_of, save


@dataclass
class Order:
    id: int
    user: str
    total: int


def place(connection, number, user, lines, percent=0):
    price = discounted(lines, percent) if percent else total(lines)
    if price <= 0:
        raise ValueError("an order costs something")
    order = Order(number, user, price)
    if not save(connection, order):
        raise RuntimeError("not saved")
    return order


def spent(connection, user):
    amount = 0
    for _, cost in orders_of(connection, user):
        amount += cost
    return amount


def report(connection, users, limit=10):
    lines = []
    for user in users[:limit]:
        amount = spent(connection, user)
        if amount > 1000:
            level = "gold"
        elif amount > 100:
            level = "silver"
        else:
            level = "plain"
        if level == "gold" and user.startswith("test"):
            continue
        lines.append(f"{user}: {amount} ({level})")
    return "\\n".join(lines)
"""
WEB = """import subprocess

from shop.orders import place, report
from shop.store import connect


def handle_order(request):
    connection = connect(request["db"])
    return place(connection, request["id"], request["user"], request["lines"], request.get("percent", 0))


def handle_report(request):
    connection = connect(request["db"])
    return report(connection, request["users"])


def export(request):
    name = request["name"]
    return subprocess.run(f"tar czf /tmp/{name}.tgz data", shell=True, check=False)
"""
TESTS = """from shop.cart import Line, discounted, total


def test_a_line_costs_its_price_times_its_count():
    assert total([Line(250, 3)]) == 750


def test_a_discount_of_nothing_changes_nothing():
    assert discounted([Line(250, 0)], 0) == 250
"""
FILES = {
    "shop/__init__.py": "",
    "shop/cart.py": CART,
    "shop/store.py": STORE,
    "shop/orders.py": ORDERS,
    "shop/web.py": WEB,
    "tests/test_cart.py": TESTS,
    "README.md": "# Shop\n\nCarts, orders and a small web front.\n",
}
CHANGES = {
    "shop/orders.py": (
        ("    if price <= 0:\n", "    if price < 0:\n"),
        (
            '    if not save(connection, order):\n        raise RuntimeError("not saved")\n',
            "    save(connection, order)\n",
        ),
    ),
    "shop/web.py": (('    name = request["name"]\n', '    name = request["name"]\n    print(name)\n'),),
}
_WHO = ("-c", "user.name=Bench", "-c", "user.email=bench@example.org", "-c", "commit.gpgsign=false")


def make_shop(directory: Path) -> None:
    """Write the tree, committed."""
    for path, text in FILES.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)
    for command in (("init", "-q", "-b", "main"), ("add", "."), (*_WHO, "commit", "-q", "-m", "Shop")):
        subprocess.run(["git", *command], cwd=directory, check=True)


def change_shop(directory: Path) -> None:
    """Make the change that `precommit` is asked about."""
    for path, swaps in CHANGES.items():
        text = (directory / path).read_text()
        for old, new in swaps:
            assert old in text
            text = text.replace(old, new)
        (directory / path).write_text(text)


def document(directory: Path, path: str) -> None:
    """Write docstrings into a file of the tree: on its first line, and below each definition."""
    lines = ['"""What this module is for."""', ""]
    for line in (directory / path).read_text().splitlines():
        lines.append(line)
        if line.startswith(("def ", "class ")):
            lines.append('    """Do what the name says; see the tests for examples."""')
    (directory / path).write_text("\n".join(lines) + "\n")
