"""The ablations of the paper: runs that differ in one thing each, measured alike."""
