"""YAML into dataclasses: numbers stay numbers, and what is wrong becomes one sentence."""

from __future__ import annotations

import datetime
from dataclasses import field
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field
from pydantic.dataclasses import dataclass

from replication.config.strict import CLOSED, Count, read_yaml, strict
from replication.foundation.errors import InputError


@dataclass(frozen=True, config=CLOSED)
class Leaf:
    rate: float
    size: int = 1
    step: Count | Annotated[str, Field(pattern="^final$")] = 1
    id: str = ""

    def __post_init__(self) -> None:
        if not self.rate:
            raise ValueError("rate is zero")


@dataclass(frozen=True, config=CLOSED)
class Tree:
    leaf: Leaf
    leaves: tuple[Leaf, ...] = ()
    named: dict[str, Leaf] = field(default_factory=dict)
    maybe: Leaf | None = None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            "{rate: 2e-4, dotted: 1.0e-3, word: 'no', off: no, octal: 010}",
            {"rate": 2e-4, "dotted": 1e-3, "word": "no", "off": "no", "octal": 10},
        ),
        (
            "one: &one {a: 1, b: 2}\ntwo: {<<: *one, b: 3}\nrun: *one\n",
            {"one": {"a": 1, "b": 2}, "two": {"a": 1, "b": 3}, "run": {"a": 1, "b": 2}},
        ),
        ("\ufeffa: 1", {"a": 1}),  # a mark of the encoding is no part of a key
    ],
)
def test_yaml_values(tmp_path: Path, text: str, value: object) -> None:
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    assert read_yaml(tmp_path / "a.yaml") == value


LAUGHS = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 9))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1, 2", "is not YAML: "),
        ("a: 1\na: 2\n", "is not YAML: "),
        ("a: *nowhere\n", "is not YAML: "),
        ("\tb: 1", "is not YAML: "),
        (b"a: \xff\xfe\n", "is not YAML: "),
        ("a: {b: &a [*a]}", "a.b"),
        ("a: &a {b: *a}", "a.b"),
        (f"l0: &l0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n{LAUGHS}", "aliases"),
        ("a: 1\nb: " + "[" * 100_000, "line 2"),
        ("a: 1\nb:\n" + "- " * 100_000, "line 3"),
        ("a: 1\nb: " + "9" * 10_000, "line 2"),
        (f"a: {{b: -{2**63}}}", f"a.b: -{2**63}"),
        ("a: [1, {b: .NaN}]", r"a[1].b: nan"),
        ("a: {b: 1e999}", "a.b: inf"),
        ("a: {1: x}", "a: the key 1"),
        ("null: x", "the whole: the key None"),
        ("a: 2020-01-01", "a: datetime.date"),
        ("a: !!set {b}", "a: {'b'}"),
        ("a: !!bool b", "'b'"),
        ("a: !!int b", "'b'"),
    ],
)
def test_what_no_file_may_hold_is_one_sentence(tmp_path: Path, text: str | bytes, words: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        read_yaml(path)
    sentence = str(caught.value)
    assert sentence.startswith(str(path)) and words in sentence and "\n" not in sentence and len(sentence) < 500


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no .*a.yaml: run the command in the root of the repository"):
        read_yaml(tmp_path / "a.yaml")


def test_plain_values_become_dataclasses() -> None:
    value = {"leaf": {"rate": 1}, "leaves": [{"rate": 0.5, "size": 2}], "named": {"x": {"rate": 0.1}}}
    tree = strict(Tree, value, "here")
    assert tree == Tree(Leaf(1.0), (Leaf(0.5, 2),), {"x": Leaf(0.1)})
    assert isinstance(tree.leaf.rate, float)


LEAF = {"rate": 0.5}
UNKNOWN = "unexpected keyword argument (got 1); accepted keys: ['id', 'rate', 'size', 'step']."
WRONG = {
    "top": ({"leaf": LEAF, "root": 1}, "root: unexpected keyword argument (got 1); accepted keys: ['leaf', 'leaves', "),
    "below": ({"leaf": {**LEAF, "colour": 1}}, "leaf.colour: " + UNKNOWN),
    "in a list": ({"leaf": LEAF, "leaves": [LEAF, {**LEAF, "x": 1}]}, "leaves[1].x: " + UNKNOWN),
    "in a mapping": ({"leaf": LEAF, "named": {"a": {**LEAF, "x": 1}}}, "named.a.x: " + UNKNOWN),
    "in a named entry": ({"leaf": LEAF, "leaves": [{**LEAF, "id": "a", "x": 1}]}, "leaves[0] (a).x: " + UNKNOWN),
    "out of range of one of two types": ({"leaf": {**LEAF, "step": 0}}, "leaf.step: input should be greater than or e"),
    "no such word, or number": ({"leaf": {**LEAF, "step": "last"}}, "leaf.step: string should match pattern '^final$'"),
    "against a rule": ({"leaf": LEAF, "leaves": [{"rate": 0}]}, "leaves[0]: rate is zero."),
    "optional": ({"leaf": LEAF, "maybe": {**LEAF, "x": 1}}, "maybe.x: unexpected keyword argument (got 1)"),
    "missing": ({}, "leaf: field required."),
    "misspelt": ({"leaf": {"size": 2, "rat": 1}}, "leaf.rat: " + UNKNOWN),
    "misspelt beside a wrong type": ({"leaf": {"rate": "fast"}, "leave": 1}, "leave: unexpected keyword argument"),
    "text for a number": ({"leaf": {"rate": "fast"}}, "leaf.rate: input should be a valid number (got 'fast')."),
    "bool for a count": ({"leaf": {**LEAF, "size": True}}, "leaf.size: input should be a valid integer (got True)."),
    "nothing at all": (None, "the whole: "),
    "a date": ({"leaf": {"rate": datetime.date(2020, 1, 1)}}, "leaf.rate: datetime.date(2020, 1, 1) is read as date"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_one_sentence(name: str) -> None:
    value, sentence = WRONG[name]
    with pytest.raises(InputError) as caught:
        strict(Tree, value, "here")
    assert str(caught.value).startswith("here: " + sentence)
    assert "\n" not in str(caught.value)
