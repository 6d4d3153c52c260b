"""Studies: one folder for every page in docs/ that measures something; run by `bcd bench`."""
