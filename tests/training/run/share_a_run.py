"""One process of a shared run, for test_sharding.py: share_a_run.py CACHE CONFIG.json RUN."""

import sys
from pathlib import Path

import torch

from bcdcodec.config import ModelConfig
from bcdcodec.model.vae import Vae
from bcdcodec.training.run.distributed import leave_workers
from bcdcodec.training.run.loop import TrainOptions, train

torch.set_num_threads(1)
cache, config_file, run = map(Path, sys.argv[1:])
config = ModelConfig.from_json(config_file.read_text())
torch.manual_seed(0)
vae = None if config.vae is None else Vae(config.vae).eval().requires_grad_(False)
train(config, TrainOptions(run=run, cache=cache, steps=12, report_every=1), vae=vae)
leave_workers()
