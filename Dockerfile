# The site in a container; deploy/README.md says how to build and run it.
FROM python:3.12-slim-bookworm

# The same programs as on Spaces.
COPY packages.txt /srv/site/
RUN apt-get update -q \
    && xargs -a /srv/site/packages.txt apt-get install -y -q --no-install-recommends \
    && rm -rf /var/lib/apt/lists/*

# The same versions everywhere, each file by its hash. They change more seldom than the code: a layer of their own.
COPY requirements.lock /srv/site/
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /srv/site/requirements.lock

# The code belongs to root: the site reads it and cannot change it.
WORKDIR /srv/site
COPY app.py LICENSE NOTICE README.md ./
COPY core core
COPY demos demos
COPY lessons lessons
COPY assets assets
COPY deploy/start.sh deploy/health.py deploy/
RUN python -m compileall -q app.py core demos

# It writes in three folders: compiled kernels, visitors' files, and the short links of teachers.
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin site \
    && install -d -o site -g site -m 700 /var/cache/site /var/tmp/site /var/lib/site
USER site
ENV HOME=/var/cache/site \
    XDG_CACHE_HOME=/var/cache/site \
    NUMBA_CACHE_DIR=/var/cache/site/numba \
    MPLCONFIGDIR=/var/cache/site/matplotlib \
    TMPDIR=/var/tmp/site \
    SITE_DATA=/var/lib/site \
    SITE_HOST=0.0.0.0 \
    PORT=7860 \
    GRADIO_ANALYTICS_ENABLED=False \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
VOLUME ["/var/cache/site", "/var/tmp/site", "/var/lib/site"]
EXPOSE 7860

HEALTHCHECK --interval=30s --timeout=10s --start-period=180s --retries=3 CMD ["python", "deploy/health.py"]
# Python turns SIGINT into an orderly end, in which visitors' files are deleted.
STOPSIGNAL SIGINT
CMD ["sh", "deploy/start.sh"]
