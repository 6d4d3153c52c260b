"""Raw videos become a training set. In: media files. Out: a folder that `bcd train --data` reads."""
