//! The HTTP representation of the sync protocol, as TaskChampion's book describes it.

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Bytes};
use hyper::header::{HeaderValue, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use hyper::{Method, Request, Response, StatusCode};
use std::collections::HashSet;
use std::time::Instant;
use taskchampion_sync_server_core::{AddVersionResult, GetVersionResult, Server, ServerError, SnapshotUrgency, NIL_VERSION_ID};
use uuid::Uuid;

const HISTORY_SEGMENT: &str = "application/vnd.taskchampion.history-segment";
const SNAPSHOT: &str = "application/vnd.taskchampion.snapshot";
/// Upstream's limit, for a history segment and for a snapshot.
const LARGEST_BODY: usize = 100 * 1024 * 1024;

pub struct Api {
    server: Server,
    clients: Option<HashSet<Uuid>>,
    create_clients: bool,
}

/// A request that is not answered as it hoped: a status and one line for people.
struct Refusal(StatusCode, String);
type Answer = Result<Response<Full<Bytes>>, Refusal>;

impl From<ServerError> for Refusal {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::NoSuchClient => refuse(StatusCode::NOT_FOUND, "this client has never synced"),
            ServerError::Other(error) => internal(error),
        }
    }
}

fn refuse(status: StatusCode, why: impl Into<String>) -> Refusal {
    Refusal(status, why.into())
}

fn internal(error: anyhow::Error) -> Refusal {
    log::error!("{error:#}");
    refuse(StatusCode::INTERNAL_SERVER_ERROR, "the server's log says why")
}

impl Api {
    pub fn new(server: Server, clients: Option<HashSet<Uuid>>, create_clients: bool) -> Self {
        Self { server, clients, create_clients }
    }

