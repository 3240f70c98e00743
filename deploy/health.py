"""Does the site answer on PORT? Ends with 0 if it does. Asks for a small file, so that no page is built for it."""

import http.client
import os
import sys


def main() -> None:
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "7860")), timeout=8)
    try:
        connection.request("HEAD", "/site/site.css")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"no answer: {error}")
    if status != 200:
        sys.exit(f"status {status}")


if __name__ == "__main__":
    main()
