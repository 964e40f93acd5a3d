"""CSV files become signals by the mapping of a `sources` entry in `site.yaml`.

A row becomes one signal or one `Rejected`; nothing is left out but empty lines. The order of the rows is
kept: whether a reading came late is for the engine to say.
"""

from connectors.csv_file.local_time import LocalTimes
from connectors.csv_file.mapping import check_source
from connectors.csv_file.reader import read_csv, read_csv_lines
from connectors.rejection import Rejected, UnusableFile

__all__ = ["LocalTimes", "Rejected", "UnusableFile", "check_source", "read_csv", "read_csv_lines"]
