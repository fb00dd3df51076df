"""Every form of URL in ``tests/forms/urls.txt``: its secret is in no text of Python."""

import pathlib

import pytest

import capbuf

FORMS = [
    tuple(line.split("\t"))
    for line in (pathlib.Path(__file__).parents[2] / "tests" / "forms" / "urls.txt").read_text().splitlines()
    if not line.startswith("# ")
]


def test_table_has_a_hundred_forms() -> None:
    assert len(FORMS) >= 100


@pytest.mark.parametrize(("shown", "url"), FORMS, ids=[shown for shown, _ in FORMS])
def test_secret_is_in_no_text(shown: str, url: str) -> None:
    with capbuf.Registry.private() as registry:
        buffer = registry.get_or_allocate(url, seconds=0.1, sample_rate_hz=8000)
        with pytest.raises(capbuf.AlreadyExists) as exists:
            registry.allocate(url, seconds=0.1, sample_rate_hz=8000)
        with registry.claim_source(url) as claim:
            printed = [repr(buffer), repr(claim), repr(buffer.status()), repr(registry.sources()), str(registry.allocation_report())]
        config = capbuf.SourceConfig(url, url)
        printed += [repr(config), str(exists.value), repr(vars(exists.value)), registry.metrics_text(), capbuf.clip_name(url, 0)]
        assert capbuf.redact(url) == shown
        assert shown in exists.value.args[0] or len(shown) > 70
        assert not [text for text in printed if "esame" in text.lower()]
        assert buffer.source == url
