//! Where a call takes place: the working directory, its repository, and the repository's name elsewhere.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::value::RawValue;

/// A repository in the file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repository {
    /// Its root, absolute.
    pub(super) root: PathBuf,
    /// `owner/name` from its remote, else its folder's name.
    pub(super) name: String,
}

/// Finds repositories and remembers them.
#[derive(Debug)]
pub(super) struct CallSite {
    working_directory: PathBuf,
    known: HashMap<PathBuf, Option<Repository>>,
}

/// So many directories are remembered.
const MAX_KNOWN: usize = 4_096;
/// So many paths of one call are looked at.
const MAX_PATHS: usize = 256;
/// A longer text is no path.
const MAX_PATH_BYTES: usize = 4_096;

impl CallSite {
    pub(super) fn new(working_directory: PathBuf) -> Self {
        Self { working_directory, known: HashMap::new() }
    }

    pub(super) fn working_directory(&self) -> &Path {
        &self.working_directory
    }

    /// The repository that a call with these arguments belongs to: the one that holds all absolute paths among them
    /// if there is one, else that of the working directory.
    ///
    /// Hosts start servers in directories of their own choice; what a call touches says more than where it began.
    /// The arguments are taken as they were sent: a scrubbed path leads nowhere.
    pub(super) fn repository(&mut self, arguments: Option<&RawValue>) -> Option<Repository> {
        let paths = arguments.map(absolute_paths).unwrap_or_default();
        let mut of_paths = paths.iter().map(|path| self.enclosing(Path::new(path)));
        if let Some(Some(first)) = of_paths.next()
            && of_paths.all(|other| other.as_ref() == Some(&first))
        {
            return Some(first);
        }
        self.enclosing(&self.working_directory.clone())
    }

    fn enclosing(&mut self, path: &Path) -> Option<Repository> {
        if path.components().any(|part| part == std::path::Component::ParentDir) {
            return None;
        }
        if let Some(known) = self.known.get(path) {
            return known.clone();
        }
        let found = path.ancestors().find(|dir| dir.join(".git").exists()).map(read_repository);
        if self.known.len() < MAX_KNOWN {
            self.known.insert(path.to_owned(), found.clone());
        }
        found
    }
}

/// Absolute paths among the values of the top level and of its lists, the first ones of many.
fn absolute_paths(arguments: &RawValue) -> Vec<String> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(arguments.get()).unwrap_or_default();
    let values = members.into_values().flat_map(|value| match serde_json::from_str::<Vec<&RawValue>>(value.get()) {
        Ok(items) => items,
        Err(_no_list) => vec![value],
    });
    // Read only when it begins as a path and may be one: contents of files are arguments too.
    let may_be = |raw: &&RawValue| raw.get().starts_with("\"/") && raw.get().len() <= MAX_PATH_BYTES;
    let texts = values.filter(may_be).filter_map(|raw| serde_json::from_str::<String>(raw.get()).ok());
    texts.filter(|text| !text.contains('\n')).take(MAX_PATHS).collect()
}

fn read_repository(root: &Path) -> Repository {
    let name = git_directory(root)
        .and_then(|dir| fs::read_to_string(dir.join("config")).ok())
        .and_then(|config| remote(&config))
        .or_else(|| Some(root.file_name()?.to_str()?.to_owned()))
        .unwrap_or_else(|| "unnamed".to_owned());
    Repository { root: root.to_owned(), name }
}

/// The directory that holds the configuration: `.git`, or where a work tree's `.git` file leads.
fn git_directory(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let text = fs::read_to_string(git).ok()?;
    let own = root.join(text.trim().strip_prefix("gitdir:")?.trim());
    match fs::read_to_string(own.join("commondir")) {
        Ok(common) => Some(own.join(common.trim())),
        Err(_none) => Some(own),
    }
}

/// `owner/name` of `origin`, else of the first remote.
fn remote(config: &str) -> Option<String> {
    let mut section = "";
    let mut first = None;
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        } else if section.starts_with("[remote ")
            && let Some((key, url)) = line.split_once('=')
            && key.trim() == "url"
        {
            let name = repository_name(url.trim());
            if section.contains("\"origin\"") && name.is_some() {
                return name;
            }
            first = first.or(name);
        }
    }
    first
}

/// The path of a remote's address, without host, user and password, and without `.git`.
fn repository_name(url: &str) -> Option<String> {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        // The short form of ssh: `user@host:path`.
        None => url.split_once(':').map_or(url, |(_, path)| path),
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let fits = !path.is_empty() && path.len() <= 256 && !path.chars().any(char::is_control);
    (fits && path.contains('/') && !url.starts_with(['/', '.'])).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn remotes_are_named_without_host_or_password() {
        for (url, expect) in [
            ("git@github.com:acme/shop.git", Some("acme/shop")),
            ("https://github.com/acme/shop", Some("acme/shop")),
            ("https://user:token@github.com/acme/shop.git/", Some("acme/shop")),
            ("ssh://git@host:2222/group/sub/shop.git", Some("group/sub/shop")),
            ("/srv/git/shop.git", None),
            ("../shop", None),
            ("https://host", None),
        ] {
            assert_eq!(repository_name(url).as_deref(), expect, "{url}");
        }
        let config = "[core]\n\tbare = false\n[remote \"fork\"]\n\turl = git@h:me/shop.git\n[remote \"origin\"]\n\turl = git@h:acme/shop.git\n";
        assert_eq!(remote(config).as_deref(), Some("acme/shop"));
        assert_eq!(remote("[branch \"x\"]\n url = a/b\n"), None);
    }

    #[test]
    fn the_repository_is_that_of_the_paths_else_of_the_working_directory() {
        let dir = tempfile::tempdir().unwrap();
        let (shop, tools) = (dir.path().join("shop"), dir.path().join("tools"));
        for (root, config) in [(&shop, "[remote \"origin\"]\nurl = https://h/acme/shop.git"), (&tools, "")] {
            fs::create_dir_all(root.join(".git")).unwrap();
            fs::write(root.join(".git/config"), config).unwrap();
        }
        let tree = dir.path().join("tree");
        fs::create_dir_all(shop.join(".git/worktrees/tree")).unwrap();
        fs::write(shop.join(".git/worktrees/tree/commondir"), "../..\n").unwrap();
        fs::create_dir(&tree).unwrap();
        fs::write(tree.join(".git"), format!("gitdir: {}\n", shop.join(".git/worktrees/tree").display())).unwrap();

        let mut site = CallSite::new(tools.clone());
        let mut name = |arguments: Value| {
            let raw = serde_json::value::to_raw_value(&arguments).unwrap();
            site.repository(Some(&raw)).map(|repository| repository.name)
        };
        let path = |path: PathBuf| path.to_str().unwrap().to_owned();
        assert_eq!(name(json!({"path": path(shop.join("src/new/pay.rs"))})).as_deref(), Some("acme/shop"));
        assert_eq!(name(json!({"paths": [path(tree.join("a"))], "text": "/"})).as_deref(), Some("tools"), "mixed");
        assert_eq!(name(json!({"paths": [path(tree.join("a"))]})).as_deref(), Some("acme/shop"), "a work tree");
        assert_eq!(name(json!({"path": "src/pay.rs"})).as_deref(), Some("tools"));
        assert_eq!(name(json!({"path": path(shop.join("../tools/x"))})).as_deref(), Some("tools"));
        assert_eq!(CallSite::new(dir.path().into()).repository(None), None);
    }
}
