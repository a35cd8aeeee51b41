"""Is a local HTTP server answering?"""

import http.client

from outreach_pipelines.local_stack.ports import LOOPBACK

ANSWER_SECONDS = 2.0


def answers(port: int, path: str) -> bool:
    """Tell whether a GET of `path` is answered with a status below 400; a refused or broken connection is a no."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
