"""Training of the denoiser of pictures: from clips to pairs of frames and their guides, to weights."""
