//! A TCP proxy in front of the broker that loses or delays the end of a transaction.
//!
//! Clients that are given the proxy's address stay behind it: in what the broker says of itself its port is replaced by the
//! proxy's. A port is four bytes behind the host, so a response keeps its length.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard};

use super::clients::PATIENCE;

/// The host that the broker gives to its clients.
const HOST: &[u8] = b"127.0.0.1";

/// The request that ends a transaction.
const END_TXN: [u8; 2] = 26_u16.to_be_bytes();

/// Where a request and its response carry the id that joins them; both begin with four bytes of length.
const REQUEST_ID: std::ops::Range<usize> = 8..12;
const RESPONSE_ID: std::ops::Range<usize> = 4..8;

/// Where the response to `END_TXN` has its error code, behind a throttle time.
const ERROR_CODE: std::ops::Range<usize> = 12..14;

/// What becomes of the next `END_TXN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The broker never gets it; from then on nobody gets through.
    LoseRequest,
    /// The broker carries it out, but its answer is lost; from then on nobody gets through.
    LoseReply,
    /// The broker carries it out, but the connection breaks before its answer; others get through.
    BreakConnection,
    /// It waits in the network until it is released.
    Delay,
}

/// A running proxy.
pub(crate) struct Proxy {
    state: Arc<State>,
    caught: Receiver<Caught>,
    answers: Receiver<i16>,
}

/// What all connections share.
struct State {
    broker_port: u16,
    port: u16,
    /// The fault that the next `END_TXN` meets, and whether the line is cut.
    plan: Mutex<Plan>,
    caught: SyncSender<Caught>,
    answers: SyncSender<i16>,
    /// Every connection there was.
    open: Mutex<Vec<TcpStream>>,
}

#[derive(Default)]
struct Plan {
    planted: Option<Fault>,
    is_cut: bool,
}

/// A request that the broker has not got, and the connection that it came on.
pub(crate) struct Caught {
    request: Vec<u8>,
    broker: TcpStream,
}

impl Caught {
    /// Lets the request go on to the broker.
    pub(crate) fn release(mut self) {
        self.broker
            .write_all(&self.request)
            .expect("the broker takes it");
    }
}

impl Proxy {
    /// A proxy in front of the broker on `broker_port` of this machine.
    pub(crate) fn start(broker_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let (caught_in, caught) = sync_channel(1);
        let (answers_in, answers) = sync_channel(1);
        let state = Arc::new(State {
            broker_port,
            port: listener.local_addr().expect("its address").port(),
            plan: Mutex::default(),
            caught: caught_in,
            answers: answers_in,
            open: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // A connection that can't be carried is closed, as any network may do.
                let _ = Link::open(client, &shared);
            }
        });
        Self {
            state,
            caught,
            answers,
        }
    }

    /// What clients are given as `bootstrap.servers`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.state.port)
    }

    /// Plants what becomes of the next `END_TXN`.
    pub(crate) fn plant(&self, fault: Fault) {
        self.state.plan().planted = Some(fault);
    }

    /// Lets clients through again.
    pub(crate) fn mend(&self) {
        self.state.plan().is_cut = false;
    }

    /// Cuts the line: whoever is behind it hears nothing more from the broker, and the broker nothing from them.
    pub(crate) fn cut(&self) {
        self.state.plan().is_cut = true;
        let open = self.state.open.lock().expect("no thread panics with it");
        for connection in open.iter() {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// The request that the broker did not get, once the client has sent it.
    pub(crate) fn caught(&self) -> Caught {
        self.caught
            .recv_timeout(PATIENCE)
            .expect("the request came by")
    }

    /// The error code in the answer that the client never got.
    pub(crate) fn lost_answer(&self) -> i16 {
        self.answers
            .recv_timeout(PATIENCE)
            .expect("the broker answered, and the answer was kept")
    }
}

impl State {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().expect("no thread panics with the plan")
    }

    /// Puts the proxy's port where the broker names its own.
    fn readdress(&self, response: &mut [u8]) {
        let own = [HOST, &u32::from(self.broker_port).to_be_bytes()].concat();
        let proxied = [HOST, &u32::from(self.port).to_be_bytes()].concat();
        for at in 0..(response.len() + 1).saturating_sub(own.len()) {
            if response[at..].starts_with(&own) {
                response[at..at + own.len()].copy_from_slice(&proxied);
            }
        }
    }
}

