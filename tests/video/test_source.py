"""Media files in several passes: audio is encoded once and replayed beside each."""

from fractions import Fraction

from media_kit import MakeVideo, gray, tone

from bcdcodec.video.audio import OpusReader
from bcdcodec.video.source import MediaSource


def test_audio_comes_once_and_in_time_in_every_pass(make_video: MakeVideo) -> None:
    path = make_video([gray(50)] * 25, "a.mkv", sound=tone(0, 1, 1), sound_codec="pcm_s16le")
    with OpusReader(path) as reader:
        everything = list(reader)
    with MediaSource(path, Fraction(25)) as source:
        assert source.audio() is None
        source.open_audio(bitrate=6000, frame_ms=60)
        for _ in range(2):
            audio = source.audio()
            assert audio is not None
            early = list(audio.until(0.5))
            assert [packet.tick for packet in early] == list(range(0, 25, 3))
            assert list(audio.until(0.5)) == []
            assert early + list(audio.until(60.0)) == everything
