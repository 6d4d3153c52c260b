# bcd in a container; --build-arg PIP_EXTRA_INDEX_URL=... names an index with builds of PyTorch for the CPU alone:
#   docker build -t bcdcodec .
#   docker run --rm -v "$PWD:/data" bcdcodec encode talk.mp4
FROM python:3.12-slim
# LiteRT, which runs the face networks, needs a C++ runtime.
RUN apt-get update && apt-get install --no-install-recommends -y libstdc++6 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY bcdcodec bcdcodec
ARG PIP_EXTRA_INDEX_URL
RUN pip install --no-cache-dir '.[encode]'
WORKDIR /data
ENTRYPOINT ["bcd"]
CMD ["--help"]
