//! Writing scenarios: a line for each thing, in the order in which a reader wants to know it.

/// A text that grows by lines.
#[derive(Default)]
pub struct Text(String);

impl Text {
    /// Begins a scenario; `about` is its comment.
    pub fn scenario(name: &str, about: &[&str]) -> Text {
        let mut text = Text::default();
        for line in about {
            text.line(&format!("# {line}"));
        }
        text.line("apiVersion: leasehold.dev/v1alpha1");
        text.line("kind: Scenario");
        text.line(&format!("metadata: {{name: {name}}}"));
        text.line("spec:");
        text
    }

    /// Adds a line.
    pub fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// Adds the pool, under `objects`, whose root is the namespace `enterprise`.
    pub fn pool(&mut self, spec: &str) {
        self.line("  objects:");
        self.line("    - apiVersion: leasehold.dev/v1alpha1");
        self.line("      kind: CapacityPool");
        self.line("      metadata: {name: general}");
        self.line(&format!(
            "      spec: {{rootNamespace: enterprise, {spec}}}"
        ));
    }

    /// Adds a lease in that pool; `more` goes on with `guaranteed` and so on.
    pub fn lease(&mut self, lessor: &str, lessee: &str, more: &str) {
        self.line(&format!(
            "    - {{apiVersion: leasehold.dev/v1alpha1, kind: CapacityLease, metadata: {{name: {lessee}, \
             namespace: {lessor}}},"
        ));
        self.line(&format!(
            "       spec: {{pool: general, lessee: {lessee}, {more}}}}}"
        ));
    }

    /// Adds a workload.
    pub fn workload(&mut self, kind: &str, fields: &str) {
        self.line(&format!("    - {kind}: {{{fields}}}"));
    }

    /// The whole of it.
    pub fn finish(self) -> String {
        self.0
    }
}
