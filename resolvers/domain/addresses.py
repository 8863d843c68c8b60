"""Network addresses, as far as something is counted by them."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

NETWORK_BITS = 64


@lru_cache(maxsize=4_096)
def source_of(address: str | None) -> str:
    """Returns whom to count an address as: itself, or in IPv6 the network in which one client has them all."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return address or "unknown"
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    network = int(parsed) >> (128 - NETWORK_BITS) << (128 - NETWORK_BITS)
    return f"{IPv6Address(network)}/{NETWORK_BITS}"
