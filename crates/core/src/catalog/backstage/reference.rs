//! References to entities: `[kind:][namespace/]name`.

/// A reference in full, in lower case but for the name as it was written.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    kind: String,
    namespace: String,
    name: String,
}

impl Reference {
    /// Reads one that stands where `kind` is expected, in an entity of `namespace`.
    pub(super) fn read(text: &str, kind: &str, namespace: &str) -> Self {
        let text = text.trim();
        let (kind, rest) = text.split_once(':').map_or((kind, text), |(kind, rest)| (kind, rest));
        let (namespace, name) = rest.split_once('/').unwrap_or((namespace, rest));
        Self { kind: kind.to_lowercase(), namespace: namespace.to_lowercase(), name: name.to_owned() }
    }

    pub(super) fn kind(&self) -> &str {
        &self.kind
    }

    /// The id of a service: the name, with its namespace unless that is the default one.
    pub(super) fn id(&self) -> String {
        if self.namespace == "default" { self.name.clone() } else { format!("{}/{}", self.namespace, self.name) }
    }

    /// The handle of a group or a user.
    pub(super) fn handle(&self) -> String {
        format!("@{}", self.id())
    }
}

impl PartialEq for Reference {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.id().to_lowercase() == other.id().to_lowercase()
    }
}

impl Eq for Reference {}

impl std::hash::Hash for Reference {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
        self.id().to_lowercase().hash(state);
    }
}
