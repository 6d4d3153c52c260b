"""Preparation of training sets: from raw videos to a folder of face clips that `bcd train --data` reads."""
