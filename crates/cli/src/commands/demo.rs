//! A federation of six cities on this machine, with real agreements, asked one question.

mod cities;
mod cooperation;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::try_join_all;
use indicatif::{ProgressBar, ProgressStyle};
use isopolity_node::{
    CityId, Config, Node, SystemClock,
    client::Client,
    init::{Options, init},
    lifecycle::Signals,
    telemetry::{self, LogFormat},
};
use isopolity_proto::{
    admin::Role,
    catalog::{SearchRequest, SearchResponse, catalog_service_client::CatalogServiceClient},
    federation::Question,
    options::Audience,
    registry::{ImportFormat, ImportStart},
};
use isopolity_registry::{Caller, error::with_causes, import::News};
use serde_json::json;
use tokio::sync::mpsc;
use tonic::Request;

use self::cities::{CITIES, City, TWIN_TOWNS};
use crate::{
    args::{Demo, Global, Output},
    exit::Exit,
    output,
};

/// The file that tells programs where the cities are.
const MANIFEST: &str = "demo.json";
/// How long the question may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// A city that runs.
struct Running {
    city: &'static City,
    id: CityId,
    folder: PathBuf,
    token: String,
    node: Option<Node>,
}

pub(super) async fn run(global: &Global, arguments: &Demo) -> Result<(), Exit> {
    let begun = Instant::now();
    if let Some(stopped) = &arguments.stop_city
        && !CITIES.iter().any(|city| city.id == stopped)
    {
        let all: Vec<&str> = CITIES.iter().map(|city| city.id).collect();
        return Err(Exit::usage(format!("--stop-city {stopped}: there is {}", all.join(", "))));
    }
    let level = env::var("ISOPOLITY_LOG_LEVEL").unwrap_or_else(|_error: env::VarError| "off".to_owned());
    telemetry::start(LogFormat::Text, &level).map_err(Exit::usage)?;
    let mut signals = Signals::new().map_err(|error| Exit::fault(format!("signals can't be waited for: {error}")))?;
    let folder = Folder::new(global)?;

    let work = async {
        let mut cities = prepare(&folder.path).await?;
        if let Some(stopped) = &arguments.stop_city {
            stop(&mut cities, stopped).await;
        }
        write_manifest(&folder.path, &cities)?;
        let answer = ask(asker(&cities)?, arguments).await?;
        Ok::<_, Exit>((cities, answer))
    };
    let (cities, answer) = tokio::select! {
        done = work => done?,
        () = signals.next() => return Err(Exit::fault("stopped before the demonstration was ready")),
    };
    match global.output {
        Output::Json => output::json(&answer)?,
        Output::Table => {
            output::answer(&answer)?;
            cooperation::ask_a_third(&cities).await?;
        }
    }
    if !arguments.once {
        output::note(&format!(
            "\nReady after {:.1} s. {}",
            begun.elapsed().as_secs_f64(),
            hints(&cities, asker(&cities)?)
        ));
        signals.next().await;
        output::note("\nStopping.");
    }
    for city in cities {
        if let Some(node) = city.node {
            tokio::select! {
                () = node.shut_down() => {}
                () = signals.next() => return Err(Exit::fault("stopped at once")),
            }
        }
    }
    Ok(())
}

/// The folder of the demonstration: a given one is kept, a temporary one goes with the demonstration.
struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    fn new(global: &Global) -> Result<Self, Exit> {
        let given = global.dir != Path::new(".");
        let path = if given {
            global.dir.clone()
        } else {
            env::temp_dir().join(format!("isopolity-demo-{}", std::process::id()))
        };
        fs::create_dir_all(&path).map_err(|error| Exit::fault(format!("{} can't be made: {error}", path.display())))?;
        // One of an earlier run would lead to ports that nobody listens on.
        match fs::remove_file(path.join(MANIFEST)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Exit::fault(format!("{} can't be removed: {error}", path.join(MANIFEST).display())));
            }
            _ => {}
        }
        let path = path.canonicalize().map_err(|error| Exit::fault(format!("{}: {error}", path.display())))?;
        Ok(Self { path, temporary: !given })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary {
            // What can't be removed lies in the system's folder for such things.
            drop(fs::remove_dir_all(&self.path));
        }
    }
}

/// Makes, starts, fills and peers the cities.
async fn prepare(folder: &Path) -> Result<Vec<Running>, Exit> {
    let bar = ProgressBar::new(4 * CITIES.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {msg}") {
        bar.set_style(style);
    }
    let mut cities = try_join_all(CITIES.iter().map(|city| start(folder, city, &bar))).await?;
    for city in &mut cities {
        bar.set_message(format!("{}: importing", city.id));
        import(city).await?;
        bar.inc(1);
    }
    bar.set_message("exchanging trust bundles");
    peer(&cities, &bar).await?;
    bar.set_message("Feira and Kénitra come to an agreement");
    // On the heap: each step of both sides is a part of this future.
    Box::pin(cooperation::negotiate(&cities)).await?;
    bar.finish_and_clear();
    Ok(cities)
}

