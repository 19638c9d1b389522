//! Templates that pods share: thousands of pods are made from one.

use engine::spec::Template;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Templates in use, each once.
#[derive(Debug, Default)]
pub(super) struct Templates {
    known: BTreeSet<Arc<Template>>,
    /// The size at which those that nobody uses any more are let go.
    tidy_at: usize,
}

impl Templates {
    /// The shared form of a template.
    pub(super) fn share(&mut self, template: &Arc<Template>) -> Arc<Template> {
        if let Some(known) = self.known.get(template) {
            return Arc::clone(known);
        }
        if self.known.len() >= self.tidy_at {
            self.known
                .retain(|template| Arc::strong_count(template) > 1);
            self.tidy_at = (self.known.len() * 2).max(1024);
        }
        self.known.insert(Arc::clone(template));
        Arc::clone(template)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_templates_are_kept_once() {
        let mut templates = Templates::default();
        let first = templates.share(&Arc::new(Template::default()));
        let second = templates.share(&Arc::new(Template::default()));
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn templates_that_nobody_uses_are_let_go() {
        let mut templates = Templates::default();
        for cpu in 0..5000 {
            let request = [("cpu".into(), cpu)].into();
            templates.share(&Arc::new(Template {
                request,
                ..Template::default()
            }));
        }
        assert!(templates.known.len() <= 1024);
    }
}
