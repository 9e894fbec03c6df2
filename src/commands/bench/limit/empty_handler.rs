//! The limit of requests: one worker of actix-web that answers each GET with an empty 200.

use std::io;

use actix_web::{App, HttpResponse, HttpServer, web};
use tokio::sync::oneshot;

use super::{announce, when_orphaned};

pub(super) fn serve() -> io::Result<()> {
    actix_web::rt::System::new().block_on(async {
        let app = || App::new().route("/", web::get().to(HttpResponse::Ok));
        let server = HttpServer::new(app)
            .workers(1)
            .tcp_nodelay(true)
            .disable_signals()
            .bind("127.0.0.1:0")?;
        server.addrs().into_iter().for_each(announce);
        let (orphaned, end) = oneshot::channel::<()>();
        when_orphaned(move || drop(orphaned));
        tokio::select! {
            served = server.run() => served,
            _ = end => Ok(()),
        }
    })
}
