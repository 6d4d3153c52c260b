"""Generation of motion codes by a GPT-2: the model, its training, generated streams, loss concealment."""