/// Prepares a city's folder, unless an earlier demonstration did, and starts its node.
async fn start(folder: &Path, city: &'static City, bar: &ProgressBar) -> Result<Running, Exit> {
    let id: CityId = city.id.parse().map_err(|error| Exit::fault(format!("{error}")))?;
    let folder = folder.join(city.id.split('.').next().unwrap_or(city.id));
    let token_file = folder.join("admin.token");
    let fault = |error: &dyn std::error::Error| Exit::fault(format!("{id}: {}", with_causes(error)));
    bar.set_message(format!("{id}: making keys"));
    if !folder.join("isopolity.toml").exists() {
        let any_port = Some("127.0.0.1:0".to_owned());
        let options = Options { federation_listen: any_port.clone(), api_listen: any_port, ..Options::default() };
        let made = init(&folder, &id, &options, Arc::new(SystemClock)).await.map_err(|error| fault(&error))?;
        if let Some(token) = made.token {
            write_secret(&token_file, &token).map_err(|error| fault(&error))?;
        }
    }
    bar.inc(1);
    let token = crate::connection::read(&token_file)?.trim().to_owned();
    let config = Config::load(&folder, []).map_err(|error| fault(&error))?;
    let node = Node::start(config, Arc::new(SystemClock)).await.map_err(|error| fault(&error))?;
    bar.inc(1);
    Ok(Running { city, id, folder, token, node: Some(node) })
}

fn write_secret(path: &Path, secret: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::Write::write_all(&mut options.open(path)?, secret.as_bytes())
}

/// The demonstration acts as the administrator that `init` made.
fn administrator() -> Caller {
    Caller::token("demo", Role::Administrator)
}

/// Imports the city's own records and its real twin-town agreements.
async fn import(city: &Running) -> Result<(), Exit> {
    let own = ImportStart { format: ImportFormat::JsonLines.into(), ..Default::default() };
    import_text(city, own, city.city.records).await?;
    if let Some(source_city) = city.city.twin_towns_name {
        let start = ImportStart {
            format: ImportFormat::TwinTownsCsv.into(),
            source_city: source_city.to_owned(),
            source: "Wikidata property P190, 2017 extract".to_owned(),
            licence: "CC0-1.0".to_owned(),
            ..Default::default()
        };
        import_text(city, start, TWIN_TOWNS).await?;
    }
    Ok(())
}

async fn import_text(city: &Running, start: ImportStart, text: &'static str) -> Result<(), Exit> {
    let Some(node) = &city.node else { return Ok(()) };
    let (chunks, file) = mpsc::channel(1);
    let (news, mut told) = mpsc::channel(64);
    let caller = administrator();
    let (imported, (), rejected) = tokio::join!(
        node.registry().import(&caller, start, file, news),
        async move { drop(chunks.send(Ok(text.into())).await) },
        async move {
            let mut first = None;
            while let Some(one) = told.recv().await {
                if let News::Row(row) = one {
                    first.get_or_insert(row);
                }
            }
            first
        },
    );
    imported.map_err(|error| Exit::fault(format!("{}: {}", city.id, with_causes(&error))))?;
    match rejected {
        None => Ok(()),
        Some(row) => {
            let flaws: Vec<_> = row.flaws.iter().map(|flaw| format!("{}: {}", flaw.column, flaw.description)).collect();
            let (line, flaws) = (row.line, flaws.join("; "));
            Err(Exit::fault(format!("{}: the built-in records have a fault in line {line}: {flaws}", city.id)))
        }
    }
}

/// Exchanges the bundles of all cities, and approves on both sides.
async fn peer(cities: &[Running], bar: &ProgressBar) -> Result<(), Exit> {
    let caller = administrator();
    let mut bundles = Vec::new();
    for city in cities {
        if let Some(node) = &city.node {
            let (bundle, fingerprint) =
                node.registry().own_bundle(&caller).await.map_err(|error| Exit::broken(&error))?;
            bundles.push((&city.id, bundle, fingerprint));
        }
    }
    for city in cities {
        let Some(node) = &city.node else { continue };
        for (other, bundle, fingerprint) in bundles.iter().filter(|(other, ..)| **other != city.id) {
            let registry = node.registry();
            let peered = async {
                registry.add_peer(&caller, bundle).await?;
                registry.approve_peer(&caller, other.as_str(), Audience::Unspecified, fingerprint).await
            };
            peered.await.map_err(|error| {
                Exit::fault(format!("{} can't peer with {other}: {}", city.id, with_causes(&error)))
            })?;
        }
        bar.inc(1);
    }
    // The greetings of the first were before the approvals of the last.
    for city in cities {
        if let Some(node) = &city.node {
            node.registry().tend_peers().await;
        }
    }
    Ok(())
}

