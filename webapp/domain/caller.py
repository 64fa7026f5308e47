"""Deciding which addresses count as one caller."""

from ipaddress import IPv6Address, ip_address, ip_network


def caller_of(address: str) -> str:
    """Return the key of the sign-in throttle: an IPv4 address, or the /64 network of an IPv6 one.

    A customer with IPv6 has at least a /64, and so a fresh address for each of 2^64 guesses. Text
    that is not an address is returned as it is. Never raises.
    """
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(ip, IPv6Address):
        return str(ip)
    return str(ip.ipv4_mapped or ip_network((ip, 64), strict=False))
