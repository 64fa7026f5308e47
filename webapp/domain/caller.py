"""Which addresses count as one caller."""

from ipaddress import IPv6Address, ip_address, ip_network


def caller_of(address: str) -> str:
    """What the sign-in throttle counts by: an IPv4 address, or the network of an IPv6 one.

    Whoever has IPv6 has at least a /64: a fresh address for each of 2^64 guesses. Never raises.
    """
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(ip, IPv6Address):
        return str(ip)
    return str(ip.ipv4_mapped or ip_network((ip, 64), strict=False))
