//! Connections of a crowd: each from another address of loopback, so that what counts per address counts many.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};

use anyhow::Context as _;
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

/// Addresses in a row of 127.0.x.1 to 127.0.x.250.
const PER_ROW: u32 = 250;

/// Rows: 127.0.1.x to 127.0.200.x. After the last one they begin anew.
const ROWS: u32 = 200;

/// The address that connection number `index` comes from.
fn source(index: u32) -> Ipv4Addr {
    let row = index / PER_ROW % ROWS;
    Ipv4Addr::new(127, 0, (row + 1) as u8, (index % PER_ROW + 1) as u8)
}

/// A blocking connection from the address of this number, without Nagle's delay.
pub(super) fn connect(server: SocketAddr, index: u32) -> io::Result<TcpStream> {
    let socket = Socket::new(
        Domain::for_address(server),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.bind(&SocketAddrV4::new(source(index), 0).into())?;
    socket.connect(&server.into())?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket.into())
}

/// Begins a connection from the address of this number and does not wait for it; only a server on loopback knows the address.
/// `receive_buffer` is how many bytes the kernel keeps for it, if that is not to be as usual.
pub(super) fn begin(
    server: SocketAddr,
    index: u32,
    receive_buffer: Option<usize>,
) -> io::Result<TcpStream> {
    let socket = Socket::new(
        Domain::for_address(server),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(size) = receive_buffer {
        socket.set_recv_buffer_size(size)?;
    }
    if server.is_ipv4() && server.ip().is_loopback() {
        socket.bind(&SocketAddrV4::new(source(index), 0).into())?;
    }
    match socket.connect(&server.into()) {
        Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => Err(error),
        _ => Ok(socket.into()),
    }
}

/// An address that a server has said it listens on.
pub(super) fn parse(address: &str) -> anyhow::Result<SocketAddr> {
    address
        .parse()
        .with_context(|| format!("{address} is no address of a server"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashSet;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn ten_thousand_connections_come_from_as_many_addresses() {
        let sources: HashSet<Ipv4Addr> = (0..10_000).map(source).collect();
        assert_eq!(sources.len(), 10_000);
        assert!(sources.iter().all(Ipv4Addr::is_loopback));
        assert!(!sources.contains(&Ipv4Addr::LOCALHOST));
    }

    #[test]
    fn the_server_sees_the_address_of_the_number() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _client = connect(listener.local_addr().unwrap(), 251).unwrap();
        let (_, peer) = listener.accept().unwrap();
        assert_eq!(peer.ip(), source(251));
        assert_eq!(peer.ip().to_string(), "127.0.2.2");
    }
}
