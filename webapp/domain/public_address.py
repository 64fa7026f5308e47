"""Whether a network address belongs to the public internet."""

import ipaddress

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
_6TO4 = ipaddress.IPv6Network("2002::/16")


def is_public(address: str) -> bool:
    """Whether `address` is a public unicast address; False for a text that is no IP address.

    An IPv6 address that carries an IPv4 address is judged by that one where an IPv6-only network
    writes it so (NAT64), and is otherwise not public.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(ip.packed[-4:])))
        if ip.ipv4_mapped is not None or ip in _6TO4 or ip in _LOCAL_NAT64 or ip.is_site_local:
            return False
    return ip.is_global and not (
        ip.is_private
        or ip.is_multicast
        or ip.is_reserved
        or ip.is_loopback
        or ip.is_link_local
        or ip.is_unspecified
    )
