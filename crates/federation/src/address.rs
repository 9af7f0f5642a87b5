//! Which addresses may be called. An endpoint comes from another city: it must not make this node call its own machine or
//! its own network in another's place.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is, where it is not one of the internet; `None` where it is.
///
/// Looked at after the name was resolved, for each connection: a name that leads elsewhere the second time gains nothing.
#[must_use]
pub fn private_class(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => class_of_v4(address),
        IpAddr::V6(address) => class_of_v6(address),
    }
}

fn class_of_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [first, second, third, _] = address.octets();
    if address.is_loopback() {
        Some("a loopback address")
    } else if address.is_private() {
        Some("an address of a private network")
    } else if address.is_link_local() {
        Some("a link-local address")
    } else if first == 100 && (64..128).contains(&second) {
        Some("an address of a provider's inner network")
    } else if first == 0 || first >= 240 || address.is_multicast() || (first, second, third) == (192, 0, 0) {
        Some("no address of one machine")
    } else {
        None
    }
}

fn class_of_v6(address: Ipv6Addr) -> Option<&'static str> {
    let segments = address.segments();
    let [first, second, ..] = segments;
    // Addresses that carry one of version 4, which is where the packets go.
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        class_of_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 1] => return Some("a loopback address"),
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => return embedded(high, low).or(Some("an IPv4 address in disguise")),
        // Translated (RFC 6052) and tunnelled (RFC 3056).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => return embedded(high, low),
        // Translated within one network (RFC 8215).
        [0x64, 0xff9b, 1, ..] => return Some("an address of a private network"),
        _ => {}
    }
    if first & 0xfe00 == 0xfc00 {
        Some("an address of a private network")
    } else if first & 0xffc0 == 0xfe80 || first & 0xffc0 == 0xfec0 {
        Some("a link-local address")
    } else if first & 0xff00 == 0xff00 || first == 0 || (first == 0x2001 && second == 0) {
        Some("no address of one machine")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_internet_may_be_called_and_no_others() {
        for public in
            ["192.0.2.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:db8::1", "2a00::1", "64:ff9b::808:808"]
        {
            assert_eq!(private_class(public.parse().unwrap()), None, "{public}");
        }
        for (inner, word) in [
            ("127.0.0.1", "loopback"),
            ("127.255.0.9", "loopback"),
            ("::1", "loopback"),
            ("::ffff:127.0.0.1", "loopback"),
            ("10.0.0.1", "private"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.168.1.1", "private"),
            ("fd00::1", "private"),
            ("::ffff:10.0.0.1", "private"),
            ("64:ff9b::a00:1", "private"),
            ("64:ff9b:1::10.0.0.1", "private"),
            ("2002:7f00:1::", "loopback"),
            ("169.254.169.254", "link-local"),
            ("fe80::1", "link-local"),
            ("fec0::1", "link-local"),
            ("100.64.0.1", "inner"),
            ("0.0.0.0", "no address"),
            ("255.255.255.255", "no address"),
            ("224.0.0.1", "no address"),
            ("::", "no address"),
            ("ff02::1", "no address"),
            ("::ffff:8.8.8.8", "disguise"),
        ] {
            let class = private_class(inner.parse().unwrap());
            assert!(class.is_some_and(|class| class.contains(word)), "{inner}: {class:?}");
        }
    }
}
