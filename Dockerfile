# Two images from one file: `operator` (controller and command line) and `node` (keepalived, HAProxy, Apache, and the agent).
#
#   docker build --target operator .
#   docker build --target node .
#
# Behind a proxy with its own certificate authority: --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt
ARG BASE=debian:trixie-slim

FROM ${BASE} AS runtime
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PATH=/opt/hacluster/bin:$PATH

# pip is in the build stages only: the virtual environment, which is copied into the images, has none.
FROM runtime AS build
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        ca-certificates python3-venv python3-pip python3-setuptools \
    && python3 -m venv --without-pip /opt/hacluster
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

# Bytecode is compiled here, because the root file system may be read-only at run time. It is not checked against the sources.
FROM build AS operator-libraries
COPY locks/operator.txt /tmp/
RUN --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
    && /usr/bin/python3 -m pip --python /opt/hacluster/bin/python install --no-compile --only-binary :all: --require-hashes -r /tmp/operator.txt \
    && /opt/hacluster/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/hacluster/lib

FROM build AS node-libraries
COPY locks/node.txt /tmp/
RUN --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
    && /usr/bin/python3 -m pip --python /opt/hacluster/bin/python install --no-compile --only-binary :all: --require-hashes -r /tmp/node.txt \
    && /opt/hacluster/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/hacluster/lib

# Our own package is a layer of its own: a change of it builds in seconds and transfers little. It needs no network: the build
# backend and pip are Debian's, added to the virtual environment's path for this one command.
FROM build AS package
WORKDIR /source
COPY pyproject.toml LICENSE ./
COPY operator operator
RUN touch README.md \
    && PYTHONPATH=/usr/lib/python3/dist-packages /opt/hacluster/bin/python -m pip install -q --no-warn-script-location \
        --no-compile --no-deps --no-build-isolation --no-index --root /package . \
    && /opt/hacluster/bin/python -m compileall -q --invalidation-mode unchecked-hash -s /package /package/opt/hacluster/lib

FROM runtime AS operator
COPY --from=operator-libraries /opt/hacluster /opt/hacluster
COPY --from=package /package /
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="hacluster-operator" \
      org.opencontainers.image.description="One HACluster resource becomes a highly available front door on bare-metal nodes" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}"
USER 65532:65532
ENTRYPOINT ["hacluster"]

# policy-rc.d keeps the packages from starting their daemons while they are installed.
FROM runtime AS node-runtime
RUN printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \
    && apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        keepalived haproxy apache2-bin media-types rsyslog psmisc iproute2 nftables curl openssl tini \
    && rm -rf /usr/sbin/policy-rc.d /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log

FROM node-runtime AS node
COPY --from=node-libraries /opt/hacluster /opt/hacluster
COPY --from=package /package /
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="hacluster-node" \
      org.opencontainers.image.description="keepalived, HAProxy, Apache and the agent of hacluster-operator" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}"
ENTRYPOINT ["hacluster"]
