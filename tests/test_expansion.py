"""`params.yaml` written out: merging, arms and products against results by hand, and what cannot be written out."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from replication.config.expansion import expand, read_params
from replication.config.params import checked
from replication.config.strict import read_yaml
from replication.foundation.errors import InputError
from tests.in_small import ROOT

VARIANTS = {"paper": {}, "code": {"adam": {"l2": 4}}}
BASE = {"rate": 1, "adam": {"beta": 2, "l2": 3}, "layers": [1, 2], "variants": VARIANTS}
CELL = {"model": "gan", "dataset": "digits", "split": "full", "variant": "paper", "seeds": "0-4"}


def recipes(**more: Any) -> dict[str, Any]:
    return {"recipes": {"gan": {"base": BASE, **more}, "other": {"far": {"rate": 9}}}}


def written_out(**more: Any) -> dict[str, Any]:
    return expand(recipes(**more)).written["recipes"]["gan"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {}),
        ({"rate": 5, "layers": [7]}, {"rate": 5, "layers": [7]}),  # a list is replaced whole
        ({"adam": {"beta": 5}}, {"adam": {"beta": 5, "l2": 3}}),
        ({"adam": {"late": {"from": 1}}}, {"adam": {"beta": 2, "l2": 3, "late": {"from": 1}}}),
        ({"adam!": {"beta": 5}}, {"adam": {"beta": 5}}),
        ({"adam!": {}}, {"adam": {}}),
        ({"adam": None}, {"adam": None}),  # null is a value, by which a recipe goes without
        ({"adam": {"l2!": None}}, {"adam": {"beta": 2}}),
        ({"adam": [1]}, {"adam": [1]}),
        ({"layers": {"first": 1}}, {"layers": {"first": 1}}),
        ({"variants": {"code": {"adam": {"l2": 6}}}}, {"variants": {"paper": {}, "code": {"adam": {"l2": 6}}}}),
        ({"variants": {"paper!": None}}, {"variants": {"code": {"adam": {"l2": 4}}}}),
        ({"variants!": {"code": {}}}, {"variants": {"code": {}}}),
    ],
)  # fmt: skip
def test_a_recipe_lies_over_what_it_extends(change: dict[str, Any], expected: dict[str, Any]) -> None:
    assert written_out(child={"extends": "base", **change})["child"] == {**BASE, **expected}


def test_chains_in_any_order_and_across_models() -> None:
    last, middle = {"extends": "middle", "adam": {"l2": 8}}, {"extends": "base", "rate": 7}
    recipes = written_out(last=last, middle=middle, stranger={"extends": "other.far", "layers": []})
    assert recipes["last"] == {**BASE, "rate": 7, "adam": {"beta": 2, "l2": 8}}
    assert recipes["stranger"] == {"rate": 9, "layers": []} and recipes["base"] == BASE


def test_an_edit_changes_a_recipe_and_those_that_extend_it_alone() -> None:
    written = in_full()
    before = expand(written).written["recipes"]
    written["recipes"]["gan"]["toy-rest"]["updates"] = 7
    after = expand(written).written["recipes"]
    edited = {name for model in before for name in before[model] if before[model][name] != after[model][name]}
    assert edited == {"toy-rest", "toy-rest-saturating"}


def test_no_recipe_shares_a_value_with_another() -> None:
    recipes = written_out(child={"extends": "base"}, arms={"slow": {"extends": ["base", "child"], "extra": [1]}})
    recipes["child"]["adam"]["l2"] = recipes["base-slow"]["layers"][0] = recipes["base-slow"]["extra"][0] = "changed"
    assert recipes["base"] == BASE and recipes["child-slow"] == {**BASE, "extra": [1]}


def test_an_arm_makes_a_recipe_of_each_base_that_others_extend() -> None:
    recipes = written_out(
        wide={"extends": "base", "layers": [9]},
        arms={"slow": {"extends": ["base", "wide"], "rate": 0}, "bare": {"extends": ["wide-slow"], "adam!": {}}},
        slower={"extends": "base-slow", "rate": -1},
    )
    assert list(recipes) == ["base", "wide", "slower", "base-slow", "wide-slow", "wide-slow-bare"]
    assert recipes["base-slow"] == {**BASE, "rate": 0}
    assert recipes["wide-slow"] == {**BASE, "layers": [9], "rate": 0}
    assert recipes["wide-slow-bare"] == {**BASE, "layers": [9], "rate": 0, "adam": {}}
    assert recipes["slower"]["rate"] == -1


def file_of(*entries: Any, **blocks: Any) -> dict[str, Any]:
    papers = {"gan": "gan2014", "improved_gan": "improved_gan2016", "real": "background"}
    return {"papers": papers, "profiles": {"cpu": {"name": "cpu", "cells": list(entries), **blocks}}}


def cells_of(*entries: Any, block: str = "cells") -> dict[str, Any]:
    return expand(file_of(**{block: list(entries)})).written["profiles"]["cpu"][block]


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"recipe": "toy"}, ["cpu-gan-toy"]),
        ({"recipe": ["toy", "mnist"]}, ["cpu-gan-toy", "cpu-gan-mnist"]),
        ({"recipe": {"few": "toy-2", "many": "toy-9"}}, ["cpu-gan-few", "cpu-gan-many"]),
        ({"recipe": "toy", "model": "improved_gan"}, ["cpu-improved-toy"]),
        ({"recipe": "toy", "paper": "improved_gan2016"}, ["cpu-improved-toy"]),
        ({"recipe": "toy", "paper": "own", "model": "mine"}, ["cpu-own-toy"]),
        ({"recipe": "toy", "name": "first"}, ["cpu-first"]),
        ({"recipe": ["toy", "mnist"], "name": "first"}, ["cpu-first-toy", "cpu-first-mnist"]),
        ({"recipe": "toy", "variant": ["paper"]}, ["cpu-gan-toy-paper"]),
        ({"recipe": "toy", "variant": {"": "code", "first": "first"}}, ["cpu-gan-toy", "cpu-gan-toy-first"]),
        ({"recipe": ["a", "b"], "split": {"n5": "last5", "full": "full"}},
         ["cpu-gan-a-n5", "cpu-gan-a-full", "cpu-gan-b-n5", "cpu-gan-b-full"]),
        ({"recipe": "toy", "seeds": ["0-4", "5-9"]}, ["cpu-gan-toy-0-4", "cpu-gan-toy-5-9"]),
        ({"recipe": "test", "experiment": "theory"}, ["cpu-theory"]),
        ({"recipe": "test", "experiment": "theory", "dataset": ["digits"]}, ["cpu-theory-digits"]),
        ({"recipe": "test", "experiment": "theory", "name": "other"}, ["cpu-other"]),
    ],
)  # fmt: skip
def test_the_names_of_a_product(change: dict[str, Any], names: list[str]) -> None:
    assert list(cells_of({**CELL, **change}, block="experiments" if "experiment" in change else "cells")) == names


def test_the_cells_of_a_product() -> None:
    entry = {**CELL, "recipe": ["a", "b"], "split": {"few": "last5"}, "variant": ["paper", "code"], "probe": "none"}
    common = {**CELL, "paper": "gan2014", "split": "last5", "probe": "none"}
    assert cells_of(entry) == {
        f"cpu-gan-{recipe}-few-{variant}": {**common, "recipe": recipe, "variant": variant}
        for recipe in ("a", "b")
        for variant in ("paper", "code")
    }


def test_what_is_written_out_stays_as_it_is() -> None:
    written = read_yaml(ROOT / "params.yaml")
    before = deepcopy(written)
    once = read_params(ROOT / "params.yaml")
    assert written == before and expand(once).written == once and expand(deepcopy(once)).written == once
    assert expand({**written, "run": written["profiles"]["paper"]}).written["run"] == once["profiles"]["paper"]


ENTRY, EXPERIMENT = "profiles.cpu.cells, entry", {**CELL, "recipe": "a", "experiment": "theory", "name": "gan-a"}
AT = "recipes.gan.arms"
WRONG = [  # what is written, where it is wrong, and what is named
    (recipes(b={"extends": "bas"}), "recipes.gan.b.extends", "'bas' is no recipe of gan; accepted: base, b."),
    (recipes(b={"extends": "other.base"}), "recipes.gan.b.extends", "'base' is no recipe of other; accepted: far."),
    (recipes(b={"extends": "b"}), "recipes.gan.b.extends", "b extends this recipe itself"),
    (recipes(b={"extends": "c"}, c={"extends": "b"}), "recipes.gan.c.extends", "b extends this recipe itself"),
    (recipes(b={"extends": ["base"]}), "recipes.gan.b.extends", "(got ['base'])"),
    (recipes(b={"extends": ""}), "recipes.gan.b.extends", "(got '')"),
    (recipes(b={"extends": "base", "adm!": {}}), "recipes.gan.b.adm!", "write adm."),
    (recipes(b={"extends": "base", "adam!": {"l2!": 1}}), "recipes.gan.b.adam!.l2!", "nothing is inherited there"),
    (recipes(b={"adam!": {}}), "recipes.gan.b.adam!", "write adam."),
    (recipes(b=3), "recipes.gan.b", "(got 3)"),
    (recipes(arms=[1]), AT, "(got [1])"),
    (recipes(arms={"slow": {"rate": 0}}), f"{AT}.slow.extends", "(got None)"),
    (recipes(arms={"slow": {"extends": "base"}}), f"{AT}.slow.extends", "(got 'base')"),
    (recipes(arms={"slow": {"extends": ["bas"]}}), f"{AT}.slow.extends", "'bas' is no recipe of gan"),
    (recipes(arms={"slow": {"extends": ["base"] * 2}}), f"{AT}.slow", "makes a recipe base-slow, as recipes"),
    (recipes(**{"base-a": {}}, arms={"a": {"extends": ["base"]}}), f"{AT}.a", "as recipes.gan.base-a does"),
    (file_of({**CELL, "recipe": ["a", "b"]}, {**CELL, "recipe": "b"}), f"{ENTRY} 2 (cpu-gan-b)", f"{ENTRY} 1 (cpu-"),
    (file_of({**CELL, "recipe": ["a", "a"]}), f"{ENTRY} 1 (cpu-gan-a)", f"{ENTRY} 1 (cpu-gan-a) make the same cell"),
    (file_of({**CELL, "recipe": "a"}, experiments=[EXPERIMENT]), "profiles.cpu.experiments, entry 1 (cpu-", "same"),
    (file_of({**CELL, "recipe": "a", "model": "wgan"}), f"{ENTRY} 1", "'wgan' is no model of papers; accepted: gan,"),
    (file_of({**CELL, "recipe": "b", "sedes": 1}), f"{ENTRY} 1 (cpu-gan-b)", "sedes: "),
    (file_of({"model": "gan", "recipe": "a"}), f"{ENTRY} 1 (cpu-gan-a)", "dataset: "),
    (file_of({**CELL, "recipe": "a", "seeds": 0.5}), f"{ENTRY} 1 (cpu-gan-a)", "seeds: "),
    (file_of({**CELL, "recipe": ["a", 2]}), f"{ENTRY} 1 (cpu-gan-2)", "(got 2)"),
    (file_of({**CELL, "recipe": []}), f"{ENTRY} 1", "recipe: nothing is listed"),
    (file_of("a"), f"{ENTRY} 1", "(got 'a')"),
    (file_of(cells=3), "profiles.cpu.cells", "(got 3)"),
    ({"profiles": {"cpu": 1}}, "profiles.cpu", "(got 1)"),
]


@pytest.mark.parametrize(("written", "place", "words"), WRONG)
def test_what_cannot_be_written_out_is_named_where_it_stands(written: Any, place: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        expand(written)
    sentence = str(caught.value)
    assert sentence.startswith(f"params.yaml: {place}") and words in sentence and "\n" not in sentence


def in_full() -> dict[str, Any]:
    return json.loads(json.dumps(read_yaml(ROOT / "params.yaml")))


def refused(written: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        checked(written, ROOT / "params.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("block", "key", "value", "sentence"),
    [
        ("cells", "protocols", ["filter"], "'filter' is no protocol; accepted: "),
        ("experiments", "dataset", "mnist", "'mnist' is no dataset of profile cpu; accepted: toy-bimodal, "),
    ],
)
def test_a_wrong_name_is_placed_in_its_entry(block: str, key: str, value: Any, sentence: str) -> None:
    written = in_full()
    written["profiles"]["cpu"][block][0] |= {"recipe": "toy", "name": "wrong", key: value}
    place = f"params.yaml: profiles.cpu.{block}, entry 1 (cpu-wrong): "
    assert refused({**written, "run": written["profiles"]["cpu"]}).startswith(place + sentence)


def test_a_wrong_key_of_a_recipe_is_placed_with_what_it_extends() -> None:
    written = in_full()
    written["recipes"]["deligan"]["arms"]["gan"]["bach"] = 3
    place = "params.yaml: recipes.deligan.arms.gan, which extends toy (paper): bach: "
    assert refused(written).startswith(place)
