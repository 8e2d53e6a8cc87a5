"""Which network addresses audio may be fetched from.

`ipaddress` alone does not tell: it calls NAT64 and 6to4 forms of 169.254.169.254 global, and not private.
"""

import ipaddress

from audiocli.errors import InputError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NEVER = [
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # "this network": 0 is another name of the loopback address
        "169.254.0.0/16",  # link-local, where clouds keep the machine's credentials
        "192.0.0.0/24",  # protocol assignments
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "::/96",  # IPv4-compatible, unspecified; the loopback address is let through before
        "64:ff9b::/32",  # NAT64: stands for an IPv4 address, as do the next three
        "::ffff:0:0:0/96",
        "2001::/32",
        "2002::/16",
        "fe80::/10",  # link-local
        "fec0::/10",  # site-local
        "fd00:ec2::/32",  # a cloud's metadata service
        "ff00::/8",  # multicast
    )
]


def check_named(address: Address) -> None:
    """Raise `InputError` for an address that even a user who names it does not mean."""
    address = getattr(address, "ipv4_mapped", None) or address
    if address == ipaddress.IPv6Address("::1"):
        return
    if any(address in network for network in _NEVER if network.version == address.version):
        raise InputError(f"{address} is not an address that audio is fetched from")


def check_redirected(address: Address) -> None:
    """Raise `InputError` for an address that a server of its own accord may not send us to."""
    check_named(address)
    address = getattr(address, "ipv4_mapped", None) or address
    shared = address.version == 4 and address in ipaddress.ip_network("100.64.0.0/10")
    if address.is_private or address.is_loopback or shared:
        raise InputError(
            f"the server redirects to {address}, which is on a private network",
            hint="name the file's own address",
        )
