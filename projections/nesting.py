"""Which zones lie in which, as the site has them now."""

from domain.site import Site


def enclosing(site: Site) -> dict[str, frozenset[str]]:
    """Return each zone with itself and all zones around it."""
    parents = {zone.id: zone.parent for zone in site.zones}
    around = {}
    for zone in parents:
        chain, above = {zone}, parents[zone]
        while above is not None:
            chain.add(above)
            above = parents[above]
        around[zone] = frozenset(chain)
    return around


def within(site: Site, zone: str) -> list[str]:
    """Return a zone, which may have been one once, and all zones within it."""
    return [zone, *(inner for inner, around in enclosing(site).items() if zone in around and inner != zone)]
