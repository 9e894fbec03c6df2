//! The HTTP server and what each of its workers is given.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::body::BoxBody;
use actix_http::{HttpService, Request, Response};
use actix_server::Server;
use actix_service::{
    IntoServiceFactory as _, Service as _, ServiceFactory, ServiceFactoryExt as _,
    apply_fn_factory, fn_factory, fn_service, map_config,
};
use actix_web::dev::{AppConfig, ServerHandle, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::{App, Error};
use futures_util::future::Either;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::numbers::{Number, Numbers};
use super::{Ground, Pipeline, StartError};
use crate::actors::board::Board;
use crate::actors::door::Door;
use crate::actors::queue::Queue;
use crate::actors::session_hub::SessionHub;
use crate::config::Config;
use crate::domain::StreamName;
use crate::http::arrivals::Arrivals;
use crate::http::state::{ListensOn, Shared, Worker};
use crate::http::{self, Front, HttpConfig, Upgraded};

/// Connections that may wait to be accepted: a crowd comes back at once.
const BACKLOG: i32 = 4_096;
/// A receiver with a tiny buffer drops segments, and their retransmissions back off for seconds while it still reads.
#[cfg(target_os = "linux")]
const SHORTEST_USER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection is kept open for another request, and for the peer's goodbye.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const GOODBYE: Duration = Duration::from_secs(1);

/// How a worker is set up on its thread.
#[derive(Debug, Clone)]
pub(super) struct WorkerPlan {
    numbers: Numbers,
    pipeline: Pipeline,
    ground: Ground,
    shared: Arc<Shared>,
    config: Arc<Config>,
}

impl WorkerPlan {
    pub(super) fn new(
        config: &Config,
        pipeline: &Pipeline,
        ground: &Ground,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            numbers: Numbers::new(pipeline.hubs().len()),
            pipeline: pipeline.clone(),
            ground: ground.clone(),
            shared,
            config: Arc::new(config.clone()),
        }
    }

    /// The worker of this thread. The server asks once per listener; the first time sets it up.
    fn worker(&self) -> Rc<Worker> {
        thread_local! {
            static WORKER: RefCell<Option<(Rc<Worker>, Option<Number>)>> = const { RefCell::new(None) };
        }
        let set_up = || {
            let number = self.numbers.take();
            let worker = self.set_up(number.as_ref().map_or(0, Number::get));
            (Rc::new(worker), number)
        };
        WORKER.with_borrow_mut(|worker| worker.get_or_insert_with(set_up).0.clone())
    }

    fn set_up(&self, number: usize) -> Worker {
        let window = self.config.window;
        let board = Rc::new(Board::new(
            window,
            self.config.hub.retained_windows(window),
            self.pipeline.known_after(&self.config, &self.ground),
            self.ground.streams.clone(),
            self.ground.metrics.clone(),
        ));
        self.build_hub(number, board.clone());
        let ingest = self
            .pipeline
            .build_ingest(number, &self.config, &self.ground);
        Worker {
            shared: self.shared.clone(),
            door: Rc::new(Door::new(
                ingest,
                self.watch_queue(),
                self.ground.streams.clone(),
            )),
            arrivals: look_after_arrivals(),
            board,
            main_stream: StreamName::main(),
            main_is_open: Cell::new(false),
        }
    }

    fn watch_queue(&self) -> Rc<Queue> {
        let max_delay = self.config.ingest.max_delay;
        let queue = Rc::new(Queue::new(max_delay, self.ground.metrics.clone()));
        let watching = queue.watch();
        actix::spawn(async move {
            let ended = match watching {
                Ok(watching) => watching.await,
                Err(error) => Err(error),
            };
            if let Err(error) = ended {
                tracing::warn!(%error, "queue is not watched, nobody is turned away for its delay");
            }
        });
        queue
    }

    fn build_hub(&self, number: usize, board: Rc<Board>) {
        let (config, slot) = (
            self.config.hub.clone(),
            self.pipeline.hubs()[number].clone(),
        );
        let name = format!("session_hub_{number}");
        self.ground.supervision.keep_alive(name, slot, move |_| {
            SessionHub::new(config.clone(), board.clone())
        });
    }
}

fn look_after_arrivals() -> Rc<Arrivals> {
    let arrivals = Rc::new(Arrivals::default());
    let held = arrivals.clone();
    actix::spawn(async move { held.look_after().await });
    arrivals
}

