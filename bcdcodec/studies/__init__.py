"""Studies: one folder for each published page; `bcd bench STUDY` runs it."""
