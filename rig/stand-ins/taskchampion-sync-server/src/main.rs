//! TaskChampion's sync server: the protocol's logic and its SQLite storage are upstream's published crates, the HTTP
//! around them is here, since upstream publishes its own server as container images only. It takes the environment
//! variables of those images, so that one can stand in for the other.

mod api;
mod settings;

use anyhow::Context;
use api::Api;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use settings::Settings;
use std::rc::Rc;
use std::time::Duration;
use taskchampion_sync_server_core::{Server, ServerConfig};
use taskchampion_sync_server_storage_sqlite::SqliteStorage;
use tokio::net::TcpListener;
use tokio::signal::unix::{signal, SignalKind};
use tokio::task::LocalSet;

/// A request's headers come in one piece from any client; a connection that says nothing goes.
const HEADERS: Duration = Duration::from_secs(10);
/// Within what Kubernetes waits before it kills.
const LAST_REQUESTS: Duration = Duration::from_secs(8);

fn main() -> anyhow::Result<()> {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    let settings = Settings::from_environment(|name| std::env::var(name).ok())?;
    let storage = SqliteStorage::new(&settings.data_dir)
        .with_context(|| format!("DATA_DIR={}: the database cannot be opened", settings.data_dir))?;
    let config = ServerConfig { snapshot_days: settings.snapshot_days, snapshot_versions: settings.snapshot_versions };
    let api = Rc::new(Api::new(Server::new(config, storage), settings.clients, settings.create_clients));
    // One thread: SQLite lets one transaction at a time through anyway.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, serve(&settings.listen, api))
}

async fn serve(listen: &str, api: Rc<Api>) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen).await.with_context(|| format!("LISTEN={listen}"))?;
    log::info!("listening on {}", listener.local_addr()?);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = std::future::poll_fn(|context| {
            if terminate.poll_recv(context).is_ready() || interrupt.poll_recv(context).is_ready() {
                return std::task::Poll::Ready(None);
            }
            listener.poll_accept(context).map(Some)
        });
        let stream = match accepted.await {
            None => break,
            Some(Ok((stream, _))) => stream,
            Some(Err(error)) => {
                // Out of file descriptors, mostly: connections that end give some back.
                log::warn!("a connection was not accepted: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let api = api.clone();
        let service = service_fn(move |request| {
            let api = api.clone();
            async move { Ok::<_, std::convert::Infallible>(api.answer(request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::task::spawn_local(async move {
            if let Err(error) = connection.await {
                log::debug!("a connection ended: {error}");
            }
        });
    }
    log::info!("stopping");
    let _ = tokio::time::timeout(LAST_REQUESTS, graceful.shutdown()).await;
    Ok(())
}
