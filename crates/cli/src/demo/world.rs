//! The demo's world on disk: one directory with a git repository, a configuration and a store.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;

/// Where everything lies. Nothing of the demo is anywhere else.
#[derive(Debug)]
pub(crate) struct World {
    /// The directory.
    pub(crate) dir: PathBuf,
    /// A git repository with CODEOWNERS.
    pub(crate) repository: PathBuf,
    /// The configuration.
    pub(crate) config: PathBuf,
}

/// The repository's name, from its remote.
pub(crate) const REPO: &str = "acme/shop";
/// The channel that everybody is told on.
pub(crate) const CHANNEL: &str = "ops-hook";

const CODEOWNERS: &str = "\
# The last matching line wins.
*               @platform
/src/payments/  @payments-team
/src/search/    @bob
";

const OWNERSHIP: &str = r#"people:
  - {handle: "@alice", name: "Alice", contacts: [{channel: ops-hook}]}
  - {handle: "@bob", name: "Bob", contacts: [{channel: ops-hook}]}

teams:
  - {handle: "@payments-team", members: ["@alice", "@bob"], lead: "@alice", contacts: [{channel: ops-hook}]}
  - {handle: "@platform", members: ["@bob"], contacts: [{channel: ops-hook}]}

owners:
  - {resource: "service:payments-*", primary: "@alice", secondary: "@bob", team: "@payments-team"}
  - {resource: "service:search", primary: "@bob"}
  - {resource: "table:payments/*", team: "@payments-team"}
  - {resource: "config:*", team: "@platform"}

codeowners:
  - {repo: "acme/shop", path: ./CODEOWNERS, dialect: github}
"#;

const RULES: &str = r#"rules:
  - name: production-deploys
    match:
      action_type: deploy
      resource.tags: [production]
    decision: monitored_execute
    notify: [resource.owners, "@platform"]
    urgency: high
    reason: "production changes"

  - name: refunds
    match:
      action_type: refund
    decision: flagged_execute
    review_within: 4h
    notify: [resource.owners]
    reason: "money leaves the house"
"#;

impl World {
    /// Makes it: in `dir`, or in a new directory among the temporary ones.
    pub(crate) fn make(dir: Option<&Path>, hook: &str, secret: &str, nonce: u64) -> Result<Self, Failure> {
        let dir = dir.map_or_else(|| std::env::temp_dir().join(format!("mandate-demo-{nonce:08x}")), Path::to_owned);
        if dir.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Failure::Usage(format!("`{}` is not empty; name a new directory", dir.display())));
        }
        make_dir(&dir)?;
        // Symbolic links in the path would make the repository's files look like another folder's.
        let dir = dir.canonicalize().map_err(|error| Failure::file("find", &dir, &error))?;
        let world = Self { repository: dir.join("shop"), config: dir.join("config"), dir };
        world.write_config(hook, secret)?;
        world.write_repository()?;
        Ok(world)
    }

    /// The store's address.
    pub(crate) fn store(&self) -> String {
        format!("sqlite:{}", self.dir.join("mandate.db").display())
    }

    /// Where the admin key is.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.dir.join("mandate.key")
    }

    fn write_config(&self, hook: &str, secret: &str) -> Result<(), Failure> {
        make_dir(&self.config.join("rules"))?;
        let settings = format!(
            "store: \"{}\"\nchannels:\n  - {{name: {CHANNEL}, kind: webhook, url: \"{hook}\", secret: \"{secret}\", allow_private: true}}\n\
             fallback: {{notify: [\"@platform\"]}}\nadmins: [\"@platform\"]\n",
            self.store(),
        );
        write(&self.config.join("mandate.yaml"), &settings)?;
        write(&self.config.join("ownership.yaml"), OWNERSHIP)?;
        write(&self.config.join("rules").join("shop.yaml"), RULES)?;
        write(&self.config.join("CODEOWNERS"), CODEOWNERS)
    }

    fn write_repository(&self) -> Result<(), Failure> {
        for folder in ["src/payments", "src/search"] {
            make_dir(&self.repository.join(folder))?;
        }
        write(&self.repository.join("CODEOWNERS"), CODEOWNERS)?;
        write(&self.repository.join("README.md"), "# Shop\n\nSells things.\n")?;
        write(
            &self.repository.join("src/payments/charge.py"),
            "def charge(card, cents):\n    return card.take(cents)\n",
        )?;
        write(&self.repository.join("src/search/index.py"), "def find(words):\n    return []\n")?;
        self.git(&["init", "--quiet", "--initial-branch", "main"])?;
        self.git(&["remote", "add", "origin", "https://git.example.com/acme/shop.git"])?;
        self.git(&["add", "."])?;
        let who = ["-c", "user.name=demo", "-c", "user.email=demo@example.com", "-c", "commit.gpgsign=false"];
        self.git(&[&who[..], &["commit", "--quiet", "--message", "Begin the shop"]].concat())
    }

    fn git(&self, arguments: &[&str]) -> Result<(), Failure> {
        let done = Command::new("git").arg("-C").arg(&self.repository).args(arguments).output();
        let done = done.map_err(|error| {
            Failure::Failed(format!("cannot run `git`: {}; is it installed?", crate::failure::plain(&error)))
        })?;
        if done.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&done.stderr);
        Err(Failure::Failed(format!("`git {}` failed: {}", arguments.join(" "), said.trim())))
    }
}

fn make_dir(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(|error| Failure::file("make the directory", path, &error))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::file("write", path, &error))
}
