"""A process that is forked after a model was used goes on, on one thread."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import io, os, sys
import torch
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.decode.decoder import Decoder
from bcdcodec.codec.model import CodecModel

torch.set_num_threads(2)
model = CodecModel.load(sys.argv[1], device="cpu")
torch.randn(600, 600) @ torch.randn(600, 600)

def decode():
    reader = StreamReader(io.BytesIO(open(sys.argv[2], "rb").read()))
    decoder = Decoder(model, reader.header)
    return sum(len(decoder.push(packet)) for packet in reader) + len(decoder.flush())

print(decode(), flush=True)
child = os.fork()
if child == 0:
    print(decode(), torch.get_num_threads(), flush=True)
    os._exit(0)
os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked on POSIX alone")
def test_a_forked_process_decodes(stream_file: Path, tiny_weights: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tiny_weights), str(stream_file)]
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["25", "25", "1"]), done.stderr
