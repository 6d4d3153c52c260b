"""One process of a shared run, for test_sharding.py: share_a_run.py CACHE CONFIG.json RUN ACCUMULATE."""

import sys
from pathlib import Path

import torch

from bcdcodec.config import ModelConfig
from bcdcodec.model.vae import Vae
from bcdcodec.training.options import TrainOptions
from bcdcodec.training.run.distributed import leave_workers
from bcdcodec.training.run.loop import train

torch.set_num_threads(1)
cache, config_file, run = map(Path, sys.argv[1:4])
config = ModelConfig.from_json(config_file.read_text())
torch.manual_seed(0)
vae = None if config.vae is None else Vae(config.vae).eval().requires_grad_(False)
options = TrainOptions(run=run, updates=12, report_every=1, accumulate=int(sys.argv[4]))
train(config, options, cache=cache, vae=vae)
leave_workers()
