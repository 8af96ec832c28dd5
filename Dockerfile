# docs/deploy.md says how to pin it by digest
ARG PYTHON_IMAGE=python:3.14-slim

FROM $PYTHON_IMAGE AS build
WORKDIR /app
# The virtual environment gets no pip of its own. The base image's pip fills it and is not copied.
RUN python -m venv --without-pip .venv
COPY requirements.lock .
RUN python -m pip --python .venv/bin/python install --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock
COPY . .
# The key is for this command only; the image contains none. Bytecode is compiled now, because the file system is
# read-only later. chmod makes a private checkout readable for the image's user.
RUN SECRET_KEY=only-for-the-static-files-of-this-build PARAMETER_STORE=ssm STATIC_ROOT=/app/collected \
    .venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && .venv/bin/python -m compileall -q --invalidation-mode unchecked-hash console secrets_app envvars_app \
    && chmod -R a+rX,go-w .

FROM $PYTHON_IMAGE
# Without pip, an intruder can't install packages. The base image has no bytecode of the standard library.
RUN python -m pip uninstall --yes --quiet --root-user-action ignore pip \
    && rm -r /usr/local/lib/python3.*/ensurepip \
    && python -m compileall -q /usr/local/lib
WORKDIR /app
COPY --from=build /app .
# The only writable folder, for a SQLite database. No VOLUME: it would leave an anonymous volume behind each
# container, and a writable place on the disk even if the database is elsewhere.
RUN install -d -m 0700 -o 10001 -g 10001 var
# A number, so that Kubernetes can verify that the user isn't root
USER 10001:10001
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    STATIC_ROOT=/app/collected \
    BIND_ADDRESS=0.0.0.0
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os; from http.client import HTTPConnection; \
asked = HTTPConnection('127.0.0.1', int(os.environ.get('PORT', '8000')), timeout=4); \
asked.request('GET', '/healthz'); \
raise SystemExit(asked.getresponse().status != 200)"]
CMD ["python", "-m", "console.server.start"]
