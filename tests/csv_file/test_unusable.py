"""Files of which nothing can be read, and sources that cannot work, say why before the first row."""

from pathlib import Path

import pytest

from connectors.csv_file.mapping import check_source
from connectors.csv_file.reader import read_csv
from connectors.rejection import UnusableFile
from tests.csv_file.reading import PROX, RECEIVED_AT, SITE, hashed


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\r\n\r\n", "empty"),
        (b"time,card\n", "lacks timestamp, floor, zone, prox-id; it has time, card"),
        (b"timestamp;prox-id;floor;zone\n", "commas"),
        (b"timestamp,prox-id,floor,floor,zone\n", "floor twice"),
        ("时间,类型\n".encode("gbk"), "GBK"),
        ("timestamp,type\n".encode("utf-16"), "UTF-16"),
        (b"\x89PNG\r\n\x1a\n", "not UTF-8"),
        (b"PK\x03\x04\0\0\n", "binary"),
        (b"x" * 100_000, "longer"),
        (b"timestamp,type,prox-id,floor,zone\r2016-05-31 08:00:00,x,y,1,1\r" * 3_000, "CR alone"),
        (b'{"specversion":"1.0","id":"a"}\n', "--source signals"),
        (b'timestamp,"prox-id\n', "quotes"),
    ],
)
def test_unusable_file_says_why(tmp_path: Path, content: bytes, said: str) -> None:
    """A file of which nothing can be read is refused before the first row, by name and with a remedy."""
    path = tmp_path / "prox.csv"
    path.write_bytes(content)
    with pytest.raises(UnusableFile, match=said) as caught:
        read_csv(path, "prox", PROX, SITE, received_at=RECEIVED_AT, known_persons=(), hash_credential=hashed)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(("name", "said"), [("missing.csv", "no such file"), (".", "folder")])
def test_file_that_cannot_be_opened_says_why(tmp_path: Path, name: str, said: str) -> None:
    """A name that is no file is refused with a remedy."""
    with pytest.raises(UnusableFile, match=said):
        read_csv(tmp_path / name, "prox", PROX, SITE, received_at=0, known_persons=(), hash_credential=hashed)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"time": "{timestamp"}, "time"),
        ({"point": "{}"}, "point"),
        ({"point": "{zone:d}"}, "point"),
        ({"person": "("}, "person"),
        ({"person": "^[a-z]+"}, "person"),
        ({"credential": None}, "person"),
        ({"actions": {"x": "loaded"}}, "actions.x"),
    ],
)
def test_source_that_cannot_work_is_told(change: dict[str, object], field: str) -> None:
    """Templates, expressions and actions are looked at before any file is."""
    assert [name for name, _ in check_source(PROX.model_copy(update=change))] == [field]
    assert check_source(PROX) == []
