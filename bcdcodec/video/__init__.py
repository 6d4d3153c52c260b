"""Media input and output, face detection and tracking, cropping and still pictures; the only importer of PyAV."""