async fn stop(cities: &mut [Running], stopped: &str) {
    for city in cities.iter_mut().filter(|city| city.id.as_str() == stopped) {
        if let Some(node) = city.node.take() {
            node.shut_down().await;
        }
    }
}

fn write_manifest(folder: &Path, cities: &[Running]) -> Result<(), Exit> {
    let entries: Vec<_> = cities
        .iter()
        .filter_map(|city| {
            let node = city.node.as_ref()?;
            Some(json!({
                "city": city.id.as_str(),
                "folder": city.folder,
                "api": node.api_address().to_string(),
                "federation": node.federation_address().to_string(),
                "ca": city.folder.join("trust").join("ca.pem"),
                "token": city.token,
            }))
        })
        .collect();
    let text = json!({"cities": entries}).to_string();
    // Written whole or not at all: whoever waits for the file may read it at once.
    let (draft, file) = (folder.join(format!("{MANIFEST}.new")), folder.join(MANIFEST));
    write_secret(&draft, &text)
        .and_then(|()| fs::rename(&draft, &file))
        .map_err(|error| Exit::fault(format!("{} can't be written: {error}", file.display())))
}

/// The city that asks: the first that runs.
fn asker(cities: &[Running]) -> Result<&Running, Exit> {
    cities.iter().find(|city| city.node.is_some()).ok_or_else(|| Exit::fault("no city runs"))
}

/// Asks as any program would: over TLS, with a token.
async fn ask(asker: &Running, arguments: &Demo) -> Result<SearchResponse, Exit> {
    let question = if arguments.words.is_empty() {
        Question { origin_countries: vec!["MA".to_owned()], ..Default::default() }
    } else {
        Question { text: arguments.words.join(" "), ..Default::default() }
    };
    let words = if arguments.words.is_empty() { "who has ties with Morocco?" } else { &question.text };
    output::note(&format!("{} asks all cities: {words}\n", asker.id));
    let mut request = Request::new(SearchRequest {
        question: Some(question),
        purpose: "demonstration".to_owned(),
        ..Default::default()
    });
    request.set_timeout(DEADLINE);
    let answer =
        CatalogServiceClient::new(channel(asker).await?).max_decoding_message_size(64 << 20).search(request).await?;
    Ok(answer.into_inner())
}

/// A channel to a city's API, as any program of that city has it.
async fn channel(city: &Running) -> Result<Client, Exit> {
    let Some(node) = &city.node else { return Err(Exit::fault(format!("{} does not run", city.id))) };
    let root = crate::connection::read(&city.folder.join("trust").join("ca.pem"))?;
    Ok(isopolity_node::client::connect(&node.api_address().to_string(), &root, Some(&city.token)).await?)
}

/// What to try next.
fn hints(cities: &[Running], asker: &Running) -> String {
    let Some(node) = &asker.node else { return String::new() };
    let folder = asker.folder.display();
    let other = cities.iter().rfind(|city| city.node.is_some()).map_or(asker.id.as_str(), |city| city.id.as_str());
    let api = node.api_address();
    let cooperation = format!("{}/{}", cooperation::HOST, cooperation::ID);
    let python = format!(
        "python3 -c \"import grpc,json; c=json.load(open('{}'))['cities'][0]; ch=grpc.secure_channel(c['api'], \
         grpc.ssl_channel_credentials(open(c['ca'],'rb').read())); grpc.channel_ready_future(ch).result(5); print('connected to', c['city'])\"",
        asker.folder.parent().unwrap_or(&asker.folder).join(MANIFEST).display()
    );
    format!(
        "The cities go on until Ctrl-C. In another terminal:\n\n  \
         export ISOPOLITY_DIR={folder} ISOPOLITY_NODE={api} ISOPOLITY_TOKEN=$(cat {folder}/admin.token)\n  \
         cargo run -q -- search kenitra\n  \
         cargo run -q -- search --country CV --kind agreement --output json\n  \
         cargo run -q -- get cities/kenitra.example/partnerships/feira-kenitra\n  \
         cargo run -q -- record list partnership\n  \
         cargo run -q -- cooperation list\n  \
         cargo run -q -- cooperation show {cooperation}\n  \
         cargo run -q -- inbox\n  \
         cargo run -q -- status feira.example kenitra.example\n  \
         cargo run -q -- export --format iati\n  \
         cargo run -q -- peer list\n  \
         cargo run -q -- peer test {other}\n  \
         cargo run -q -- peer invite\n  \
         cargo run -q -- peer suspend {other} --reason \"a test\"\n\n\
         With other clients (see proto/README.md):\n\n  \
         grpcurl -cacert {folder}/trust/ca.pem -H \"authorization: Bearer $ISOPOLITY_TOKEN\" {api} list\n  \
         {python}"
    )
}
