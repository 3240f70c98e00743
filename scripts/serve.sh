#!/bin/sh
# Start the site on PORT (7860) and print where it is.
set -eu
cd "$(dirname "$0")/.."
PORT=${PORT:-7860}
.venv/bin/python - "$PORT" <<'PYTHON' || exit 1
import socket, sys
try:
    port = int(sys.argv[1])
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", port))
except (ValueError, OverflowError):
    sys.exit(f"PORT must be a number from 1 to 65535, got {sys.argv[1]!r}.")
except OSError as error:
    sys.exit(f"Port {port} cannot be used ({error.strerror}). Choose another: make run PORT={min(port + 1, 65535)}")
PYTHON
GRADIO_ANALYTICS_ENABLED=False
export PORT GRADIO_ANALYTICS_ENABLED
echo "Starting the site: http://127.0.0.1:$PORT (English), http://127.0.0.1:$PORT/ko (Korean). Stop it with Ctrl-C."
exec .venv/bin/python app.py
