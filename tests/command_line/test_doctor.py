"""The doctor: what is in order, what is not, and what to do about it."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.command_line.calling import answer


def test_doctor_finds_the_home_in_order(empty: Path) -> None:
    """Nothing fails in a new home; every warning says what to do."""
    findings = answer("doctor", home=empty)
    assert "fail" not in {finding["verdict"] for finding in findings}
    assert all(finding["remedy"] for finding in findings if finding["verdict"] != "ok")


def test_doctor_looks_at_what_limen_keeps(home: Path, tmp_path: Path) -> None:
    """Log, quarantine, cases and history are opened; each that is something else fails, with a remedy."""
    kept = {"log.sqlite", "quarantine.sqlite", "history"}
    copy = tmp_path / "home"
    subprocess.run(["cp", "-r", str(home), str(copy)], check=True)
    status = answer("status", home=copy)
    told = {finding["check"]: finding for finding in answer("doctor", home=copy)}
    assert {told[name]["verdict"] for name in kept} == {"ok"}
    assert f"{status['signals']:,} signals" in told["log.sqlite"]["detail"]
    assert "nobody" in told["owner"]["detail"]
    for path in copy.glob("*.sqlite*"):
        path.unlink()
    kept.add("cases.sqlite")
    shutil.rmtree(copy / "history")
    for name in kept:
        (copy / name).write_bytes(os.urandom(4_096))
    findings = answer("doctor", home=copy, exit_code=1)
    assert {finding["check"] for finding in findings if finding["verdict"] == "fail"} == kept
    assert all(finding["remedy"] for finding in findings if finding["verdict"] == "fail")


def test_doctor_misses_what_people_decided(home: Path, tmp_path: Path) -> None:
    """Decisions are in the log, and what keeps them is gone: it says so, and what to do."""
    copy = tmp_path / "home"
    subprocess.run(["cp", "-r", str(home), str(copy)], check=True)
    alert = answer("alerts", home=copy)[0]["alert_id"]
    assert answer("case", "acknowledge", alert, "--by", "guard", home=copy)["accepted"]
    assert "fail" not in {one["verdict"] for one in answer("doctor", home=copy)}
    for path in copy.glob("cases.sqlite*"):
        path.unlink()
    (found,) = (one for one in answer("doctor", home=copy, exit_code=1) if one["verdict"] == "fail")
    assert (found["check"], "1 decision" in found["detail"]) == ("cases.sqlite", True)
    assert "backup" in found["remedy"]


def test_doctor_says_what_is_wrong(empty: Path) -> None:
    """A file that cannot be used fails with its place, and the exit code says no."""
    (empty / "policy.yaml").write_text("rules: {after_hors: {}}\n")
    findings = answer("doctor", home=empty, exit_code=1)
    wrong = [finding for finding in findings if finding["verdict"] == "fail"]
    assert [finding["check"] for finding in wrong] == ["policy.yaml"]
    assert "policy.yaml:1" in wrong[0]["detail"]


def test_doctor_warns_of_departments_that_nobody_has(empty: Path) -> None:
    """A department that is misspelt in the policy exempts nobody; the doctor says where, and no other."""
    policy = empty / "policy.yaml"
    policy.write_text(policy.read_text().replace("[Security, Facilities]", "[Securty, Facilities]"))
    found = [one for one in answer("doctor", home=empty) if one["check"] == "policy.yaml"]
    assert [one["verdict"] for one in found] == ["ok", "warn"]
    line = 1 + policy.read_text().splitlines().index(
        "      - departments: [Securty, Facilities] # they work at all hours"
    )
    assert f"policy.yaml:{line}: rules.after_hours.overrides.0.departments.0" in found[1]["detail"]
    assert "department Securty" in found[1]["detail"]
    assert "directory.csv" in found[1]["remedy"]