    pub async fn answer<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let start = Instant::now();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let mut response = self.route(request).await.unwrap_or_else(|Refusal(status, why)| {
            let mut response = Response::new(Full::new(Bytes::from(format!("{why}\n"))));
            *response.status_mut() = status;
            response
        });
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store, max-age=0"));
        // Probes ask for the root every few seconds.
        let level = if path == "/" { log::Level::Debug } else { log::Level::Info };
        log::log!(level, "{method} {path} {} in {} ms", response.status().as_u16(), start.elapsed().as_millis());
        response
    }

    async fn route<B>(&self, request: Request<B>) -> Answer
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let path = request.uri().path().to_owned();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let post = match parts[..] {
            [""] => {
                return Ok(Response::new(Full::new(Bytes::from(concat!(
                    "TaskChampion sync server v",
                    env!("CARGO_PKG_VERSION"),
                    "\n"
                )))))
            }
            ["v1", "client", "get-child-version", _] | ["v1", "client", "snapshot"] => false,
            ["v1", "client", "add-version" | "add-snapshot", _] => true,
            _ => return Err(refuse(StatusCode::NOT_FOUND, "no such resource")),
        };
        if request.method() != if post { Method::POST } else { Method::GET } {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(if post { "POST" } else { "GET" }));
            return Ok(response);
        }
        let client = self.client(&request)?;
        match parts[..] {
            [_, _, "get-child-version", parent] => self.get_child_version(client, version(parent)?).await,
            [_, _, "add-version", parent] => {
                let segment = body(request, HISTORY_SEGMENT).await?;
                self.add_version(client, version(parent)?, segment).await
            }
            [_, _, "add-snapshot", id] => {
                let snapshot = body(request, SNAPSHOT).await?;
                self.server.add_snapshot(client, version(id)?, snapshot).await?;
                Ok(Response::new(Full::default()))
            }
            _ => self.get_snapshot(client).await,
        }
    }

    /// Who asks, if they may.
    fn client<B>(&self, request: &Request<B>) -> Result<Uuid, Refusal> {
        let header = request.headers().get("x-client-id").and_then(|value| value.to_str().ok());
        let id = header
            .and_then(|text| Uuid::parse_str(text).ok())
            .ok_or_else(|| refuse(StatusCode::BAD_REQUEST, "X-Client-Id must be a UUID"))?;
        match &self.clients {
            Some(allowed) if !allowed.contains(&id) => Err(refuse(StatusCode::FORBIDDEN, "this client may not sync here")),
            _ => Ok(id),
        }
    }

    async fn get_child_version(&self, client: Uuid, parent: Uuid) -> Answer {
        match self.server.get_child_version(client, parent).await {
            Ok(GetVersionResult::Success { version_id, parent_version_id, history_segment }) => {
                let mut response = content(HISTORY_SEGMENT, history_segment);
                identify(&mut response, "x-version-id", version_id);
                identify(&mut response, "x-parent-version-id", parent_version_id);
                Ok(response)
            }
            Ok(GetVersionResult::NotFound) => Err(refuse(StatusCode::NOT_FOUND, "there is no newer version")),
            // A client that comes with a history which this server never saw: after a restore, or the server's loss.
            Ok(GetVersionResult::Gone) => Err(refuse(StatusCode::GONE, "this version is not known here")),
            Err(error) => Err(error.into()),
        }
    }

    async fn add_version(&self, client: Uuid, parent: Uuid, segment: Vec<u8>) -> Answer {
        let result = match self.server.add_version(client, parent, segment.clone()).await {
            Err(ServerError::NoSuchClient) if self.create_clients => {
                self.create(client).await?;
                self.server.add_version(client, parent, segment).await?
            }
            other => other?,
        };
        let mut response = Response::new(Full::default());
        match result {
            (AddVersionResult::Ok(id), urgency) => {
                identify(&mut response, "x-version-id", id);
                let wanted = match urgency {
                    SnapshotUrgency::None => None,
                    SnapshotUrgency::Low => Some("urgency=low"),
                    SnapshotUrgency::High => Some("urgency=high"),
                };
                if let Some(wanted) = wanted {
                    response.headers_mut().insert("x-snapshot-request", HeaderValue::from_static(wanted));
                }
            }
            (AddVersionResult::ExpectedParentVersion(expected), _) => {
                *response.status_mut() = StatusCode::CONFLICT;
                identify(&mut response, "x-parent-version-id", expected);
            }
        }
        Ok(response)
    }

    async fn create(&self, client: Uuid) -> Result<(), Refusal> {
        let mut transaction = self.server.txn(client).await?;
        // Two devices may have their first sync at once.
        if transaction.get_client().await.map_err(internal)?.is_none() {
            transaction.new_client(NIL_VERSION_ID).await.map_err(internal)?;
            transaction.commit().await.map_err(internal)?;
        }
        Ok(())
    }

    async fn get_snapshot(&self, client: Uuid) -> Answer {
        let (id, snapshot) = self
            .server
            .get_snapshot(client)
            .await?
            .ok_or_else(|| refuse(StatusCode::NOT_FOUND, "there is no snapshot"))?;
        let mut response = content(SNAPSHOT, snapshot);
        identify(&mut response, "x-version-id", id);
        Ok(response)
    }
}

fn version(text: &str) -> Result<Uuid, Refusal> {
    Uuid::parse_str(text).map_err(|_| refuse(StatusCode::NOT_FOUND, "a version is a UUID"))
}

fn content(kind: &'static str, bytes: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(bytes)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn identify(response: &mut Response<Full<Bytes>>, name: &'static str, id: Uuid) {
    let value = HeaderValue::from_str(&id.to_string()).expect("a UUID is a header's value");
    response.headers_mut().insert(name, value);
}

/// The whole body, if it is of that kind and within the limit.
async fn body<B>(request: Request<B>, kind: &str) -> Result<Vec<u8>, Refusal>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let bad = |why: &str| refuse(StatusCode::BAD_REQUEST, why);
    let header = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if header(CONTENT_TYPE) != Some(kind) {
        return Err(bad(&format!("the content type must be {kind}")));
    }
    if header(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send it without a content encoding"));
    }
    let collected = Limited::new(request.into_body(), LARGEST_BODY).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            refuse(StatusCode::PAYLOAD_TOO_LARGE, "more than 100 MiB")
        } else {
            bad("the request broke off")
        }
    })?;
    let bytes = collected.to_bytes();
    if bytes.is_empty() {
        return Err(bad("there is nothing in it"));
    }
    Ok(bytes.into())
}
