"""Media files <-> frames and Opus packets, and where the face is. The only folder that imports PyAV."""
