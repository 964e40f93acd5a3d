"""One run: a city's signals, a broker, connectors, workers, sinks, a gateway; kills; and what came of it."""

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from connectors.simulation import City
from domain.signal import Signal, signal_id, write_signal
from infra.kafka.broker import Broker, free_ports
from infra.simulating import city_of, city_signals
from infra.supervision import Kept, Together
from infra.warming import warm_up
from tests.chaos.site import PASSWORD, Site, write_home
from tests.chaos.verdict import Progress, judge

PERSONS: Final = 100
SIGNALS_PER_PERSON_DAY: Final = 22
"""Averaged over a week with its weekend."""
PARTITIONS: Final = 8
CONNECTORS: Final = 3
WORKERS: Final = 2
SINKS: Final = 2
_SLOWEST_SIGNALS_PER_SECOND: Final = 400.0
"""Under kills, on a machine that does other things as well; slower than that counts as hanging."""
_START_SECONDS: Final = 240.0
_WHILE_FLOWING: Final = 0.8
"""The last kill comes when this share of about all signals is decided."""
_LONGEST_LULL_SECONDS: Final = 3.0
_ODD_EVERY: Final = 500
_TOO_FAR_AHEAD: Final = 7_000_000_000_000_000
"""In 2191: what a connector takes, for it does not know the broker's time, and no worker."""
_LOOK_EVERY: Final = 1_000
_LOOK_SECONDS: Final = 0.3

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to happen. Kills are spread over the kinds of process, and over the deciding of the signals."""

    kills: int
    signals: int
    sites: int
    seed: int

    @property
    def persons(self) -> int:
        """People of each site."""
        return max(5, min(PERSONS, self.signals // (self.sites * SIGNALS_PER_PERSON_DAY)))

    @property
    def ahead(self) -> int:
        """How many signals may wait to be decided: so that all there is to kill has something to do."""
        return max(5_000, self.signals // 10)

    @property
    def days(self) -> int:
        """Days each site plays."""
        return max(1, round(self.signals / (self.sites * self.persons * SIGNALS_PER_PERSON_DAY)))


def run(plan: Plan, folder: Path, *, say: Say) -> dict[str, Any]:
    """Play the plan in a folder; return the verdict as JSON."""
    files = [folder / f"city-{number}.jsonl" for number in range(CONNECTORS)]
    city = city_of(folder, sites=plan.sites, persons=plan.persons, days=plan.days, seed=plan.seed, start=None)
    warm_up(folder)  # or every worker would be killed while it compiles the rules, and never decide
    with ExitStack() as stack:
        broker = stack.enter_context(Broker(folder / "broker"))
        site = Site(broker.bootstrap, f"http://limen:{PASSWORD}@127.0.0.1:{free_ports(1)[0]}", PARTITIONS)
        together = stack.enter_context(Together())
        site.start_gateway(together, folder)
        site.apply_topics(folder)
        connectors = [
            together.start(
                f"connector-{number}",
                [
                    "connect",
                    str(file),
                    "--follow",
                    "--no-clock",
                    "--home",
                    str(write_home(folder / f"connector-{number}", site)),
                ],
                folder,
            )
            for number, file in enumerate(files)
        ]
        progress = stack.enter_context(Progress(site))
        feed = Feed(city, files, site, plan.ahead)
        home = write_home(folder / "workers", site)
        workers = [
            together.start(f"worker-{number}", ["worker", "--home", str(home)], folder)
            for number in range(WORKERS)
        ]
        sinks = [
            together.start(f"sink-{number}", ["sink", "--home", str(home)], folder) for number in range(SINKS)
        ]
        progress.wait_until_moving(_START_SECONDS)
        started = time.monotonic()
        victims: dict[str, list[Kept]] = {"connector": connectors, "worker": workers, "sink": sinks}
        kills = _kill(plan, victims, broker, progress, say)
        feed.join()
        say(f"{feed.count:,} signals of {plan.sites} sites, {sum(kills.values())} kills; now in peace")
        progress.wait_until(feed.count, _START_SECONDS + feed.count / _SLOWEST_SIGNALS_PER_SECOND)
        say(f"all is there after {time.monotonic() - started:.0f} s; counting")
        for kept in (*connectors, *workers, *sinks):
            kept.finish()
        verdict = judge(site, files, folder / "calm")
    return {
        "kills": sum(kills.values()),
        **verdict,
        "killed": kills,
        "seconds": round(time.monotonic() - started),
    }


class Feed(threading.Thread):
    """Writes a city's signals into the files that the connectors follow, never far ahead of the deciding.

    Now and then it writes one that no worker can take.
    """

    def __init__(self, city: City, files: list[Path], site: Site, ahead: int) -> None:
        """Begin; stay at most so many signals ahead."""
        super().__init__(name="feed", daemon=True)
        self.count = 0
        self._city, self._files, self._site, self._ahead = city, files, site, ahead
        for file in files:
            file.touch()
        self.start()

    def run(self) -> None:
        """Write all of it; a site's signals are all in one file."""
        with ExitStack() as stack:
            opened = [stack.enter_context(file.open("wb")) for file in self._files]
            progress = stack.enter_context(Progress(self._site))
            for signal in _with_odd_ones(city_signals(self._city)):
                number = int(signal.site.rpartition("-")[2])
                opened[number % len(opened)].write(write_signal(signal) + b"\n")
                self.count += 1
                if self.count % _LOOK_EVERY == 0:
                    for file in opened:
                        file.flush()
                    while self.count - progress.decided() > self._ahead:
                        time.sleep(_LOOK_SECONDS)


def _with_odd_ones(signals: Iterable[Signal]) -> Iterator[Signal]:
    """Put a signal that no worker takes behind some of them."""
    for number, signal in enumerate(signals, 1):
        yield signal
        if number % _ODD_EVERY == 0:
            odd = msgspec.structs.replace(signal.time, occurred_at=_TOO_FAR_AHEAD, received_at=_TOO_FAR_AHEAD)
            yield msgspec.structs.replace(signal, id=signal_id("odd", signal.id), time=odd)


def _kill(
    plan: Plan, victims: Mapping[str, list[Kept]], broker: Broker, progress: Progress, say: Say
) -> dict[str, int]:
    """Kill as many processes as planned, spread over the deciding; return how many of each kind."""
    rng = random.Random(f"{plan.seed}/kills")
    killed = {"connector": 0, "worker": 0, "sink": 0, "broker": 0}
    for number in range(plan.kills):
        due = _WHILE_FLOWING * plan.signals * (number + rng.random()) / plan.kills
        until = time.monotonic() + _LONGEST_LULL_SECONDS  # a kill that comes early is a kill as well
        while progress.decided() < due and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
        time.sleep(rng.uniform(0, 1))
        while True:
            kind = rng.choice(["connector", "worker", "worker", "sink", "sink", "broker"])
            if kind == "broker":
                broker.kill()
                time.sleep(rng.uniform(0, 1))
                broker.start()
                break
            if rng.choice(victims[kind]).kill():
                break
            time.sleep(0.05)
        killed[kind] += 1
        if (number + 1) % 10 == 0:
            say(f"{number + 1} kills, {progress.decided():,} signals decided")
    return killed
