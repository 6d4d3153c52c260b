"""Deinterlacing: two half pictures of different moments, woven into one, become one whole picture."""

from collections.abc import Generator, Iterable, Iterator

import av
from av import VideoFrame
from av.filter import Graph

#: FFmpeg's filter: one picture for two fields, and pictures that are not flagged as interlaced stay as they are.
_FILTER, _OPTIONS = "bwdif", "mode=send_frame:deint=interlaced"


def deinterlaced(frames: Iterable[VideoFrame]) -> Generator[VideoFrame, None, None]:
    """Yield pictures as they are up to the first interlaced one, and from it on through the filter."""
    graph: Graph | None = None
    layout: tuple[object, ...] = ()
    for frame in frames:
        if graph is None and not frame.interlaced_frame:
            yield frame
            continue
        if graph is None or layout != _layout(frame):
            if graph is not None:
                yield from _flush(graph)
            graph, layout = _new_graph(frame), _layout(frame)
        graph.push(frame)
        yield from _pull(graph)
    if graph is not None:
        yield from _flush(graph)


def _layout(frame: VideoFrame) -> tuple[object, ...]:
    return frame.width, frame.height, frame.format.name


def _new_graph(frame: VideoFrame) -> Graph:
    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    graph.link_nodes(source, graph.add(_FILTER, _OPTIONS), graph.add("buffersink")).configure()
    return graph


def _flush(graph: Graph) -> Iterator[VideoFrame]:
    graph.push(None)
    yield from _pull(graph)


def _pull(graph: Graph) -> Iterator[VideoFrame]:
    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        assert isinstance(frame, VideoFrame)
        yield frame
