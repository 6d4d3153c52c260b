"""Names of what is in the folder of an exported model."""

#: Tables, codebook and mesh; the configuration and what identifies the graphs in its metadata.
TABLES_FILE = "decoder.safetensors"
#: Tensors besides the tables of entropy coding, which have their names in a weights file.
CODEBOOK, TRIANGLES, PLANES = "codebook", "mesh.triangles", "mesh.planes"
#: Metadata: id of the weights that were exported, SHA-256 of each graph by name.
MODEL_ID, DIGESTS = "model_id", "graphs"
#: Graphs of the decoder (model/graphs.py), the last of models that paint alone.
CONTENT, MOTION, WARP, PAINT = "content", "motion", "warp", "paint"
#: Graphs of the encoder (model/encoder_graphs.py), the last of models that read landmarks alone where these are known.
ANALYZE_LATENTS, DISPLACE, COMPARE, COMPARE_ROUGH = "analyze_latents", "displace", "compare", "compare_rough"
ANALYZE = "analyze"
