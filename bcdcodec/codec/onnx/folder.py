"""Names of what is in the folder of an exported decoder."""

#: Tables, codebook and mesh; the configuration and what identifies the graphs in its metadata.
TABLES_FILE = "decoder.safetensors"
#: Tensors besides the tables of entropy coding, which have their names in a weights file.
CODEBOOK, TRIANGLES, PLANES = "codebook", "mesh.triangles", "mesh.planes"
#: Metadata: id of the weights that were exported, SHA-256 of each graph by name.
MODEL_ID, DIGESTS = "model_id", "graphs"
CONTENT, MOTION, WARP, PAINT = "content", "motion", "warp", "paint"