/// How many workers there will be.
pub(super) fn num_workers(config: &HttpConfig) -> usize {
    match config.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    }
}

/// Binds every address and starts the workers. Returns the addresses as they were given by the system.
pub(super) fn run(
    config: &Config,
    num_workers: usize,
    plan: WorkerPlan,
) -> Result<(ServerHandle, Vec<SocketAddr>), StartError> {
    let mut server = Server::build()
        .workers(num_workers)
        .max_concurrent_connections(config.http.max_connections)
        .disable_signals();
    let mut addresses = Vec::new();
    for address in &config.http.bind {
        let address = *address;
        let failed = |error| StartError::Bind { address, error };
        let listener = listen(address).map_err(failed)?;
        let listens_on = listener.local_addr().map_err(failed)?;
        addresses.push(listens_on);
        let plan = plan.clone();
        server = server
            .listen("http", listener, move || connections(&plan, listens_on))
            .map_err(failed)?;
    }
    let running = server.run();
    let handle = running.handle();
    actix::spawn(async move {
        if let Err(error) = running.await {
            tracing::error!(%error, "http server ended");
        }
    });
    Ok((handle, addresses))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A node that is started anew finds connections of the one before still closing.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Sets up what answers requests.
trait Answers:
    ServiceFactory<
        Request,
        Config = (),
        Response = Response<BoxBody>,
        Error = Response<BoxBody>,
        InitError = (),
    >
{
}

impl<Factory> Answers for Factory where
    Factory: ServiceFactory<
            Request,
            Config = (),
            Response = Response<BoxBody>,
            Error = Response<BoxBody>,
            InitError = (),
        >
{
}

/// What a worker does with connections. Both of them answer by the same routes: requests as long as a connection lives, and
/// the one request that takes a connection over.
fn connections(
    plan: &WorkerPlan,
    listens_on: SocketAddr,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error: Debug, InitError: Debug> + use<>
{
    let send_buffer = plan.config.http.send_buffer;
    let stall_timeout = plan.config.hub.stall_timeout;
    let upgraded = routes(plan, listens_on);
    let upgrade = fn_factory(move || {
        let routes = upgraded.new_service(());
        async move {
            let routes = Rc::new(routes.await?);
            let serve = move |handed| Upgraded::serve(routes.clone(), handed, GOODBYE);
            Ok::<_, ()>(fn_service(serve))
        }
    });
    HttpService::build()
        .keep_alive(KEEP_ALIVE)
        .client_disconnect_timeout(GOODBYE)
        .tcp_nodelay(true)
        .on_connect_ext(move |stream: &TcpStream, _| tune(stream, send_buffer, stall_timeout))
        .upgrade(upgrade)
        .finish(front(plan, routes(plan, listens_on)))
        .tcp()
}

/// Before the routes, what is asked for most.
fn front<Routes>(plan: &WorkerPlan, routes: Routes) -> impl Answers + use<Routes>
where
    Routes: Answers,
{
    let front = Front::new(plan.worker());
    apply_fn_factory(
        routes,
        move |request, routes: &Routes::Service| match front.take(request) {
            Ok(answering) => Either::Left(answering),
            Err(request) => Either::Right(routes.call(request)),
        },
    )
}

fn routes(plan: &WorkerPlan, listens_on: SocketAddr) -> impl Answers + use<> {
    let app = App::new()
        .wrap(from_fn(http::observe))
        .app_data(ListensOn(listens_on))
        .configure(http::configure(plan.worker()));
    let answering = app
        .into_factory()
        .map(|answered: ServiceResponse<_>| Response::from(answered.map_into_boxed_body()))
        .map_err(|error: Error| Response::from(error.error_response()));
    map_config(answering, |()| AppConfig::default())
}

/// A small send buffer keeps frames from growing old in the kernel, where they can't be merged. The user time-out ends a
/// socket whose peer has taken nothing for that long: such a session is not polled, so nothing in the process could.
fn tune(stream: &TcpStream, send_buffer: usize, stall_timeout: Duration) {
    let socket = SockRef::from(stream);
    let tuned = socket.set_send_buffer_size(send_buffer);
    #[cfg(target_os = "linux")]
    let tuned = tuned
        .and_then(|()| socket.set_tcp_user_timeout(Some(stall_timeout.max(SHORTEST_USER_TIMEOUT))));
    #[cfg(not(target_os = "linux"))]
    let _unused = stall_timeout;
    if let Err(error) = tuned {
        tracing::debug!(%error, "connection not tuned");
    }
}
