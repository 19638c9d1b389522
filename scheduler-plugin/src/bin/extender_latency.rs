//! Measures how long `filter` takes beside an empty handler of the same HTTP server, in the same run.
//!
//! Questions go over one kept connection, as the scheduler's do, in turns: one to each handler, then the next round. So
//! whatever else the machine does meets all of them alike. The empty handlers read the question and know nothing: one
//! says nothing, the other says as many bytes as `filter` does.

use api::grpc::v1::{Account, Grant, Node, Pool, WatchGrantsResponse};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::post;
use axum_server::Handle;
use clap::Parser;
use hdrhistogram::Histogram;
use scheduler_plugin::book::Revision;
use scheduler_plugin::{Plugin, router};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

const EXAMPLES: &str = "\
Example:
  cargo run --release -p leasehold-scheduler-plugin --bin extender-latency

Exit status: 0 every p99 is at most twice that of the empty handler that says as many bytes, 1 one is not.";

/// Measures `filter` beside an empty handler of the same HTTP server.
#[derive(Parser)]
#[command(name = "extender-latency", version, after_help = EXAMPLES)]
struct Cli {
    /// Questions to each handler
    #[arg(long, default_value_t = 5_000)]
    rounds: u32,
    /// Numbers of node names in a question
    #[arg(long, value_delimiter = ',', default_values_t = [500, 5_000])]
    names: Vec<usize>,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match measure(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What is asked, and where.
struct Case {
    name: &'static str,
    path: &'static str,
    question: Vec<u8>,
    times: Histogram<u64>,
}

fn measure(cli: &Cli) -> Result<bool, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    println!(
        "| names | handler | bytes in | bytes out | p50 µs | p99 µs | p99.9 µs | p99 / empty |"
    );
    println!("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    let mut is_fast = true;
    for &names in &cli.names {
        is_fast &= measure_names(cli, &runtime, names)?;
    }
    Ok(is_fast)
}

fn measure_names(
    cli: &Cli,
    runtime: &tokio::runtime::Runtime,
    names: usize,
) -> Result<bool, Failure> {
    let plugin = Arc::new(Plugin::new(Duration::from_secs(1)));
    tell(&plugin, names);
    let all = question("team", "u1", names)?;
    let answer = ask_once(runtime, plugin.clone(), &all)?;
    let empty = Router::new()
        .route("/empty", post(say_nothing))
        .route("/echo", post(say_as_much))
        .with_state(Bytes::from(answer));
    let handle = Handle::new();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let routes = router(plugin).merge(empty).into_make_service();
    let server = axum_server::bind(any).handle(handle.clone());
    runtime.spawn(server.serve(routes));
    let address = runtime
        .block_on(handle.listening())
        .ok_or("the server does not listen")?;
    let case = |name, path, question: Vec<u8>| -> Result<Case, Failure> {
        let times = Histogram::new(3)?;
        Ok(Case {
            name,
            path,
            question,
            times,
        })
    };
    let mut cases = [
        case("empty, says nothing", "/empty", all.clone())?,
        case("empty, says as many bytes", "/echo", all.clone())?,
        case(
            "filter, pod outside leases",
            "/filter",
            question("elsewhere", "u0", names)?,
        )?,
        case("filter, granted pod", "/filter", all)?,
    ];
    let mut client = Client::connect(address)?;
    let mut sizes = [0; 4];
    // What happens once only does not belong in the figures.
    let warm_up = cli.rounds / 10;
    for round in 0..cli.rounds + warm_up {
        for (case, size) in cases.iter_mut().zip(&mut sizes) {
            let started = Instant::now();
            *size = client.ask(case.path, &case.question)?;
            let took = started.elapsed();
            if round >= warm_up {
                case.times.record(u64::try_from(took.as_nanos())?)?;
            }
        }
    }
    handle.shutdown();
    print(names, &cases, sizes)
}

/// Prints the rows. Whether each p99 is at most twice the empty handler's.
fn print(names: usize, cases: &[Case; 4], sizes: [usize; 4]) -> Result<bool, Failure> {
    let empty = cases[1].times.value_at_quantile(0.99);
    let mut is_fast = true;
    for (case, size) in cases.iter().zip(sizes) {
        let at = |quantile| case.times.value_at_quantile(quantile);
        let hundredths = at(0.99) * 100 / empty.max(1);
        is_fast &= hundredths <= 200;
        println!(
            "| {names} | {} | {} | {size} | {} | {} | {} | {}.{:02} |",
            case.name,
            case.question.len(),
            at(0.5) / 1000,
            at(0.99) / 1000,
            at(0.999) / 1000,
            hundredths / 100,
            hundredths % 100,
        );
    }
    Ok(is_fast)
}

async fn say_nothing(body: Body) -> impl IntoResponse {
    let _ = to_bytes(body, usize::MAX).await;
    "{}"
}

async fn say_as_much(State(answer): State<Bytes>, body: Body) -> impl IntoResponse {
    let _ = to_bytes(body, usize::MAX).await;
    ([(header::CONTENT_TYPE, "application/json")], answer)
}

fn node_name(number: usize) -> String {
    format!("gke-pool-{number:05}.europe")
}

/// All nodes are of the pool; room is kept on one in a hundred, and the pod fits beside it there.
fn tell(plugin: &Plugin, names: usize) {
    let nodes = (0..names).map(|number| Node {
        name: node_name(number),
        is_earmarked: number % 100 == 0,
        free_beside_earmarks: vec![64_000, 256 << 30, 110],
        allocatable: 64_000,
        reclaimable: 16_000,
        guaranteed: 16_000,
    });
    let grant = |number: usize| Grant {
        uid: format!("u{number}"),
        namespace: "team".to_owned(),
        request: vec![500, 1 << 30, 1],
        holds: 3,
        ..Grant::default()
    };
    let pool = Pool {
        name: "general".to_owned(),
        resources: ["cpu", "memory", "pods"].map(str::to_owned).into(),
        nodes: nodes.collect(),
        accounts: vec![Account {
            namespace: "team".to_owned(),
            ..Account::default()
        }],
        grants: (1..20_000).map(grant).collect(),
        ..Pool::default()
    };
    let message = WatchGrantsResponse {
        epoch: 1,
        revision: 1,
        valid_for_ms: 3_600_000,
        is_snapshot: true,
        leased_namespaces: vec!["team".to_owned()],
        pools: vec![pool],
        ..WatchGrantsResponse::default()
    };
    if let Some(revision) = Revision::default().add(message) {
        plugin.book.apply(revision, Instant::now());
    }
}

/// A question as kube-scheduler sends it: the whole pod, and names.
fn question(namespace: &str, uid: &str, names: usize) -> Result<Vec<u8>, Failure> {
    let pod = include_str!("../../tests/support/pod.json")
        .replace("NAMESPACE", namespace)
        .replace("UID", uid);
    let names: Vec<String> = (0..names).map(node_name).collect();
    let names = serde_json::to_string(&names)?;
    let mut question = String::new();
    write!(
        question,
        r#"{{"Pod":{},"Nodes":null,"NodeNames":{names}}}"#,
        pod.trim()
    )?;
    Ok(question.into_bytes())
}

/// The plugin's own answer, for the handler that says as much.
fn ask_once(
    runtime: &tokio::runtime::Runtime,
    plugin: Arc<Plugin>,
    question: &[u8],
) -> Result<Vec<u8>, Failure> {
    let handle = Handle::new();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = axum_server::bind(any).handle(handle.clone());
    runtime.spawn(server.serve(router(plugin).into_make_service()));
    let address = runtime
        .block_on(handle.listening())
        .ok_or("the server does not listen")?;
    let mut client = Client::connect(address)?;
    let size = client.ask("/filter", question)?;
    handle.shutdown();
    Ok(client.buffer[client.body_at..client.body_at + size].to_vec())
}

/// A client that costs next to nothing: one connection, no parsing beyond the length of the answer.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    body_at: usize,
}

impl Client {
    fn connect(address: SocketAddr) -> Result<Client, Failure> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let buffer = vec![0; 4 << 20];
        Ok(Client {
            stream,
            buffer,
            body_at: 0,
        })
    }

    /// The size of the answer's body.
    fn ask(&mut self, path: &str, body: &[u8]) -> Result<usize, Failure> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: plugin\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut request = head.into_bytes();
        request.extend_from_slice(body);
        self.stream.write_all(&request)?;
        let mut read = 0;
        loop {
            let more = self.stream.read(&mut self.buffer[read..])?;
            if more == 0 {
                return Err("the server hung up".into());
            }
            read += more;
            let Some(end) = find(&self.buffer[..read], b"\r\n\r\n") else {
                continue;
            };
            let head = std::str::from_utf8(&self.buffer[..end])?;
            if !head.starts_with("HTTP/1.1 200") {
                return Err(format!("{path} answers {head}").into());
            }
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.parse())
            });
            let length: usize = length.ok_or("an answer without a length")??;
            self.body_at = end + 4;
            while read < self.body_at + length {
                let more = self.stream.read(&mut self.buffer[read..])?;
                if more == 0 {
                    return Err("the server hung up".into());
                }
                read += more;
            }
            return Ok(length);
        }
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|part| part == what)
}
