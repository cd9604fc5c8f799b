//! `rmq-testbed up`: a real cluster around one command, for the demo and for trying things out.
//!
//! The command finds the name server in `NAMESRV_ADDR`. It gets Ctrl-C, this program does not: like a shell it waits
//! for the command, returns its status and leaves nothing behind.
// A program for people: it prints, and a failed set-up ends it with its reason.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use rmq_testbed::{Cluster, Driver, Profile, Version, run_foreground};
use std::process::{Command, ExitCode};
use std::time::Instant;

const USAGE: &str = "\
usage: rmq-testbed up [OPTION]... -- COMMAND [ARGUMENT]...
  --version 5.5.0|4.9.7      the servers' version; 5.5.0 unless given
  --topic NAME:QUEUES        creates a topic
  --send TOPIC:COUNT[:TAGS]  stores messages with the Java client, keyed <topic>-<i>, tagged in turn: Orders:100:new,paid
  --property NAME=VALUE      a line for broker.conf
  --bench                    a broker with more memory and all compiler stages
COMMAND gets NAMESRV_ADDR, and in RMQ_TESTBED_DRIVER the port of the Java driver:
  exec 9<>/dev/tcp/127.0.0.1/$RMQ_TESTBED_DRIVER; echo help >&9; cat <&9";

#[derive(Debug)]
struct Up {
    version: Version,
    profile: Profile,
    topics: Vec<(String, u32)>,
    sends: Vec<(String, u32, Vec<String>)>,
    properties: Vec<(String, String)>,
    command: Vec<String>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if wants_help(&arguments) {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match parse(arguments) {
        Ok(up) => run(&up).unwrap_or_else(|reason| {
            eprintln!("rmq-testbed: {reason}");
            ExitCode::FAILURE
        }),
        Err(reason) => {
            eprintln!("rmq-testbed: {reason}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn run(up: &Up) -> Result<ExitCode, String> {
    let start = Instant::now();
    let step = |what: &str| eprintln!("rmq-testbed: {:5.1} s  {what}", start.elapsed().as_secs_f64());
    Driver::prepare();
    let mut builder = Cluster::builder(up.version).profile(up.profile);
    for (name, value) in &up.properties {
        builder = builder.broker_property(name, value);
    }
    let cluster = builder.try_start()?;
    let driver = Driver::try_shared()?;
    step(&format!("RocketMQ {} at {}", up.version, cluster.namesrv()));
    for (topic, queues) in &up.topics {
        cluster.create_topic(topic, *queues);
        step(&format!("topic {topic} with {queues} queues"));
    }
    for (topic, count, tags) in &up.sends {
        let mut send = cluster.send(topic, *count);
        if !tags.is_empty() {
            send = send.tags(&tags.iter().map(String::as_str).collect::<Vec<_>>());
        }
        let sent = send.run();
        step(&format!("{} messages in {topic}, by the Java client", sent.stored));
        if sent.stored != u64::from(*count) {
            return Err(format!("{} were not stored: {:?}", sent.failed, sent.first_error));
        }
    }
    let mut command = Command::new(&up.command[0]);
    command
        .args(&up.command[1..])
        .env("NAMESRV_ADDR", cluster.namesrv())
        .env("RMQ_TESTBED_DRIVER", driver.port().to_string());
    step(&format!("running {}", up.command.join(" ")));
    let status = run_foreground(command)?;
    step(&format!("it ended with status {status}"));
    Ok(ExitCode::from(status))
}

/// True when help is asked for, by an option of this program and not of COMMAND.
fn wants_help(arguments: &[String]) -> bool {
    arguments.iter().take_while(|word| *word != "--").any(|word| word == "--help" || word == "-h")
}

fn parse(arguments: Vec<String>) -> Result<Up, String> {
    let mut up = Up {
        version: Version::V5_5_0,
        profile: Profile::Test,
        topics: Vec::new(),
        sends: Vec::new(),
        properties: Vec::new(),
        command: Vec::new(),
    };
    let mut words = arguments.into_iter();
    if words.next().as_deref() != Some("up") {
        return Err("the only command is `up`".into());
    }
    while let Some(option) = words.next() {
        if option == "--" {
            up.command = words.collect();
            break;
        }
        if option == "--bench" {
            up.profile = Profile::Bench;
            continue;
        }
        let value = words.next().ok_or_else(|| format!("{option} needs a value"))?;
        match option.as_str() {
            "--version" => up.version = value.parse()?,
            "--topic" => up.topics.push(parse_topic(&value)?),
            "--send" => up.sends.push(parse_send(&value)?),
            "--property" => {
                let (name, value) =
                    value.split_once('=').ok_or_else(|| format!("{value} is not NAME=VALUE"))?;
                up.properties.push((name.to_owned(), value.to_owned()));
            }
            _ => return Err(format!("unknown option {option}")),
        }
    }
    if up.command.is_empty() {
        return Err("there is no COMMAND".into());
    }
    Ok(up)
}

fn parse_topic(text: &str) -> Result<(String, u32), String> {
    text.split_once(':')
        .and_then(|(topic, queues)| Some((topic.to_owned(), queues.parse().ok()?)))
        .ok_or_else(|| format!("{text} is not NAME:QUEUES"))
}

fn parse_send(text: &str) -> Result<(String, u32, Vec<String>), String> {
    let mut parts = text.splitn(3, ':');
    let topic = parts.next().unwrap_or_default().to_owned();
    let count = parts.next().and_then(|count| count.parse().ok());
    let count = count.ok_or_else(|| format!("{text} is not TOPIC:COUNT[:TAGS]"))?;
    let tags = parts.next().map(|tags| tags.split(',').map(str::to_owned).collect()).unwrap_or_default();
    Ok((topic, count, tags))
}

#[cfg(test)]
mod tests {
    use super::{parse, parse_send, wants_help};

    #[test]
    fn a_send_has_a_count_and_may_have_tags() {
        assert_eq!(parse_send("T:5"), Ok(("T".into(), 5, vec![])));
        assert_eq!(parse_send("T:5:a,b"), Ok(("T".into(), 5, vec!["a".into(), "b".into()])));
        assert!(parse_send("T").is_err());
    }

    #[test]
    fn help_is_asked_for_before_the_command() {
        let asks = |line: &str| wants_help(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert!(asks("--help") && asks("up --help") && asks("up --topic T:1 -h -- demo"));
        assert!(!asks("up -- demo --help"));
    }

    #[test]
    fn the_command_keeps_its_own_options() {
        let words = ["up", "--topic", "T:8", "--", "demo", "--version", "9"];
        let up = parse(words.map(str::to_owned).to_vec()).unwrap_or_else(|reason| panic!("{reason}"));
        assert_eq!(up.command, ["demo", "--version", "9"]);
        assert_eq!(up.topics, [("T".to_owned(), 8)]);
    }
}