/// A client's connection and the one to the broker that goes with it; one thread per direction has a clone each.
struct Link {
    client: TcpStream,
    broker: TcpStream,
    kept: Arc<Mutex<Option<Kept>>>,
    state: Arc<State>,
}

/// The request whose answer the client must not get.
#[derive(Clone, Copy)]
struct Kept {
    id: [u8; 4],
    fault: Fault,
}

impl Link {
    fn open(client: TcpStream, state: &Arc<State>) -> io::Result<()> {
        if state.plan().is_cut {
            return Ok(());
        }
        let requests = Self {
            broker: TcpStream::connect(("127.0.0.1", state.broker_port))?,
            client,
            kept: Arc::default(),
            state: Arc::clone(state),
        };
        let mut open = state.open.lock().expect("no thread panics with it");
        open.extend([requests.client.try_clone()?, requests.broker.try_clone()?]);
        drop(open);
        let responses = Self {
            broker: requests.broker.try_clone()?,
            client: requests.client.try_clone()?,
            kept: Arc::clone(&requests.kept),
            state: Arc::clone(state),
        };
        std::thread::spawn(move || {
            let _ = requests.carry_requests();
            requests.close_unless_delayed();
        });
        std::thread::spawn(move || {
            let _ = responses.carry_responses();
            responses.close();
        });
        Ok(())
    }

    fn carry_requests(&self) -> io::Result<()> {
        let mut broker = &self.broker;
        loop {
            let request = read_frame(&self.client)?;
            let fault = match request[4..].starts_with(&END_TXN) {
                true => self.state.plan().planted.take(),
                false => None,
            };
            if let Some(fault) = fault {
                let id = request[REQUEST_ID].try_into().expect("four bytes");
                *self.kept() = Some(Kept { id, fault });
            }
            match fault {
                Some(Fault::LoseRequest) => {
                    self.catch(request)?;
                    return self.cut();
                }
                Some(Fault::Delay) => self.catch(request)?,
                Some(Fault::LoseReply | Fault::BreakConnection) | None => {
                    broker.write_all(&request)?
                }
            }
        }
    }

    fn carry_responses(&self) -> io::Result<()> {
        let mut client = &self.client;
        loop {
            let mut response = read_frame(&self.broker)?;
            let kept = *self.kept();
            match kept {
                Some(Kept { id, fault }) if response[RESPONSE_ID] == id => {
                    let code = response[ERROR_CODE].try_into().expect("two bytes");
                    let _ = self.state.answers.try_send(i16::from_be_bytes(code));
                    return match fault {
                        Fault::LoseReply | Fault::LoseRequest => self.cut(),
                        Fault::BreakConnection | Fault::Delay => Ok(()),
                    };
                }
                _ => {
                    self.state.readdress(&mut response);
                    client.write_all(&response)?;
                }
            }
        }
    }

    fn catch(&self, request: Vec<u8>) -> io::Result<()> {
        let caught = Caught {
            request,
            broker: self.broker.try_clone()?,
        };
        let _ = self.state.caught.try_send(caught);
        Ok(())
    }

    fn kept(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept
            .lock()
            .expect("no thread panics with what it keeps")
    }

    /// Ends this connection and lets no other in.
    fn cut(&self) -> io::Result<()> {
        self.state.plan().is_cut = true;
        self.close();
        Ok(())
    }

    /// The client has gone; what it has sent is still in the network.
    fn close_unless_delayed(&self) {
        let is_delayed = self.kept().is_some_and(|kept| kept.fault == Fault::Delay);
        if !is_delayed {
            self.close();
        }
    }

    fn close(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.broker.shutdown(Shutdown::Both);
    }
}

/// One request or response, its length in front.
fn read_frame(mut from: &TcpStream) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    from.read_exact(&mut frame)?;
    let length = u32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]]) as usize;
    frame.resize(4 + length, 0);
    from.read_exact(&mut frame[4..])?;
    Ok(frame)
}
