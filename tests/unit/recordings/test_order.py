"""Text is told in the order of the sound."""

from itertools import permutations

from audiocli.recordings.order import InOrder


def test_the_earliest_piece_is_told_as_it_comes() -> None:
    order = InOrder()
    assert [*order.add(0, "Hel"), *order.add(0, "lo "), *order.add(0, "you")] == ["Hel", "lo ", "you"]


def test_later_pieces_wait_for_their_turn() -> None:
    order = InOrder()
    assert list(order.add(1, "you ")) == []
    assert list(order.add(0, "Hello")) == ["Hello"]
    assert list(order.end(0, "Hello.")) == [" you "]
    assert list(order.add(1, "there")) == ["there"]


def test_a_piece_that_ended_before_its_turn_is_told_as_it_ended() -> None:
    order = InOrder()
    assert [*order.add(1, "provisional"), *order.end(1, "two"), *order.end(2, "three")] == []
    assert list(order.end(0, "one")) == ["one", " two", " three"]


def test_a_piece_without_words_of_its_own_takes_no_room() -> None:
    order = InOrder()
    assert [*order.end(0, ""), *order.end(1, "one"), *order.end(2, ""), *order.end(3, "two")] == [
        "one",
        " two",
    ]


def test_in_whatever_order_pieces_end_the_text_is_the_same() -> None:
    for numbers in permutations(range(5)):
        order = InOrder()
        told = [text for number in numbers for text in order.end(number, f"piece {number}.")]
        assert "".join(told) == " ".join(f"piece {number}." for number in range(5))


def test_a_long_pause_between_pieces_begins_a_paragraph() -> None:
    spans = [(0.5, 9.0), None, (20.5, 29.9), (30.0, 39.0)]
    for numbers in permutations(range(4)):
        order = InOrder()
        texts = ["one.", "", "two.", "three."]
        told = [text for number in numbers for text in order.end(number, texts[number], spans[number])]
        assert "".join(told) == "one.\n\ntwo. three."
