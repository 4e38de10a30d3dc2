"""What features of the stack count by themselves is shown with the rest."""

import gc
from collections.abc import Iterable

import pytest

from perfkit import Feature, Metrics, Stack
from perfkit._figure_sources import SOURCES
from perfkit.feature import Figure
from perfkit.features.metrics._figures import Figures
from perfkit.reports import ReportReceiver
from tests.features.metrics.measured import AppError, Measured


class Counting(Feature):
    """Tells the figures it was given."""

    def __init__(self, *figures: Figure) -> None:
        self.given = figures

    def figures(self) -> Iterable[Figure]:
        return self.given


def shown(*features: Feature, **options: object) -> tuple[Measured, Stack]:
    measured = Measured(**options)
    return measured, Stack([measured.metrics, *features])


KEYS = Figure("perfkit_rate_limit_keys", 7, "Keys that are counted.")


def test_figure_is_shown(measured):
    measured, _stack = shown(Counting(KEYS, Figure("shop_hits", 2, "Hits.", "counter")))
    assert measured.value("perfkit_rate_limit_keys") == 7
    assert measured.value("shop_hits_total") == 2
    families = {family.name: family for family in measured.registry.collect()}
    assert families["perfkit_rate_limit_keys"].type == "gauge"
    assert families["perfkit_rate_limit_keys"].documentation == "Keys that are counted."
    assert families["shop_hits"].type == "counter"


def test_figure_is_read_at_each_scrape():
    feature = Counting(KEYS)
    measured, _stack = shown(feature)
    assert measured.value(KEYS.name) == 7
    feature.given = (KEYS._replace(value=8),)
    assert measured.value(KEYS.name) == 8


def test_figure_with_labels():
    figures = [Figure("checks", 1, "Checks.", "gauge", {"name": name}) for name in ("db", "disk", "\udcff")]
    measured, _stack = shown(Counting(*figures))
    assert measured.all("checks") == {("db",): 1, ("disk",): 1, ("?",): 1}


def test_figures_of_one_name_and_the_same_labels_add_up():
    measured, _stack = shown(Counting(KEYS), Counting(KEYS._replace(value=1.5)))
    assert measured.value(KEYS.name) == 8.5


def test_stacks_with_one_registry_add_up():
    measured = Measured()
    first = Stack([measured.metrics, Counting(KEYS)])
    other = Stack([Metrics(registry=measured.registry), Counting(KEYS)])
    assert measured.value(KEYS.name) == 14
    assert first.features
    assert other.features


def test_feature_in_two_stacks_counts_once():
    measured = Measured()
    feature = Counting(KEYS)
    first = Stack([measured.metrics, feature])
    other = Stack([Metrics(registry=measured.registry), feature])
    assert measured.value(KEYS.name) == 7
    assert first.features
    assert other.features


def test_stack_that_is_gone_is_asked_no_longer():
    measured = Measured()
    Stack([Metrics(registry=measured.registry), Counting(KEYS)])
    gc.collect()
    assert measured.value(KEYS.name) is None


@pytest.mark.parametrize(
    "bad",
    [
        Figure("no name", 1, ""),
        Figure("", 1, ""),
        Figure("hits_total", 1, "", "counter"),
        Figure("http_server_requests", 1, "", "counter"),
        Figure("perfkit_metrics_overflow", 1, "", "counter"),
        Figure("worth", float("nan"), ""),
        Figure("worth", float("inf"), ""),
        Figure("kind", 1, "", "histogram"),  # type: ignore[arg-type]
        Figure("labelled", 1, "", "gauge", {"no label": "a"}),
        Figure("labelled", 1, "", "gauge", {"__name__": "a"}),
    ],
    ids=str,
)
def test_figure_that_cannot_be_shown_is_left_out_and_logged_once(bad, caplog):
    measured, _stack = shown(Counting(bad, KEYS))
    for _ in range(2):
        assert measured.names() == {KEYS.name}
    (record,) = caplog.records
    assert repr(bad.name) in record.getMessage()


def test_figures_of_one_name_with_other_labels_are_left_out(caplog):
    other = KEYS._replace(labels={"rule": "a"})
    counter = KEYS._replace(kind="counter")
    measured, _stack = shown(Counting(KEYS, other, counter))
    assert measured.all(KEYS.name) == {(): 7}
    assert len(caplog.records) == 1


def test_feature_that_fails_does_not_keep_others_from_being_shown(caplog):
    class Failing(Feature):
        def figures(self) -> Iterable[Figure]:
            yield KEYS
            raise AppError

    class Odd(Feature):
        def figures(self) -> Iterable[Figure]:
            return [None]  # type: ignore[list-item]

    measured, _stack = shown(Failing(), Odd(), Counting(Figure("shop_hits", 2, "")))
    for _ in range(2):
        assert measured.names() == {"shop_hits"}
    assert [record.getMessage().split()[1].split(".")[-2] for record in caplog.records] == ["Failing", "Odd"]


def test_figure_has_no_more_series_than_the_cap(caplog):
    figures = [Figure("checks", 1, "", "gauge", {"name": str(number)}) for number in range(50)]
    measured, _stack = shown(Counting(*figures, figures[0]), max_series=10)
    assert len(measured.all("checks")) == 10
    assert measured.value("checks", name="0") == 2
    assert len(caplog.records) == 1


def test_features_that_cannot_be_hashed_are_asked():
    class Unhashable(Counting):
        __hash__ = None  # type: ignore[assignment]

    measured, _stack = shown(Unhashable(KEYS))
    assert measured.value(KEYS.name) == 7


def test_receiver_of_reports_is_shown_as_long_as_it_lives():
    figures = Figures((), 10, SOURCES)
    receiver = ReportReceiver()
    receiver.take("application/reports+json", b"garbage")
    (family,) = figures.collect()
    assert (family.name, family.type) == ("perfkit_reports", "counter")
    assert sum(sample.value for sample in family.samples if sample.labels == {"outcome": "malformed"}) >= 1
    before = len(SOURCES)
    del receiver
    gc.collect()
    assert len(SOURCES) < before
