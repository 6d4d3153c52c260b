"""A page that decodes streams in a browser."""
