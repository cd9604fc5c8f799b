//! Java command lines.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where `java` and `javac` come from on Debian.
pub(crate) const JDK_PACKAGE: &str = "openjdk-17-jdk-headless";

/// How much a broker gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Starts fast and small: 512 MiB heap, first compiler stage only, 64 MiB commit log files.
    #[default]
    Test,
    /// Runs fast: 2 GiB heap, all compiler stages, 1 GiB commit log files.
    Bench,
}

impl Profile {
    pub(crate) fn broker_flags(self) -> &'static [&'static str] {
        match self {
            Profile::Test => &["-Xms512m", "-Xmx512m", "-XX:MaxDirectMemorySize=512m"],
            Profile::Bench => &["-Xms2g", "-Xmx2g", "-XX:MaxDirectMemorySize=2g"],
        }
    }

    /// For JVMs that live for seconds: compiling less starts them a quarter sooner.
    pub(crate) fn start_flags(self) -> &'static [&'static str] {
        match self {
            Profile::Test => &["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"],
            Profile::Bench => &[],
        }
    }
}

/// The name of the log file below a program's home. Not its output: the driver hands out what mqadmin prints there.
pub(crate) const LOG_FILE: &str = "rocketmq.log";

/// A RocketMQ program that writes nothing outside `home`.
pub(crate) fn java(home: &Path, class_path: &str) -> Result<Command, String> {
    let logback = write_logging(home)?;
    let mut command = Command::new("java");
    command
        .current_dir(home)
        .arg(format!("-Duser.home={}", home.display()))
        .arg(format!("-Djava.io.tmpdir={}", home.display()))
        .arg(format!("-Drocketmq.home.dir={}", home.display()))
        .arg(format!("-Drmq.logback.configurationFile={}", logback.display()))
        .arg("-Drocketmq.client.logUseSlf4j=true")
        .args(["-cp", class_path]);
    Ok(command)
}

/// 5.x takes any file by system property, but with its own copy of logback; 4.x insists on three names below its home.
fn write_logging(home: &Path) -> Result<PathBuf, String> {
    let conf = home.join("conf");
    let shaded = conf.join("logback-5.xml");
    let log = home.join(LOG_FILE);
    let write =
        |path: &Path, text: String| fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()));
    fs::create_dir_all(&conf).map_err(|e| format!("{}: {e}", conf.display()))?;
    write(&shaded, logback("org.apache.rocketmq.logging.ch.qos.logback", &log))?;
    for name in ["namesrv", "broker", "tools"] {
        write(&conf.join(format!("logback_{name}.xml")), logback("ch.qos.logback", &log))?;
    }
    Ok(shaded)
}

fn logback(package: &str, log: &Path) -> String {
    format!(
        r#"<configuration>
  <statusListener class="{package}.core.status.NopStatusListener"/>
  <appender name="file" class="{package}.core.FileAppender">
    <file>{}</file>
    <encoder class="{package}.classic.encoder.PatternLayoutEncoder">
      <pattern>%d{{HH:mm:ss.SSS}} %-5level [%thread] %logger{{20}} %msg%n</pattern>
    </encoder>
  </appender>
  <root level="INFO"><appender-ref ref="file"/></root>
</configuration>
"#,
        log.display()
    )
}
