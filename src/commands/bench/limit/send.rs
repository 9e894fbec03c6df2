//! The limit of fan-out: the same bytes sent to each of many sockets in a bare loop.
//!
//! The first connection is the bench's own, and says what to do: how many sockets to take (four bytes), answered with one
//! byte once they are there; then again and again the length of a frame (four bytes) and the frame, answered with the
//! nanoseconds that sending it to all of them took (eight bytes). Numbers are big-endian.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use tokio::time::Instant;

use super::{announce, until_orphaned};

/// No frame is longer: what claims to be is no frame.
const MAX_FRAME: u32 = 1 << 20;

pub(super) fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    announce(listener.local_addr()?);
    until_orphaned(move || {
        loop {
            let (control, _) = listener.accept()?;
            obey(&listener, control)?;
        }
    })
}

/// Does as it is told until the control connection ends.
fn obey(listener: &TcpListener, mut control: TcpStream) -> io::Result<()> {
    control.set_nodelay(true)?;
    let Some(num) = read_number(&mut control)? else {
        return Ok(());
    };
    let mut streams = Vec::new();
    for _ in 0..num {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    control.write_all(&[1])?;
    while let Some(length) = read_number(&mut control)? {
        let mut frame = vec![0; length.min(MAX_FRAME) as usize];
        control.read_exact(&mut frame)?;
        let began = Instant::now();
        for stream in &mut streams {
            stream.write_all(&frame)?;
        }
        let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        control.write_all(&nanos.to_be_bytes())?;
    }
    Ok(())
}

/// None at the end.
fn read_number(control: &mut TcpStream) -> io::Result<Option<u32>> {
    let mut bytes = [0; 4];
    match control.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(u32::from_be_bytes(bytes))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_socket_gets_every_frame_as_it_is() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (control, _) = listener.accept().unwrap();
            obey(&listener, control)
        });
        let mut control = TcpStream::connect(address).unwrap();
        control.write_all(&2_u32.to_be_bytes()).unwrap();
        let mut sockets = [(); 2].map(|()| TcpStream::connect(address).unwrap());
        control.read_exact(&mut [0]).unwrap();
        for frame in [b"abc", b"def"] {
            control.write_all(&3_u32.to_be_bytes()).unwrap();
            control.write_all(frame).unwrap();
            control.read_exact(&mut [0; 8]).unwrap();
            for socket in &mut sockets {
                let mut got = [0; 3];
                socket.read_exact(&mut got).unwrap();
                assert_eq!(&got, frame);
            }
        }
        drop(control);
        server.join().unwrap().unwrap();
    }
}
