"""The second stage: what only shows when sites are compared, by credential and by person.

`uses` is what the first stage tells of each site's readings and visits, `rules` compares them, `alarms` makes
signals of what is found; all three are pure. `worker` reads the persons' log and tells the sites.
"""
