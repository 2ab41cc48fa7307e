"""A small project with a fault in it, for threads to look at."""

from pathlib import Path

CART = '''"""The cart of a shop."""

from dataclasses import dataclass


@dataclass
class Line:
    price: int
    count: int


def total(lines):
    """Return the price of all lines in cents."""
    return sum(line.price - line.count for line in lines)


def discounted(lines, percent):
    """Return the total after a discount."""
    return total(lines) * (100 - percent) // 100
'''
CART_TEST = """from cart import Line, total


def test_a_line_costs_its_price_times_its_count():
    assert total([Line(price=250, count=3)]) == 750
"""
FAULT = "return sum(line.price - line.count for line in lines)"
FAULT_LINE = 14


def make_project(directory: Path) -> Path:
    """Write a small project with a fault in it."""
    (directory / "src").mkdir(parents=True)
    (directory / "tests").mkdir()
    (directory / "src" / "cart.py").write_text(CART)
    (directory / "tests" / "test_cart.py").write_text(CART_TEST)
    (directory / "README.md").write_text("# Shop\n\nA cart, its lines, and what they cost.\n")
    return directory
