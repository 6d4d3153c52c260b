"""Streams written anew: the same codes in fewer bits, fewer frames only where needed, shots and sound in place."""

import io
from fractions import Fraction
from pathlib import Path

import pytest
from stream_kit import BITS, GOLDEN, GROUPS, Shot, build, ever_lower, read

from bcdcodec import CodecModel, Decoder, transcode
from bcdcodec.bitstream.packet import Packet
from bcdcodec.bitstream.records import (
    CodingInfo,
    CodingMode,
)
from bcdcodec.bitstream.stream import StreamReader, StreamWriter
from bcdcodec.codec.transcode.variants import RateReduction
from bcdcodec.entropy.motion import coders_of_stream
from bcdcodec.errors import BitstreamError, ConfigError, RateError, TruncatedError, VideoError, WeightsError
from bcdcodec.ratecontrol.budget import allowed_bits
from bcdcodec.weightfile import open_weights

STREAMS = ["packed.bcd", "coded.bcd", "context.bcd", "picture.bcd", "gallery.bcd"]


pytestmark = pytest.mark.usefixtures("golden_weights")


@pytest.mark.parametrize("name", STREAMS)
def test_without_a_bitrate_codes_times_and_keys_stay_and_bytes_shrink(name: str, folder: Path) -> None:
    result = transcode(GOLDEN / name, folder / name)
    before, after = read(GOLDEN / name), read(folder / name)
    assert result.reduction is RateReduction.RECODE
    assert after.shown == before.shown
    assert (after.keys, after.contents, after.sound) == (before.keys, before.contents, before.sound)
    assert after.size < before.size
    assert (result.before.stats.total_bits, result.after.stats.total_bits) == (8 * before.size, 8 * after.size)


def test_codes_are_left_out_of_a_context_coded_stream(folder: Path) -> None:
    few = folder / "few.bcd"
    transcode(GOLDEN / "context.bcd", few, groups=2)
    before, after = read(GOLDEN / "context.bcd"), read(few)
    assert after.header.coding.groups == 2 and before.header.coding.mode is CodingMode.CONTEXT
    assert after.codes == {tick: codes[:2] for tick, codes in before.codes.items()}


def test_decoded_pictures_stay_the_same(folder: Path) -> None:
    transcode(GOLDEN / "coded.bcd", folder / "again.bcd")
    model = CodecModel.load(GOLDEN / "tiny.safetensors", device="cpu")
    pictures = []
    for path in (GOLDEN / "coded.bcd", folder / "again.bcd"):
        with path.open("rb") as file:
            stream = StreamReader(file)
            decoder = Decoder(model, stream.header)
            frames = [frame for packet in stream for frame in decoder.push(packet)] + decoder.flush()
        pictures.append([(frame.index, frame.pixels.tobytes()) for frame in frames])
    assert pictures[0] == pictures[1]


def test_packed_to_context_and_back_are_the_same_codes(folder: Path) -> None:
    shots = [Shot((8, 8, 8, 8, 3)), Shot((8, 5), box=4)]
    packed = build(folder / "packed.bcd", shots)
    coded = {}
    for mode in CodingMode:
        path = build(folder / f"{mode.name}.bcd", shots, mode=mode)
        transcode(path, folder / "smallest.bcd")
        smallest = read(folder / "smallest.bcd")
        assert smallest.codes == read(packed).codes
        coded[mode] = smallest.size, smallest.header.coding.mode
    assert len(set(coded.values())) == 1  # whatever the source's mode was, the same stream comes out


def test_everything_else_of_the_header_and_the_sound_is_kept(folder: Path) -> None:
    source = build(folder / "in.bcd", [Shot((8,) * 12), Shot((8,) * 12, box=5)])
    transcode(source, folder / "out.bcd", bitrate=smallest_bitrate(source, folder))
    before, after = read(source), read(folder / "out.bcd")
    assert after.sound == before.sound != []
    for name in ("model_id", "content", "audio", "metadata", "plate", "unknown"):
        assert getattr(after.header, name) == getattr(before.header, name)
    assert after.header.coding.seed == before.header.coding.seed
    assert after.header.video.frame_rate == before.header.video.frame_rate / 4


def smallest_bitrate(source: Path, folder: Path) -> int:
    """As the error for an impossible one names it."""
    with pytest.raises(RateError, match=r"(\d+) bit/s is the least") as refused:
        transcode(source, folder / "refused.bcd", bitrate=500)
    assert not (folder / "refused.bcd").exists()
    return int(str(refused.value).split(" bit/s is the least")[0].split()[-1])


