FROM python:3.13-slim AS build
WORKDIR /app
RUN python -m venv .venv
COPY requirements.lock .
RUN .venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock
COPY . .
# The keys are for this one command; the image holds none.
RUN SECRET_KEY=only-for-the-static-files-of-this-build PARAMETER_STORE=ssm STATIC_ROOT=/app/collected \
    .venv/bin/python manage.py collectstatic --no-input --verbosity 0

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home console
WORKDIR /app
COPY --from=build /app .
RUN install -d -m 0700 -o console -g console var
USER console
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    STATIC_ROOT=/app/collected \
    BIND_ADDRESS=0.0.0.0
VOLUME /app/var
EXPOSE 8000
# The process answers under the first of its own names; another would be refused.
HEALTHCHECK --start-period=30s --timeout=5s CMD ["python", "-c", "import os, urllib.request as web; \
host = os.environ.get('ALLOWED_HOSTS', 'localhost').split(',')[0].strip().lstrip('.'); \
url = 'http://127.0.0.1:' + os.environ.get('PORT', '8000') + '/healthz'; \
web.urlopen(web.Request(url, headers={'Host': host}), timeout=4)"]
CMD ["python", "-m", "console.start"]
