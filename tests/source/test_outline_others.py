"""Java, Rust, C, C++ and C#: definitions, doc comments, and what is public."""

import pytest

from stepwarden.source.file_parser import parse_outline
from stepwarden.source.outline import Outline

JAVA = b"""package a;
import java.util.List;
/** A shop. */
@Deprecated
public class Shop<T> extends Base implements Open {
  // makes it
  public Shop(int size) { super(size); }
  @Override public String open(List<T> all, int... more) { return all == null ? key.turn(all) : new Key().turn(); }
  interface Door { void shut(); }
  private void hide() {}
  /** Sells. */
  protected int sell() { return 1; }
}
"""
RUST = b"""//! A shop.
use std::fmt;
/// A shop.
#[derive(Debug)]
pub struct Shop<T> { size: i32 }
pub trait Open { fn open(&self) -> i32; }
impl<T> Shop<T> {
  /// Sells.
  pub fn sell(&self, count: i32) -> i32 { if count > 1 { self.sell(count) } else { key::turn(count) } }
}
impl Open for Shop<i32> { fn open(&self) -> i32 { 1 } }
#[doc = "Runs."]
pub fn run() { println!("x") }
fn hidden() {}
"""
C = b"""#include "shop.h"
/** A shop. */
struct shop { int size; };
typedef struct { int a; } door_t;
static int hidden(int a) { return a; }
/// Sells.
int *sell(int a, char *b) { if (a && b) { return turn(a); } return 0; }
"""
HEADER = b"""/** Sells. */
int sell(int a);
int open_shop(void);
class Shop : public Base {
  int size();
 public:
  /// Opens.
  virtual int open(int a) const override { return key.turn(a); }
  void shut();
};
template <typename T> class Door { };
"""
CSHARP = b"""using System;
namespace N {
/// <summary>A shop.</summary>
[Serializable]
public class Shop<T> : Base, IOpen {
  public Shop(int size) : base(size) { }
  /// <summary>The size.</summary>
  public int Size { get; set; }
  public async Task<int> Sell(int count) { return count > 1 ? this.Turn(count) : new Key(); }
  private void Hide() { }
}
public interface IOpen { void Open(); }
}
"""


def read(path: str, text: bytes) -> Outline:
    found = parse_outline(path, text)
    assert found is not None
    assert found.broken == ()
    return found


def marks(found: Outline) -> dict[str, str]:
    """Return for each definition p(ublic), d(ocumented), e(xempt)."""
    return {item.qualified: "p" * item.public + "d" * item.documented + "e" * item.exempt for item in found.definitions}


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (
            "Shop.java",
            JAVA,
            {
                "Shop": "pd",
                "Shop.Shop": "p",
                "Shop.open": "pe",
                "Shop.Door": "",
                "Shop.Door.shut": "",
                "Shop.hide": "",
                "Shop.sell": "pd",
            },
        ),
        (
            "shop.rs",
            RUST,
            {
                "Shop": "pd",
                "Open": "p",
                "Open.open": "p",
                "Shop.sell": "pd",
                "Shop.open": "e",
                "run": "pd",
                "hidden": "",
            },
        ),
        ("shop.c", C, {"shop": "pd", "door_t": "p", "hidden": "", "sell": "pd"}),
        (
            "shop.h",
            HEADER,
            {
                "sell": "pd",
                "open_shop": "p",
                "Shop": "p",
                "Shop.size": "",
                "Shop.open": "pde",
                "Shop.shut": "p",
                "Door": "p",
            },
        ),
        (
            "Shop.cs",
            CSHARP,
            {
                "Shop": "pd",
                "Shop.Shop": "p",
                "Shop.Size": "pd",
                "Shop.Sell": "p",
                "Shop.Hide": "",
                "IOpen": "p",
                "IOpen.Open": "p",
            },
        ),
    ],
)
def test_definitions_are_public_and_documented_as_their_language_has_it(
    path: str, text: bytes, expected: dict[str, str]
) -> None:
    assert marks(read(path, text)) == expected


@pytest.mark.parametrize(
    ("path", "text", "calls", "module"),
    [
        ("Shop.java", JAVA, {("key", "turn"), ("?", "turn"), ("", "Key")}, "java.util.List"),
        ("shop.rs", RUST, {("self", "sell"), ("key", "turn"), ("", "println!")}, "std::fmt"),
        ("shop.c", C, {("", "turn")}, "shop.h"),
        ("Shop.cs", CSHARP, {("this", "Turn"), ("", "Key")}, "System"),
    ],
)
def test_calls_and_imports_are_read(path: str, text: bytes, calls: set[tuple[str, str]], module: str) -> None:
    found = read(path, text)
    assert {(call.receiver, call.name) for call in found.calls} == calls
    assert [item.module for item in found.imports] == [module]


def test_signatures_parameters_and_bases_are_on_one_line() -> None:
    shop, _, opens, *_ = read("Shop.java", JAVA).definitions
    assert shop.bases == ("Base", "Open")
    assert opens.parameters == ("all", "more")
    assert opens.signature == "@Override public String open(List<T> all, int... more)"
    assert opens.complexity == 2
