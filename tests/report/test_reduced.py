"""A report whose run had a tenth of its updates: no verdict, indicative evidence, and a gate that knows of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from replication import check
from replication.errors import InputError
from replication.report.__main__ import main

REPORT = Path("reports/cpu")


def edited(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def cut_params(share: float) -> None:
    """Give cell cpu-k5 a budget in both places where params.yaml has it."""
    params = edited(Path("params.yaml"))
    for profile in (params["run"], params["profiles"]["cpu"]):
        profile["cells"]["cpu-k5"]["budget"] = share
    Path("params.yaml").write_text(json.dumps(params), encoding="utf-8")


def cut_scores(share: float) -> None:
    path = Path("outputs/score/cpu/gan/cpu-k5/provenance.json")
    path.write_text(json.dumps({**edited(path), "budget": share}), encoding="utf-8")


def verdicts() -> dict[str, Any]:
    return {one["claim"]: one for one in edited(REPORT / "verdicts.json")}


def test_claims_on_a_reduced_run_are_indicative_and_the_gate_judges_as_the_report_did(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut_params(0.1)
    cut_scores(0.1)
    main([])
    main(["--update-readme"])
    found = verdicts()
    assert found["hit-rate"]["word"] == "replicated"  # on toy-k1, which has its whole length
    for claim in ("more-steps", "success-rate"):
        assert found[claim]["word"] == "not assessed" and "updates cut to 10 %" in found[claim]["reason"]
        assert found[claim]["indicative"][0]["substitutes"] == "updates cut to 10 %"
        assert found[claim]["indicative"][0]["direction"] == "points the claim's way"
    for name in ("report.md", "report.html"):
        page = (REPORT / name).read_text(encoding="utf-8")
        assert "updates cut to 10 %" in page and "100 (10 % of the recipe)" in page, name
        assert "gan toy-k5 (paper, 10 % of its updates)" in page and "gan toy-k1 (paper)" in page, name
        assert "Runs of this profile make 10 % of the updates." in page, name

    check.main(["--profile", "cpu"])
    assert "cpu follows from its measurements" in capsys.readouterr().out
    the_gate_closes_where_the_budget_is_taken_out(capsys)


def the_gate_closes_where_the_budget_is_taken_out(capsys: pytest.CaptureFixture[str]) -> None:
    path = REPORT / "provenance.json"
    written = edited(path)
    del written["cells"]["cpu-k5"]["budget"]
    path.write_text(json.dumps(written), encoding="utf-8")
    with pytest.raises(SystemExit):
        check.main(["--profile", "cpu"])
    said = capsys.readouterr().err
    assert "Cell cpu-k5 has budget 0.1, in its report 1: run `uv run dvc repro`." in said
    assert "claim more-steps" in said  # whose verdict no longer follows


def test_scores_of_another_budget_are_refused(repository: Path) -> None:
    cut_params(0.1)
    with pytest.raises(InputError, match="budget is 1, but cell cpu-k5 has 0.1: score it again"):
        main([])
    cut_scores(0.2)
    with pytest.raises(InputError, match="budget is 0.2, but cell cpu-k5 has 0.1: score it again"):
        main([])
