"""One process of a shared run, for test_training.py: share_a_run.py STREAMS CONFIG.json RUN."""

import sys
from pathlib import Path

import torch

from bcdcodec.motion.config import MotionConfig
from bcdcodec.motion.data import load_streams
from bcdcodec.motion.training import MotionTrainOptions, train_motion
from bcdcodec.training.run.distributed import leave_workers

streams, config, run = map(Path, sys.argv[1:])
found = MotionConfig.from_json(config.read_text())
codebook = torch.randn(found.groups, found.entries, found.dims, generator=torch.Generator().manual_seed(0))
options = MotionTrainOptions(run=run, updates=8, report_every=1)
train_motion(found, options, load_streams(streams), codec_id=bytes(range(16)), codebook=codebook)
leave_workers()
