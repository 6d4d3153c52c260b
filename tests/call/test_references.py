"""References on their way: pieces in any order and number become the records that were sent."""

import itertools
import random

import pytest
from call_kit import content, header

from bcdcodec.bitstream.packet import ContentPart
from bcdcodec.call.chunks import Piece
from bcdcodec.call.references import MAX_BACKOFF, MAX_KEPT, PIECE_BYTES, ReferenceInbox, ReferenceOutbox
from bcdcodec.errors import BitstreamError, ConfigError

AGAIN_MS = 100.0


def due(outbox: ReferenceOutbox, now_ms: float) -> list[Piece]:
    return outbox.due(now_ms, again_ms=AGAIN_MS, room_bytes=1 << 20)


def acknowledge(outbox: ReferenceOutbox, inbox: ReferenceInbox, passed_ms: float = float("-inf")) -> None:
    outbox.acknowledge(inbox.highest, inbox.mask, has_header=inbox.header is not None, passed_ms=passed_ms)


def test_the_header_arrives_in_pieces_of_any_order() -> None:
    sent = header(bytes(range(256)) * 12)
    outbox, inbox = ReferenceOutbox(sent), ReferenceInbox()
    pieces = due(outbox, 0)
    assert [len(piece.data) for piece in pieces[:-1]] == [PIECE_BYTES] * 3
    random.Random(0).shuffle(pieces)
    for piece in pieces:
        assert inbox.header is None
        assert inbox.add(piece)
        assert not inbox.add(piece)
    assert inbox.header == sent
    assert inbox.record(0) == sent.content


def test_a_reference_in_parts_has_a_name_of_its_own() -> None:
    outbox, inbox = ReferenceOutbox(header()), ReferenceInbox()
    outbox.add_part(ContentPart(0, b"a" * 10))
    outbox.add_part(ContentPart(1, b"b" * (PIECE_BYTES + 5)))
    outbox.add_content(content(b"c", number=1, parts=2))
    outbox.add_content(content(b"whole", number=2))
    for piece in reversed(due(outbox, 0)):
        inbox.add(piece)
    first, second = outbox.source(1), outbox.source(2)
    assert inbox.record(first) == content(b"a" * 10 + b"b" * (PIECE_BYTES + 5) + b"c", number=1)
    assert inbox.record(second) == content(b"whole", number=2)
    assert (outbox.source(0), first, second) == (0, 1, 5)
    with pytest.raises(ConfigError, match=r"names reference 3, the encoder sent \[0, 1, 2\]"):
        outbox.source(3)


def test_a_part_that_is_given_up_never_joins_another() -> None:
    outbox, inbox = ReferenceOutbox(header()), ReferenceInbox()
    outbox.add_part(ContentPart(0, b"old"))
    for piece in due(outbox, 0):
        inbox.add(piece)
    outbox.add_part(ContentPart(0, b"new"))
    outbox.add_content(content(b"!", number=1, parts=1))
    for piece in due(outbox, 1):
        inbox.add(piece)
    record = inbox.record(outbox.source(1))
    assert record is not None
    assert record.data == b"new!"


def test_pieces_come_again_until_a_report_tells_of_them() -> None:
    outbox, inbox = ReferenceOutbox(header(bytes(2500))), ReferenceInbox()
    first, second, third = due(outbox, 0)
    assert due(outbox, AGAIN_MS - 1) == []
    inbox.add(second)
    acknowledge(outbox, inbox)
    assert due(outbox, AGAIN_MS) == [first, third]
    inbox.add(first)
    inbox.add(third)
    acknowledge(outbox, inbox)
    assert outbox.waiting == 0
    assert due(outbox, 1e9) == []


def test_what_was_passed_by_is_sent_at_once_and_what_may_be_on_its_way_is_not() -> None:
    outbox, inbox = ReferenceOutbox(header()), ReferenceInbox()
    due(outbox, 0)
    outbox.add_content(content(b"more", number=1))
    due(outbox, 20)
    acknowledge(outbox, inbox, passed_ms=10)
    assert [piece.ordinal for piece in due(outbox, 30)] == [0]
    acknowledge(outbox, inbox, passed_ms=29)
    assert [piece.ordinal for piece in due(outbox, 40)] == [1]


def test_the_interval_grows_while_nobody_answers() -> None:
    outbox = ReferenceOutbox(header())
    times = [now for now in range(0, 20_000, 10) if due(outbox, now)]
    steps = [after - before for before, after in itertools.pairwise(times)]
    assert steps[0] == AGAIN_MS
    assert steps == sorted(steps)
    assert steps[-1] == MAX_BACKOFF * AGAIN_MS
    acknowledge(outbox, ReferenceInbox())
    assert due(outbox, times[-1] + AGAIN_MS)


def test_who_comes_back_without_a_header_gets_all_again() -> None:
    outbox, inbox = ReferenceOutbox(header()), ReferenceInbox()
    outbox.add_content(content(b"more", number=1))
    for piece in due(outbox, 0):
        inbox.add(piece)
    acknowledge(outbox, inbox)
    assert outbox.waiting == 0
    acknowledge(outbox, ReferenceInbox())
    assert len(due(outbox, 1000)) == 2


def test_only_references_in_use_are_kept() -> None:
    outbox = ReferenceOutbox(header())
    outbox.add_content(content(b"one", number=1))
    outbox.add_content(content(b"two", number=2, drops=1))
    assert [piece.source for piece in due(outbox, 0)] == [0, 2]
    outbox.add_content(content(b"shot"))
    acknowledge(outbox, ReferenceInbox())
    assert [piece.source for piece in due(outbox, 1000)] == [0, 3]


def test_a_receiver_keeps_a_bounded_number() -> None:
    outbox, inbox = ReferenceOutbox(header()), ReferenceInbox()
    for _ in range(2 * MAX_KEPT):
        outbox.add_content(content(b"shot"))
        for piece in due(outbox, 0):
            inbox.add(piece)
    assert inbox.header is not None
    assert inbox.record(0) is not None
    kept = [name for name in range(2 * MAX_KEPT + 1) if inbox.record(name) is not None]
    assert kept == [0, *range(MAX_KEPT + 2, 2 * MAX_KEPT + 1)]
    for first in range(1000, 9000, 10):  # none of which is ever whole
        inbox.add(Piece(first, 0, bytes(1000), False))
    assert len(inbox._incoming) + len(inbox._whole) <= MAX_KEPT


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x03ab", b"not a record at all\x05"])
def test_a_malformed_reference_is_refused(data: bytes) -> None:
    inbox = ReferenceInbox()
    with pytest.raises(BitstreamError):
        inbox.add(Piece(4, 0, data, True))
    assert inbox.record(4) is None
