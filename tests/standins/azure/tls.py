"""An authority for certificates that only these stand-ins know."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, cast

import trustme


class Tls:
    """Certificates for localhost.

    Attributes:
        ca_file: whom a client has to trust.
    """

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.ca_file = folder / "azure-ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca_file))

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # The package's types want those of another one, which need not be there.
        cast("Any", self._ca.issue_cert("localhost", "127.0.0.1")).configure_cert(context)
        return context
