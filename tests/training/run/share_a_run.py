"""One process of a shared run, for test_sharding.py: share_a_run.py CACHE CONFIG.json RUN."""

import sys
from pathlib import Path

import torch

from bcdcodec.config import ModelConfig
from bcdcodec.model.vae import Vae
from bcdcodec.training.options import TrainOptions
from bcdcodec.training.run.distributed import leave_workers
from bcdcodec.training.run.loop import train

torch.set_num_threads(1)
cache, config_file, run = map(Path, sys.argv[1:])
config = ModelConfig.from_json(config_file.read_text())
torch.manual_seed(0)
vae = None if config.vae is None else Vae(config.vae).eval().requires_grad_(False)
train(config, TrainOptions(run=run, updates=12, report_every=1), cache=cache, vae=vae)
leave_workers()
