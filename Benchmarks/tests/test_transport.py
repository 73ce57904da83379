"""What the comparison of transports makes of its turns."""

from transport import KINDS, Outcome, is_met, report

FRAMES, MESSAGES, TRIPS = KINDS


def outcome(**turns: list[float]) -> Outcome:
    result = Outcome(others=[0.0])
    for name, values in turns.items():
        for value in values:
            result.add(name.replace("_", " "), value)
    return result


def test_ratios_are_of_one_turn() -> None:
    # The second turn was slow for both: the ratio of the medians would be 1.
    result = outcome(recap=[3, 0.9, 2], C_stream=[4, 1, 2])
    assert result.ratio("recap", "C stream") == 0.9
    assert result.median("recap") == 2
    assert is_met(FRAMES, result)
    assert not is_met(FRAMES, outcome(recap=[0.8], C_stream=[1]))
    assert not is_met(FRAMES, outcome(C_stream=[1]))


def test_ray_counts_where_it_takes_part() -> None:
    assert is_met(FRAMES, outcome(recap=[0.9], C_stream=[1], Ray=[0.6]))
    assert not is_met(FRAMES, outcome(recap=[0.9], C_stream=[1], Ray=[0.7]))


def test_figures_have_limits_on_either_side() -> None:
    assert is_met(MESSAGES, outcome(recap=[150])) and not is_met(MESSAGES, outcome(recap=[149]))
    assert is_met(TRIPS, outcome(recap=[150])) and not is_met(TRIPS, outcome(recap=[151]))


def test_the_report_names_everybody() -> None:
    text = report(MESSAGES, outcome(recap=[100, 120], C_messages=[400, 400], pyzmq=[50, 60]))
    assert "recap: 0.28 of it" in text and "recap: 2.00 of it" in text and "not met" in text
