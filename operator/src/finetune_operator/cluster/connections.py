"""How to reach the API server: read once from the pod's account or from a kubeconfig.

Gives the official client's configuration for our own requests, and the same endpoint in the words
that the informer needs. Credentials stay in here; nothing logs them.
"""

import os
from dataclasses import dataclass

from kubernetes.aio import config
from kubernetes.aio.client.configuration import Configuration

from finetune_operator.cluster.errors import ClusterError

_BEARER = "BearerToken"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One API server and who we are to it."""

    server: str
    ca_path: str | None
    certificate_path: str | None
    private_key_path: str | None
    token: str | None
    verifies: bool


async def load_configuration(connections: int) -> Configuration:
    """Read the pod's service account, or the kubeconfig of $KUBECONFIG.

    Args:
        connections: how many to keep open at most.

    Raises:
        ClusterError: there is neither.
    """
    configuration = Configuration(connection_pool_maxsize=connections)
    try:
        if os.environ.get("KUBECONFIG") or "KUBERNETES_SERVICE_HOST" not in os.environ:
            await config.load_kube_config(  # type: ignore[no-untyped-call]
                client_configuration=configuration
            )
        else:
            config.load_incluster_config(  # type: ignore[no-untyped-call]
                client_configuration=configuration
            )
    except config.ConfigException as error:
        raise ClusterError(
            f"no way to the API server: {error}; set KUBECONFIG or run in a pod"
        ) from error
    # A proxy of the environment is for downloads; the API server is reached directly or as the
    # kubeconfig says. It also spares a look into ~/.netrc at every request.
    configuration.client_session_kwargs = {"trust_env": False}
    return configuration


async def read_endpoint(configuration: Configuration) -> Endpoint:
    """Give the endpoint with a token that is valid now."""
    header = await configuration.get_api_key_with_prefix(_BEARER)
    return Endpoint(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        token=header.split(" ", 1)[1] if header else None,
        verifies=configuration.verify_ssl,
    )


async def read_authorization(configuration: Configuration) -> dict[str, str]:
    """Give the header that says who we are; a pod's token is read anew by the minute."""
    header = await configuration.get_api_key_with_prefix(_BEARER)
    if header:
        return {"Authorization": header}
    if configuration.username:
        return {"Authorization": configuration.get_basic_auth_token() or ""}
    return {}
