"""Settings that cannot be used stop a command at its start; those that changed are loaded once."""

from pathlib import Path

import msgspec

from domain.event import read_event
from domain.signal import Signal, write_signal
from domain.vocabulary import Action, Topic
from infra.control import apply_settings, decision, placement
from infra.home import PARTITION, OpenHome
from streams.log import Draft
from tests.command_line.calling import RECORDING, answer, limen
from tests.command_line.importing import GOOD, HEADER, import_given


def test_bad_settings_stop_at_the_start(empty: Path) -> None:
    """A settings file that is wrong names file, line and field, and nothing is imported."""
    policy = empty / "policy.yaml"
    policy.write_text(policy.read_text() + "\nnonsense: 1\n")
    error = limen("import", RECORDING, "--source", "prox", home=empty, exit_code=3).stderr
    assert "policy.yaml:" in error
    assert "nonsense" in error
    assert answer("status", home=empty)["signals"] == 0


def test_a_number_beyond_all_bounds_stops_nothing_for_good(empty: Path) -> None:
    """It is told with its place, by the doctor too; corrected, the home is as before."""
    policy = empty / "policy.yaml"
    good = policy.read_text()
    policy.write_text(good.replace("timeout_hours: 16", "timeout_hours: 1.0e+12"))
    told = "timeout_hours: Input should be less than or equal to 100000"
    assert told in limen("import", RECORDING, "--source", "prox", home=empty, exit_code=3).stderr
    assert any(told in finding["detail"] for finding in answer("doctor", home=empty, exit_code=1))
    policy.write_text(good)
    assert import_given(empty, f"{HEADER}\n{GOOD}\n")["accepted"] == 1


def test_orders_that_an_earlier_version_let_in_are_decided(empty: Path) -> None:
    """A log that holds a document, or a time, beyond all bounds goes on: the document is rejected."""
    with OpenHome(empty) as home:
        policy = home.policy.model_dump(mode="json")
        policy["presence"]["timeout_hours"] = 1.0e12
        order = placement(home.site.id, -62_000_000_000_000_000, "acampocorrente", {"zone": "2-1"})
        loaded = decision("0" * 32, home.site.id, 0, {"kind": "policy", "document": policy})
        home.log.append(PARTITION, [_draft(msgspec.structs.replace(loaded, action=Action.LOADED))])
        apply_settings(home)
        home.log.append(PARTITION, [_draft(order)])
        home.pipeline.advance()
        topics = [read_event(stored.wire).topic for stored in home.log.read_events(PARTITION, 0, 20)]
    assert topics[0] is Topic.CONTROL_REJECTED
    assert Topic.ENTRY_AFTER_HOURS in topics
    assert import_given(empty, f"{HEADER}\n{GOOD}\n")["accepted"] == 1
    assert answer("verify", home=empty)["ok"]


def _draft(signal: Signal) -> Draft:
    return Draft(signal.id, signal.site, write_signal(signal))


def test_changed_settings_are_loaded_once(empty: Path) -> None:
    """A changed policy is one more control signal at the next import, and none at the one after."""
    import_given(empty, f"{HEADER}\n{GOOD}\n")
    first = answer("status", home=empty)["signals"]
    policy = empty / "policy.yaml"
    policy.write_text(policy.read_text().replace("held_open_seconds: 30", "held_open_seconds: 31") + "\n#\n")
    changed = policy.read_text()
    if "31" not in changed:
        policy.write_text(changed + "doors: {held_open_seconds: 31}\n")
    for _ in range(2):
        import_given(empty, f"{HEADER}\n{GOOD}\n")
        assert answer("status", home=empty)["signals"] == first + 1
    assert answer("replay", home=empty)["identical"]


def test_another_site_id_is_refused(empty: Path) -> None:
    """A log is of one site for ever."""
    import_given(empty, f"{HEADER}\n{GOOD}\n")
    site = empty / "site.yaml"
    site.write_text(site.read_text().replace("id: gastech\n", "id: elsewhere\n", 1))
    assert "keeps its id" in limen("import", RECORDING, "--source", "prox", home=empty, exit_code=3).stderr
