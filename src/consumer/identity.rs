//! The name under which a broker knows this consumer: `ip@instance`, as in Java.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::ifaddrs::getifaddrs;

use crate::config::{ConsumerConfig, MessageModel};
use crate::runtime::random;

/// Builds the client id. An instance name that the user gave is kept, so that it is stable over restarts;
/// else it has the process, the time and chance in it, since containers share addresses and process ids. In
/// broadcasting it is Java's `DEFAULT`: the file of the offsets stands under the client id.
pub(crate) fn client_id(config: &ConsumerConfig) -> String {
    let ip = config.client_ip.clone().unwrap_or_else(|| own_address().to_string());
    let generated = || {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        format!("{}#{nanos}#{:08x}", std::process::id(), random::number() >> 32)
    };
    let instance = config.instance_name.clone().unwrap_or_else(|| match config.model {
        MessageModel::Clustering => generated(),
        MessageModel::Broadcasting => "DEFAULT".to_owned(),
    });
    format!("{ip}@{instance}")
}

/// The first address of an interface that others can reach, else the loopback address.
fn own_address() -> IpAddr {
    let interfaces = getifaddrs().into_iter().flatten();
    let addresses: Vec<IpAddr> = interfaces
        .filter_map(|interface| interface.address)
        .filter_map(|address| match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
            (Some(v4), _) => Some(IpAddr::V4(v4.ip())),
            (_, Some(v6)) => Some(IpAddr::V6(v6.ip())),
            _ => None,
        })
        .filter(|ip| !ip.is_loopback() && !is_link_local(*ip))
        .collect();
    let v4 = addresses.iter().find(|ip| ip.is_ipv4());
    v4.or(addresses.first()).copied().unwrap_or(IpAddr::from([127, 0, 0, 1]))
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}
