"""How the formats that the document names are written."""

from urllib.parse import quote

import schemathesis
from hypothesis import strategies as st


def sf_string(text: str) -> str:
    """A string of a structured field (RFC 8941); what a header can't carry is percent-encoded."""
    return '"' + quote(text, safe=" !#$&'()*+,-./:;<=>?@[]^_`{|}~") + '"'


schemathesis.openapi.format("sf-string", st.text(min_size=1, max_size=40).map(sf_string))
