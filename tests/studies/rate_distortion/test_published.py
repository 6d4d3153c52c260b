"""Published points: dashed lines exist where they were published, and fall as rate rises."""

from bcdcodec.studies.rate_distortion.published import published


def test_points_fall_with_rate() -> None:
    for metric in ("dists", "lpips-vgg"):
        curves = published(metric)
        assert {item.series for item in curves} >= {"DAC, 10 points", "VVC (VTM)", "HEVC (HM)"}
        for item in curves:
            assert list(item.kbps) == sorted(item.kbps)
            assert list(item.values) == sorted(item.values, reverse=True)
    assert published("psnr") == []
