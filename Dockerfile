# On a CPU:  docker build -t tgan .
# On a GPU:  docker build -t tgan --build-arg EXTRAS=cuda12,video .    (run it with --gpus all)
#
#     docker run --rm -u "$(id -u)" -v "$PWD:/home/tgan" tgan train
FROM python:3.12-slim
ARG EXTRAS=cpu,video
WORKDIR /tgan
COPY setup.py pyproject.toml constraints.txt README.md LICENSE ./
COPY tgan_chainer tgan_chainer
# As docs/start.md installs without make. CUDA's libraries are NVIDIA's wheels; the driver is the host's.
RUN pip install --no-cache-dir -c constraints.txt setuptools wheel \
 && pip install --no-cache-dir --no-build-isolation -c constraints.txt ".[$EXTRAS]"
# What is compiled and made stays in the mounted folder.
ENV HOME=/tmp NUMBA_CACHE_DIR=/home/tgan/.numba
WORKDIR /home/tgan
ENTRYPOINT ["tgan"]
