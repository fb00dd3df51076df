//! Addresses of this machine, to which a stream must not lead.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs, UdpSocket};

use super::options::scheme;

/// The server that a URL names, and a proxy that the environment names: addresses that ffmpeg may
/// connect to wherever they are.
#[derive(Debug, Clone, Default)]
pub(crate) struct OwnServers {
    /// Hosts, each with its ports.
    servers: Vec<(String, Vec<u16>)>,
}

impl OwnServers {
    pub(super) fn of(url: &str) -> Self {
        let mut servers = Vec::new();
        if let Some((host, port)) = host_and_port(url) {
            // A tunnel of RTSP has the port of HTTP.
            let ports = port.map_or_else(|| vec![default_port(url), 80, 443], |port| vec![port]);
            servers.push((host, ports));
        }
        if let Some((host, port)) = std::env::var("http_proxy").ok().as_deref().and_then(host_and_port) {
            servers.push((host, vec![port.unwrap_or(80)]));
        }
        Self { servers }
    }

    /// Returns whether a connection must be refused: to an address of this machine, or to a
    /// link-local one, that the URL does not name. May ask DNS for the host of the URL.
    pub(super) fn refuses(&self, address: IpAddr, port: u16) -> bool {
        let is_near = is_near(address);
        if !is_near && !is_of_this_machine(address) {
            return false;
        }
        !self.servers.iter().any(|(host, ports)| {
            // On an address that other machines reach, other ports of the same server are as good.
            (!is_near || ports.contains(&port)) && addresses(host).any(|own| unmapped(own) == unmapped(address))
        })
    }
}

/// Returns the host and the port of a URL.
pub(super) fn host_and_port(url: &str) -> Option<(String, Option<u16>)> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let server = authority.rsplit('@').next()?;
    let (host, port) = match server.strip_prefix('[') {
        Some(bracketed) => {
            let (host, rest) = bracketed.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => server.split_once(':').map_or((server, None), |(host, port)| (host, Some(port))),
    };
    let port = port.filter(|port| !port.is_empty()).map(str::parse).transpose().ok()?;
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

pub(super) fn default_port(url: &str) -> u16 {
    match scheme(url).as_str() {
        "rtsp" => 554,
        "rtsps" => 322,
        "https" => 443,
        _ => 80,
    }
}

fn addresses(host: &str) -> impl Iterator<Item = IpAddr> {
    let resolved = match host.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) => (host, 0).to_socket_addrs().map(|found| found.map(|one| one.ip()).collect()).unwrap_or_default(),
    };
    resolved.into_iter()
}

/// Returns an IPv4 address that is written as an IPv6 one.
fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => match v6.segments() {
            // ::ffff:a.b.c.d and 64:ff9b::a.b.c.d
            [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
                IpAddr::V4(Ipv4Addr::new(a, b, c, d))
            }
            _ => address,
        },
        IpAddr::V4(_) => address,
    }
}

/// Returns whether an address is loopback, unspecified or link-local.
fn is_near(address: IpAddr) -> bool {
    match unmapped(address) {
        IpAddr::V4(v4) => v4.is_loopback() || v4.octets()[0] == 0 || v4.is_link_local(),
        IpAddr::V6(v6) => v6 == Ipv6Addr::LOCALHOST || v6.is_unspecified() || v6.is_unicast_link_local(),
    }
}

/// Returns whether a socket can have this address: it belongs to this machine.
fn is_of_this_machine(address: IpAddr) -> bool {
    // An address of the documentation, which no machine has: `ip_nonlocal_bind` allows any.
    const NOWHERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 253);
    UdpSocket::bind((address, 0)).is_ok() && UdpSocket::bind((NOWHERE, 0)).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_server_of_the_url_may_be_local() {
        let refuses =
            |url: &str, address: &str, port: u16| OwnServers::of(url).refuses(address.parse().expect(address), port);
        for near in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "::1",
            "::",
            "fe80::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
        ] {
            assert!(refuses("http://192.0.2.1/x", near, 80), "{near}");
        }
        for far in ["192.0.2.1", "8.8.8.8", "2001:db8::1", "10.0.0.1"] {
            assert!(!refuses("http://192.0.2.7/x", far, 80), "{far}");
        }
        assert!(!refuses("http://127.0.0.1:8000/x", "127.0.0.1", 8000));
        assert!(refuses("http://127.0.0.1:8000/x", "127.0.0.1", 8001), "another port");
        assert!(refuses("http://127.0.0.1:8000/x", "127.0.0.2", 8000), "another address");
        assert!(!refuses("http://me:pass@localhost:8000/x", "127.0.0.1", 8000));
        assert!(!refuses("http://[::1]/x", "::1", 80) && refuses("http://[::1]/x", "::1", 81));
        assert!(!refuses("rtsp://127.0.0.1/x", "127.0.0.1", 554) && !refuses("rtsps://127.0.0.1/x", "127.0.0.1", 322));
    }

    #[test]
    fn host_and_port_are_found_behind_a_login() {
        for (url, expected) in [
            ("http://h", Some(("h", None))),
            ("http://h:80/x:7", Some(("h", Some(80)))),
            ("rtsp://me:a@b@h:/x", Some(("h", None))),
            ("rtsp://me:1@[fe80::1]:554", Some(("fe80::1", Some(554)))),
            ("http://h:port/", None),
            ("http://:80/", None),
            ("http:h", None),
        ] {
            let expected = expected.map(|(host, port)| (host.to_owned(), port));
            assert_eq!(host_and_port(url), expected, "{url}");
        }
    }
}
