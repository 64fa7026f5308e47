"""Calling the outside service that notices when we fall silent.

Its address is the admin's own, from the environment, and often one of the local network: it does
not go through the guard of messages.
"""

import requests

CONNECT_SECONDS = 5
ANSWER_SECONDS = 10


def call(url: str) -> str:
    """GET `url` once and return what came of it in words; never raises, and never names the URL."""
    timeout = (CONNECT_SECONDS, ANSWER_SECONDS)
    try:
        with requests.get(url, timeout=timeout, stream=True) as answer:
            words = f"{answer.status_code} {answer.reason}"[:100]
            return words if answer.ok else f"reached and answered {words}"
    except requests.Timeout:
        return "not reached (no answer in time)"
    except (requests.RequestException, OSError, ValueError) as error:
        return f"not reached ({type(error).__name__})"
