"""CSV files become signals by the mapping of a `sources` entry in `site.yaml`.

A row becomes one signal or one `Rejected`; nothing is left out but empty lines. The order of the rows is
kept: whether a reading came late is for the engine to say.
"""
