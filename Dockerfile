# deployer's own image, for the receiver and the worker: examples/compose has both.
# The base may be any Debian with Python 3.11 or newer as python3, with pip and venv.
ARG PYTHON=python:3.13-slim

FROM ${PYTHON} AS packages
# How pip reaches its index, if not directly, and the certificates of a company's proxy: the file
# company-ca.crt beside this one, if there is one. Nothing of it gets into the image.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
ARG PIP_TIMEOUT
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements.txt requirements-build.txt company-ca.cr[t] /build/
RUN if [ -f /build/company-ca.crt ]; then \
      cat /etc/ssl/certs/ca-certificates.crt /build/company-ca.crt > /build/trusted.pem; \
      export PIP_CERT=/build/trusted.pem; \
    fi; \
    python3 -m venv --without-pip /opt/deployer && \
    python3 -m venv /build/venv && \
    python3 -m pip --python /opt/deployer/bin/python install --quiet \
      --require-hashes -r /build/requirements.txt && \
    /build/venv/bin/python -m pip install --quiet \
      --require-hashes -r /build/requirements-build.txt
COPY pyproject.toml README.md LICENSE /build/source/
COPY nginx_templates /build/source/nginx_templates
COPY deployer /build/source/deployer
# Everybody may read the package, whatever the umask of the checkout was.
RUN chmod -R u=rwX,go=rX /build/source && \
    /build/venv/bin/python -m pip wheel --quiet --no-deps --no-build-isolation --no-index \
      --wheel-dir /build/wheels /build/source && \
    python3 -m pip --python /opt/deployer/bin/python install --quiet --no-deps --no-index \
      /build/wheels/*.whl

FROM ${PYTHON}
# The receiver's user. The state folder on the host is shared with this number.
RUN groupadd --gid 10001 deployer && \
    useradd --uid 10001 --gid deployer --no-create-home --home-dir /nonexistent \
      --shell /usr/sbin/nologin deployer
COPY --from=packages /opt/deployer /opt/deployer
ENV PATH=/opt/deployer/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# Where there is no config.yml of somebody else: /etc/deployer/config.yml is the default.
WORKDIR /
EXPOSE 5000
# A number, so that whoever runs it can see that it is not root. Only the worker has to be.
USER 10001:10001
# Both processes end what they have begun and then themselves.
STOPSIGNAL SIGINT
# Asks the receiver how it is; a worker is not asked.
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
  CMD ["python", "-I", "-m", "deployer.web.healthcheck"]
ENTRYPOINT ["deployer"]
CMD ["--help"]
ARG VERSION=dev
LABEL org.opencontainers.image.title="deployer" \
      org.opencontainers.image.description="A registry's webhook puts the new image live behind Nginx" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}"