def test_the_least_bitrate_is_possible_and_one_less_is_not(folder: Path) -> None:
    source = build(folder / "in.bcd", [Shot((8,) * 30), Shot((8,) * 8, box=5)])
    least = smallest_bitrate(source, folder)
    result = transcode(source, folder / "out.bcd", bitrate=least)
    assert result.reduction is RateReduction.QUARTER
    assert result.after.video_bits <= allowed_bits(least, result.after.duration_s)
    with pytest.raises(RateError, match=f"{least} bit/s is the least"):
        transcode(source, folder / "none.bcd", bitrate=least - 1)


def test_without_weights_packed_codes_stay_packed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source = build(folder / "in.bcd", [Shot((8,) * 30)], rate=Fraction(50))
    monkeypatch.setenv("BCD_WEIGHTS", str(folder))
    *_, last = ever_lower(source, folder / "out.bcd")
    assert last.reduction is RateReduction.QUARTER
    assert "codes stay packed" in caplog.text
    monkeypatch.setenv("BCD_WEIGHTS", str(GOLDEN))
    before, after = read(source), read(folder / "out.bcd")
    assert after.header.coding.mode is CodingMode.PACKED
    assert after.codes == {tick // 4: codes for tick, codes in before.codes.items() if tick % 4 == 0}


def test_without_weights_other_codes_cannot_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCD_WEIGHTS", str(folder))
    with pytest.raises(WeightsError, match=r"cannot be read without their tables: the stream needs weights"):
        transcode(GOLDEN / "context.bcd", folder / "nothing.bcd")
    assert not (folder / "nothing.bcd").exists()


@pytest.mark.parametrize("where", [40, -200, -40])
def test_damage_leaves_no_output(where: int, tmp_path: Path) -> None:
    data = bytearray((GOLDEN / "coded.bcd").read_bytes())
    data[where] ^= 1
    (tmp_path / "in.bcd").write_bytes(data)
    with pytest.raises(BitstreamError):
        transcode(tmp_path / "in.bcd", tmp_path / "out.bcd", bitrate=2000)
    assert [path.name for path in tmp_path.iterdir()] == ["in.bcd"]


def test_a_cut_stream_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.bcd").write_bytes((GOLDEN / "coded.bcd").read_bytes()[:-30])
    with pytest.raises(TruncatedError, match="without its END packet"):
        transcode(tmp_path / "in.bcd", tmp_path / "out.bcd")
    assert [path.name for path in tmp_path.iterdir()] == ["in.bcd"]


def test_codes_that_no_encoder_writes_are_named_by_their_packet(tmp_path: Path) -> None:
    with (GOLDEN / "context.bcd").open("rb") as file, (tmp_path / "in.bcd").open("wb") as out:
        stream, writer = StreamReader(file), StreamWriter(out)
        writer.write_header(stream.header)
        for packet in stream:
            payload = packet.payload + b"\x01" if packet.sequence == 2 else packet.payload
            writer.write(Packet(packet.kind, packet.sequence, packet.timestamp, payload))
        writer.finish()
    with pytest.raises(BitstreamError, match="codes of packet 2: "):
        transcode(tmp_path / "in.bcd", tmp_path / "out.bcd")
    assert [path.name for path in tmp_path.iterdir()] == ["in.bcd"]


def test_a_stream_of_other_sizes_than_its_weights(tmp_path: Path) -> None:
    weights = open_weights(GOLDEN / "context.safetensors")
    coding = CodingInfo(
        mode=CodingMode.PACKED, groups=GROUPS + 1, bits_per_code=BITS, seed=9, window_frames=5, context_frames=1
    )
    with pytest.raises(BitstreamError, match=r"\(groups, entries\) \(6, 8\), its model needs .* or \(5, 8\)"):
        coders_of_stream(coding, weights)


def test_a_file_object_gets_the_bytes(folder: Path) -> None:
    out = io.BytesIO()
    transcode(GOLDEN / "packed.bcd", out)
    transcode(GOLDEN / "packed.bcd", folder / "file.bcd")
    assert out.getvalue() == (folder / "file.bcd").read_bytes()


def test_progress_ends_at_its_total(folder: Path) -> None:
    calls: list[tuple[int, int | None]] = []
    transcode(GOLDEN / "packed.bcd", folder / "out.bcd", progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (50, 50)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_what_cannot_be_asked_for(folder: Path) -> None:
    with pytest.raises(ConfigError, match="bitrate is 20 bit/s, allowed are 500 to 64000"):
        transcode(GOLDEN / "packed.bcd", folder / "never.bcd", bitrate=20)
    with pytest.raises(VideoError, match="cannot read"):
        transcode(folder / "missing.bcd", folder / "never.bcd")
