//! Which addresses belong to the world, and which to this machine, its networks and whatever else no request of a
//! challenge should reach by a name that somebody else gives out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What of IPv4 is not the world's, by address and bits, as IANA's registry of special purposes has it.
const SPECIAL_V4: [(Ipv4Addr, u32); 15] = [
    // This host on this network.
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    // Private.
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // Behind a provider's translation.
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    // Loopback.
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // This link: also where clouds give out their credentials.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    // Protocols.
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    // Documentation.
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Relays between the two protocols.
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    // Benchmarking.
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    // Multicast.
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    // Reserved, and broadcast.
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// What of IPv6 is given out at all. All that is elsewhere is special: unspecified, loopback, IPv4 inside of IPv6
/// (`::ffff:0:0/96`), translation to IPv4 (`64:ff9b::/96`, `64:ff9b:1::/48`), private, link-local, multicast.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What of that is not the world's.
const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    // Protocols: tunnels that carry an IPv4 address (Teredo), benchmarking, identifiers.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // Documentation.
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
    // Tunnels that carry an IPv4 address (6to4).
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
];

/// Whether an address is one of the world's.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|range| in_v4(address, *range)),
        IpAddr::V6(address) => {
            in_v6(address, GLOBAL_V6) && !SPECIAL_V6.iter().any(|range| in_v6(address, *range))
        }
    }
}

fn in_v4(address: Ipv4Addr, (network, bits): (Ipv4Addr, u32)) -> bool {
    (address.to_bits() ^ network.to_bits()) >> (Ipv4Addr::BITS - bits) == 0
}

fn in_v6(address: Ipv6Addr, (network, bits): (Ipv6Addr, u32)) -> bool {
    (address.to_bits() ^ network.to_bits()) >> (Ipv6Addr::BITS - bits) == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_worlds_addresses_are_told_from_all_others() {
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2606:4700:4700::1111",
            "2a00:1450::1",
            "3ffe::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for special in [
            // Unspecified and this network.
            "0.0.0.0",
            "0.1.2.3",
            "::",
            // Loopback.
            "127.0.0.1",
            "127.255.255.254",
            "::1",
            // Private.
            "10.0.0.1",
            "10.255.255.255",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "fc00::1",
            "fdff::1",
            // Link-local, with the metadata of clouds.
            "169.254.0.1",
            "169.254.169.254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            // Behind a provider's translation.
            "100.64.0.1",
            "100.127.255.255",
            // Multicast and broadcast, reserved.
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "ff02::1",
            "ff0e::1",
            // Documentation.
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "2001:db8::1",
            "3fff::1",
            "3fff:fff::1",
            // Benchmarking and protocols.
            "198.18.0.1",
            "198.19.255.255",
            "192.0.0.170",
            "192.88.99.1",
            "2001:2::1",
            "2001:20::1",
            // IPv4 inside of IPv6, public or not.
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::10.0.0.1",
            "2002:7f00:1::1",
            "2001:0:7f00:1::1",
            "fe80::5efe:127.0.0.1",
            // Not given out.
            "100::1",
            "4000::1",
            "5f00::1",
        ] {
            assert!(!is_public(special.parse().unwrap()), "{special}");
        }
    }

    proptest! {
        /// What the standard library knows of addresses agrees.
        #[test]
        fn what_is_public_is_nothing_that_the_library_knows_to_be_special(v4: u32, v6: u128, global: bool) {
            let v4 = Ipv4Addr::from_bits(v4);
            if is_public(v4.into()) {
                prop_assert!(!v4.is_private() && !v4.is_loopback() && !v4.is_link_local() && !v4.is_multicast());
                prop_assert!(!v4.is_unspecified() && !v4.is_broadcast() && !v4.is_documentation());
            }
            let v6 = if global { v6 >> 3 | 1 << 125 } else { v6 };
            let v6 = Ipv6Addr::from_bits(v6);
            if is_public(v6.into()) {
                prop_assert!(!v6.is_unique_local() && !v6.is_loopback() && !v6.is_unicast_link_local());
                prop_assert!(!v6.is_multicast() && !v6.is_unspecified() && v6.to_ipv4().is_none());
            }
        }
    }
}
