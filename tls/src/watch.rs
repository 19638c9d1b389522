//! Looks at the files from time to time.

use crate::files::{Loaded, ServerFiles};
use rustls::ServerConfig;
use std::sync::Arc;
use std::time::Duration;

/// Reads the files every `interval` and hands over what is made of them when they have changed. What cannot be used is
/// logged, and the old certificate stays. Never ends.
pub async fn keep_up(
    files: ServerFiles,
    loaded: Loaded,
    protocols: Vec<&'static str>,
    interval: Duration,
    changed: impl Fn(Arc<ServerConfig>) + Send,
) {
    let mut texts = loaded.texts;
    // A pair that is being replaced may not go together for a moment: told once, tried again.
    let mut told = None;
    loop {
        tokio::time::sleep(interval).await;
        if files.texts().is_ok_and(|now| now == texts) {
            continue;
        }
        match files.load(&protocols) {
            Ok(new) => {
                tracing::info!(certificate = %files.certificate.display(), "certificate read again");
                texts = new.texts;
                told = None;
                changed(new.config);
            }
            Err(error) if told.as_ref() != Some(&error) => {
                tracing::warn!(%error, "the changed certificate cannot be used; the old one stays");
                told = Some(error);
            }
            Err(_) => {}
        }
    }
}
