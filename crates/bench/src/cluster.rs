//! A PostgreSQL server of the benchmark's own, gone afterwards.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use sea_orm::{ConnectOptions, Database, DatabaseConnection};
use tempfile::TempDir;

use crate::measure::Failure;

/// What a server with some memory is set to. Nothing has to survive a power cut; planning for one statement in place of
/// compiling it is quicker here.
const SETTINGS: &str = "max_connections = 200
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
jit = off
shared_buffers = 1GB
effective_cache_size = 6GB
work_mem = 64MB
maintenance_work_mem = 512MB
max_wal_size = 8GB
random_page_cost = 1.1
enable_partitionwise_aggregate = on
enable_partitionwise_join = on
";

/// A running server. Dropping it stops it and removes all it had.
pub(crate) struct Cluster {
    programs: PathBuf,
    password: String,
    port: u16,
    /// As root the server's programs must run as another.
    is_root: bool,
    folder: TempDir,
}

impl Cluster {
    /// Starts a server.
    pub(crate) fn start() -> Result<Self, Failure> {
        let programs = programs().ok_or("there is no PostgreSQL; install Debian's package \"postgresql\"")?;
        let folder = tempfile::Builder::new().prefix("isopolity-bench-postgresql").tempdir()?;
        let is_root = fs::metadata("/proc/self")?.uid() == 0;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let password = format!("{:032x}", rand::random::<u128>());
        let cluster = Self { programs, password, port, is_root, folder };
        let secret = cluster.path().join("password");
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&secret)?;
        writeln!(file, "{}", cluster.password)?;
        if is_root {
            let server = owner()?;
            std::os::unix::fs::chown(cluster.path(), Some(server), None)?;
            std::os::unix::fs::chown(&secret, Some(server), None)?;
        }
        let data = format!("--pgdata={}", cluster.data().display());
        let password_file = format!("--pwfile={}", secret.display());
        cluster.run(
            "initdb",
            &[
                &data,
                "--username=postgres",
                &password_file,
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
            ],
        )?;
        let mut configuration = fs::OpenOptions::new().append(true).open(cluster.data().join("postgresql.conf"))?;
        write!(
            configuration,
            "{SETTINGS}listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{}'\n",
            cluster.path().display()
        )?;
        let log = format!("--log={}", cluster.path().join("log").display());
        cluster.run("pg_ctl", &["start", &data, "--wait", "--timeout=60", "--silent", &log])?;
        Ok(cluster)
    }

    /// A folder that the server can read.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Which PostgreSQL it is.
    pub(crate) fn version(&self) -> Result<String, Failure> {
        let output = Command::new(self.programs.join("postgres")).arg("--version").output()?;
        Ok(String::from_utf8(output.stdout)?.trim().rsplit(") ").next().unwrap_or_default().replace("postgres ", ""))
    }

    /// Connects to a database.
    pub(crate) async fn connect(&self, database: &str) -> Result<DatabaseConnection, Failure> {
        let url = format!("postgres://postgres:{}@127.0.0.1:{}/{database}", self.password, self.port);
        let mut options = ConnectOptions::new(url);
        options.max_connections(1).min_connections(1).sqlx_logging(false);
        Ok(Database::connect(options).await?)
    }

    /// How another database of this server reaches it, as options of a foreign server and of a user mapping.
    pub(crate) fn as_foreign(&self, database: &str) -> (String, String) {
        (
            format!("host '{}', port '{}', dbname '{database}'", self.path().display(), self.port),
            format!("user 'postgres', password '{}'", self.password),
        )
    }

    fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<Output, Failure> {
        let program = self.programs.join(program);
        let mut command = if self.is_root {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(&program);
            command
        } else {
            Command::new(&program)
        };
        let output = command.args(arguments).current_dir("/").output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{} failed: {said}", program.display()).into());
        }
        Ok(output)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = format!("--pgdata={}", self.data().display());
        // Where it did not start there is nothing to stop.
        drop(self.run("pg_ctl", &["stop", &data, "--mode=immediate", "--silent"]));
    }
}

/// The newest server's programs: Debian keeps them out of PATH.
fn programs() -> Option<PathBuf> {
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let mut found: Vec<PathBuf> =
        fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(|one| Some(one.ok()?.path())).collect();
    found.sort_by_key(|path| version(path));
    found.into_iter().map(|path| path.join("bin")).rfind(|path| path.join("initdb").exists())
}

/// The user that Debian's package makes for the server.
fn owner() -> Result<u32, Failure> {
    let users = fs::read_to_string("/etc/passwd")?;
    let line = users.lines().find(|line| line.starts_with("postgres:")).ok_or("there is no user \"postgres\"")?;
    Ok(line.split(':').nth(2).unwrap_or_default().parse()?)
}
