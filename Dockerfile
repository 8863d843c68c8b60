# Roster as an image: the locked dependencies and the project's wheel, run by a user who owns none of it.
ARG PYTHON=python:3.13-slim

FROM ${PYTHON} AS wheel
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
# The build backend is locked with the developers' tools; none of them goes further than this stage.
COPY requirements-dev.txt .
RUN pip install --no-compile --only-binary :all: --require-hashes -r requirements-dev.txt
COPY . .
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels .

FROM ${PYTHON} AS environment
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
COPY requirements.txt .
RUN python -m venv --without-pip /opt/roster
# There is no compiler here: what comes without a wheel is refused at once.
RUN pip --python /opt/roster install --only-binary :all: --require-hashes -r requirements.txt
COPY --from=wheel /wheels /wheels
RUN pip --python /opt/roster install --no-deps --no-index /wheels/*.whl

FROM ${PYTHON}
# The one folder that this user may write: without ROSTER_DATABASE_URL, the database and the key live there.
RUN useradd --uid 10001 --home-dir /var/lib/roster --no-create-home --shell /usr/sbin/nologin roster \
    && install --directory --owner=roster --group=roster --mode=700 /var/lib/roster
COPY --from=environment /opt/roster /opt/roster
ENV PATH=/opt/roster/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    ROSTER_ENVIRONMENT=production \
    ROSTER_DATA_DIR=/var/lib/roster \
    ROSTER_PORT=8000
# A number, so that whoever runs the image can see that it isn't root.
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-c", "\
import http.client, os, sys; \
c = http.client.HTTPConnection('127.0.0.1', os.environ['ROSTER_PORT']); \
c.request('GET', '/health'); \
sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["roster"]
CMD ["serve", "--host", "0.0.0.0"]
