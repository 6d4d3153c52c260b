"""A video beside what its streams show, for a person to look at: video, contact sheet, numbers and a page."""
