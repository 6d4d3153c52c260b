"""Page that shows both ends of a call while it runs (extra `serve`)."""
