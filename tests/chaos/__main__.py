"""`python -m tests.chaos --kills 200 --signals 2000000`: run it, count, print one line of JSON.

Exit code 0 when nothing was lost, nothing came twice, everything is in order and identical; else 1.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from infra.compiled_cache import use_compiled_cache

use_compiled_cache()

from tests.chaos.run import Plan, run  # noqa: E402 - the cache comes first


def main() -> int:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how many processes to kill")
    parser.add_argument("--signals", type=int, default=2_000_000, help="about how many signals flow")
    parser.add_argument("--sites", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1, help="of the city and of the kills")
    parser.add_argument("--work", type=Path, help="folder that stays; else a temporary one that goes")
    given = parser.parse_args()
    plan = Plan(kills=given.kills, signals=given.signals, sites=given.sites, seed=given.seed)
    if given.work is not None:
        given.work.mkdir(parents=True, exist_ok=True)
        verdict = run(plan, given.work, say=_say)
    else:
        with tempfile.TemporaryDirectory(prefix="limen-chaos-") as folder:
            verdict = run(plan, Path(folder), say=_say)
    print(json.dumps(verdict))  # noqa: T201 - the one line that is asked for
    fine = verdict["identical"] and not (verdict["lost"] or verdict["duplicated"] or verdict["out_of_order"])
    return 0 if fine else 1


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
